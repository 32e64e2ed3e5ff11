"""Contract wallets: calldata of their checks and the hash a Safe signs."""

import re

from octant_protocol.address import keccak
from octant_protocol.signatures import MalformedSignature, typed_digest, word

IS_VALID_SIGNATURE_SELECTOR = bytes.fromhex("20c13b0b")
GET_MESSAGE_HASH_SELECTOR = bytes.fromhex("0a1028c4")

SAFE_MESSAGE_TYPE_HASH = keccak(b"SafeMessage(bytes message)")
SAFE_DOMAIN_TYPE_HASH = keccak(b"EIP712Domain(uint256 chainId,address verifyingContract)")
OLD_SAFE_DOMAIN_TYPE_HASH = keccak(b"EIP712Domain(address verifyingContract)")

_WALLET_SIGNATURE = re.compile(r"0x((?:[0-9a-fA-F]{2})*)")


def wallet_signature(text: str) -> bytes:
    """Bytes of a contract wallet's signature, of any length.

    Lower-case `0x` and an even number of digits are required; raises `MalformedSignature`.
    """
    match = _WALLET_SIGNATURE.fullmatch(text)
    if match is None:
        raise MalformedSignature("a wallet signature is 0x-prefixed hex of whole bytes")
    return bytes.fromhex(match[1])


def is_valid_signature_call(data: bytes, signature: bytes) -> bytes:
    """Calldata of `isValidSignature(bytes,bytes)`. Source: EIP-1271, legacy overload."""
    first, second = _dynamic_bytes(data), _dynamic_bytes(signature)
    return IS_VALID_SIGNATURE_SELECTOR + word(64) + word(64 + len(first)) + first + second


def accepts_signature(returned: bytes) -> bool:
    """Whether what `isValidSignature` returned (one ABI word) means valid."""
    return len(returned) >= 32 and returned[:4] == IS_VALID_SIGNATURE_SELECTOR


def get_message_hash_call(data: bytes) -> bytes:
    """Calldata of a Safe's `getMessageHash(bytes)`."""
    return GET_MESSAGE_HASH_SELECTOR + word(32) + _dynamic_bytes(data)


def safe_domain_separator(safe: bytes, chain_id: int | None) -> bytes:
    """Domain of a Safe; `chain_id` None for versions before 1.3.0, which do not name it."""
    account = safe.rjust(32, b"\0")
    if chain_id is None:
        return keccak(OLD_SAFE_DOMAIN_TYPE_HASH + account)
    return keccak(SAFE_DOMAIN_TYPE_HASH + word(chain_id) + account)


def safe_message_hash(separator: bytes, message: bytes) -> bytes:
    """What the owners of a Safe sign for `message` (for Octant a 32-byte digest)."""
    return typed_digest(separator, keccak(SAFE_MESSAGE_TYPE_HASH + keccak(message)))


def _dynamic_bytes(data: bytes) -> bytes:
    return word(len(data)) + data + bytes(-len(data) % 32)
