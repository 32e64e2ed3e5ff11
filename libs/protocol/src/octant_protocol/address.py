"""Addresses and keccak: 20 bytes inside, EIP-55 text outside."""

import re
from functools import lru_cache

# The C implementation, named directly: a missing build fails the import instead of
# falling back to something slower.
from eth_hash.backends.pysha3 import keccak256

_HEX = re.compile(r"(?:0[xX])?[0-9a-fA-F]*")
_PREFIXED_ADDRESS = re.compile(r"0x[0-9a-f]{40}")

ADDRESS_LENGTH = 20
ZERO_ADDRESS = bytes(ADDRESS_LENGTH)


def keccak(data: bytes) -> bytes:
    """Keccak-256 (the original padding, not SHA3-256) of `data`: 32 bytes."""
    return keccak256(data)


@lru_cache(maxsize=2**17)
def eip55(address: bytes) -> str:
    """Checksummed text of a 20-byte address. Source: EIP-55."""
    if len(address) != ADDRESS_LENGTH:
        raise ValueError(f"an address has 20 bytes, got {len(address)}")
    digits = address.hex()
    nibbles = keccak256(digits.encode()).hex()
    return "0x" + "".join(
        digit.upper() if nibble > "7" else digit
        for digit, nibble in zip(digits, nibbles, strict=False)
    )


def parse_address(text: str) -> bytes:
    """20 bytes of an address text: 40 hex digits in any case, `0x` optional.

    The checksum is not verified. Raises `ValueError` with the text clients of the API know:
    `Unknown format '…', attempted to normalize to '…'` for hex of another length,
    `when sending a str, it must be a hex string. Got: '…'` for anything else.
    """
    if not _HEX.fullmatch(text):
        raise ValueError(f"when sending a str, it must be a hex string. Got: {text!r}")
    normalized = text.lower()
    if not normalized.startswith("0x"):
        normalized = "0x" + normalized
    if not _PREFIXED_ADDRESS.fullmatch(normalized):
        raise ValueError(f"Unknown format {text!r}, attempted to normalize to {normalized!r}")
    return bytes.fromhex(normalized[2:])
