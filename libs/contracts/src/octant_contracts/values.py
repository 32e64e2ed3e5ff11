"""Values that travel between services, and the JSON codec that keeps them exact.

Wei leaves as a decimal string, an address as EIP-55 text; inside a process they are an
unbounded `int` and 20 `bytes`.
"""

from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from octant_protocol.address import eip55, parse_address

EpochNumber = int
BlockNumber = int
Timestamp = int  # unix seconds of chain time


class Wei(int):
    """An amount of ETH or GLM in wei; a decimal string on every wire."""

    __slots__ = ()


class Address(bytes):
    """An Ethereum address: 20 bytes inside, EIP-55 text on the wire."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Any casing, `0x` optional; ValueError otherwise."""
        return cls(parse_address(text))

    @property
    def text(self) -> str:
        return eip55(bytes(self))

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Address({self.text})"


class Hex(bytes):
    """Bytes that travel as lower-case `0x…` text: hashes, roots, proofs, calldata."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> "Hex":
        return cls(bytes.fromhex(text.removeprefix("0x")))

    @property
    def text(self) -> str:
        return "0x" + self.hex()

    def __str__(self) -> str:
        return self.text


class BlockRef(msgspec.Struct, frozen=True, kw_only=True):
    """One block, so that a read never mixes two states of the chain."""

    number: BlockNumber
    hash: Hex
    timestamp: Timestamp


def _encode(value: Any) -> Any:
    if isinstance(value, Wei):
        return str(int(value))
    if isinstance(value, (Address, Hex)):
        return value.text
    raise NotImplementedError(f"cannot encode {type(value).__name__}")


def _decode(kind: type, value: Any) -> Any:
    if kind is Wei:
        if not isinstance(value, str):
            raise ValueError("wei must be a decimal string")
        return Wei(value)
    if kind is Address:
        return Address.parse(value)
    if kind is Hex:
        return Hex.parse(value)
    raise NotImplementedError(f"cannot decode {kind.__name__}")


T = TypeVar("T")

_encoder = msgspec.json.Encoder(enc_hook=_encode, decimal_format="string")
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def encode(value: Any) -> bytes:
    """JSON bytes of a struct (or plain value)."""
    return _encoder.encode(value)


def decode(data: bytes, kind: type[T]) -> T:
    """The struct of `kind` in `data`; msgspec.ValidationError when it does not fit."""
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind, dec_hook=_decode)
    result: T = decoder.decode(data)
    return result


def schema_hook(kind: type) -> dict[str, Any]:
    """JSON Schema of the custom values."""
    if kind is Wei:
        return {"type": "string", "pattern": "^-?[0-9]+$", "description": "wei"}
    if kind is Address:
        return {"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$", "description": "EIP-55"}
    if kind is Hex:
        return {"type": "string", "pattern": "^0x[0-9a-f]*$"}
    raise NotImplementedError(kind.__name__)


__all__ = [
    "Address",
    "BlockNumber",
    "BlockRef",
    "Decimal",
    "EpochNumber",
    "Hex",
    "Timestamp",
    "Wei",
    "decode",
    "encode",
    "schema_hook",
]
