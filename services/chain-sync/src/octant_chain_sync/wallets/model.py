"""The standard form of EIP-1271; the legacy one is a rule of Octant's own."""

from eth_abi.abi import encode

STANDARD_SELECTOR = bytes.fromhex("1626ba7e")  # isValidSignature(bytes32,bytes)


def standard_call(digest: bytes, signature: bytes) -> bytes:
    """Calldata of `isValidSignature(bytes32,bytes)`; the digest has 32 bytes."""
    return STANDARD_SELECTOR + encode(["bytes32", "bytes"], [digest, signature])


def accepts_standard(returned: bytes) -> bool:
    """Whether one ABI word beginning with the selector was returned."""
    return len(returned) >= 32 and returned[:4] == STANDARD_SELECTOR
