"""Digests people sign and the recovery of the signer.

Allocations and GLM claims are EIP-712 typed data, everything else EIP-191 text.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from coincurve import PrivateKey, PublicKey

from octant_protocol.address import keccak
from octant_protocol.messages import patron_mode_text

__all__ = [
    "MalformedSignature",
    "address_of",
    "address_of_private_key",
    "allocation_digest",
    "allocation_struct_hash",
    "domain_separator",
    "glm_claim_digest",
    "glm_claim_struct_hash",
    "is_plain_account",
    "patron_mode_text",
    "personal_digest",
    "recover",
    "sign_digest",
    "typed_digest",
    "word",
]

DOMAIN_NAME = "Octant"
DOMAIN_VERSION = "1.0.0"

DOMAIN_TYPE_HASH = keccak(b"EIP712Domain(string name,string version,uint256 chainId)")
ALLOCATION_TYPE_HASH = keccak(b"Allocation(address proposalAddress,uint256 amount)")
PAYLOAD_TYPE_HASH = keccak(
    b"AllocationPayload(Allocation[] allocations,uint256 nonce)"
    b"Allocation(address proposalAddress,uint256 amount)"
)
GLM_CLAIM_TYPE_HASH = keccak(b"ClaimGLMPayload(string msg)")

_SIGNATURE = re.compile(r"(?:0[xX])?([0-9a-fA-F]{130})")
_DELEGATION_PREFIX = bytes.fromhex("ef0100")
_DELEGATION_LENGTH = 23


class MalformedSignature(ValueError):
    """A signature that is no 65-byte r‖s‖v text, or from which no key can be recovered."""


def word(value: int) -> bytes:
    """A 32-byte big-endian word. `OverflowError` for negatives and beyond 256 bits."""
    return value.to_bytes(32, "big")


@lru_cache(maxsize=64)
def domain_separator(chain_id: int) -> bytes:
    """EIP-712 domain of Octant on a chain: name, version and chain id, no contract."""
    return keccak(
        DOMAIN_TYPE_HASH
        + keccak(DOMAIN_NAME.encode())
        + keccak(DOMAIN_VERSION.encode())
        + word(chain_id)
    )


def typed_digest(separator: bytes, struct_hash: bytes) -> bytes:
    """EIP-712 digest of a struct hash under a domain."""
    return keccak(b"\x19\x01" + separator + struct_hash)


def allocation_struct_hash(allocations: Sequence[tuple[bytes, int]], nonce: int) -> bytes:
    """Struct hash of (project, wei) pairs in the signed order, and the nonce."""
    elements = b"".join(
        keccak(ALLOCATION_TYPE_HASH + project.rjust(32, b"\0") + word(amount))
        for project, amount in allocations
    )
    return keccak(PAYLOAD_TYPE_HASH + keccak(elements) + word(nonce))


def allocation_digest(chain_id: int, allocations: Sequence[tuple[bytes, int]], nonce: int) -> bytes:
    """What a donor signs: (project, wei) pairs in order and the nonce, 32 bytes.

    `OverflowError` for negative values and beyond 256 bits.
    Source: EIP-712 payload of allocations.
    """
    return typed_digest(domain_separator(chain_id), allocation_struct_hash(allocations, nonce))


def glm_claim_struct_hash(text: str) -> bytes:
    """Struct hash of a GLM claim's message."""
    return keccak(GLM_CLAIM_TYPE_HASH + keccak(text.encode()))


def glm_claim_digest(chain_id: int, text: str) -> bytes:
    """EIP-712 digest of a GLM claim, same domain as allocations."""
    return typed_digest(domain_separator(chain_id), glm_claim_struct_hash(text))


def personal_digest(text: str) -> bytes:
    """EIP-191 personal_sign digest of a text; the length is that of its UTF-8 bytes."""
    data = text.encode()
    return keccak(b"\x19Ethereum Signed Message:\n" + str(len(data)).encode() + data)


def recover(digest: bytes, signature: str) -> bytes:
    """20-byte address that signed a 32-byte digest.

    Accepts 65 bytes r‖s‖v as hex of any case, `0x` optional, v 27/28, 0/1 or ≥ 35, and high s.
    Raises `MalformedSignature` for every other text. Source: signature verification, EOA.
    """
    if len(digest) != 32:
        raise MalformedSignature(f"a digest has 32 bytes, got {len(digest)}")
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        raise MalformedSignature("a signature is 65 bytes of hex")
    raw = bytes.fromhex(match[1])
    compact = raw[:64] + bytes([_parity(raw[64])])
    try:
        key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
    except Exception as error:  # the binding raises bare Exception when no key fits
        raise MalformedSignature("no key can be recovered from the signature") from error
    return address_of(key)


def _parity(v: int) -> int:
    if v in (0, 1):
        return v
    if v in (27, 28):
        return v - 27
    if v >= 35:
        return (v - 35) % 2
    raise MalformedSignature(f"no signature has v = {v}")


def sign_digest(key: bytes, digest: bytes) -> str:
    """Deterministic (RFC 6979) signature of a 32-byte digest: `0x` r‖s‖v with v 27/28, low s."""
    raw = PrivateKey(key).sign_recoverable(digest, hasher=None)
    return "0x" + raw[:64].hex() + bytes([raw[64] + 27]).hex()


def address_of(key: PublicKey) -> bytes:
    """Address of a public key."""
    return keccak(key.format(compressed=False)[1:])[12:]


def address_of_private_key(key: bytes) -> bytes:
    """Address of a 32-byte private key."""
    return address_of(PrivateKey(key).public_key)


def is_plain_account(code: bytes) -> bool:
    """Whether an account with this code signs with its own key.

    True for no code and for an EIP-7702 delegation (23 bytes beginning 0xef0100).
    """
    return not code or (len(code) == _DELEGATION_LENGTH and code.startswith(_DELEGATION_PREFIX))
