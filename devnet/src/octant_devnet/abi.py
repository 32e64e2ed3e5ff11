"""Calls and reverts as bytes, from signatures such as `balanceOf(address)(uint256)`."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

ERROR_SELECTOR = bytes.fromhex("08c379a0")
PANIC_SELECTOR = bytes.fromhex("4e487b71")


class Reverted(Exception):
    """The chain refused; `code` is the contract's text, `panic 0x11`, or empty without a reason."""

    def __init__(self, code: str) -> None:
        super().__init__(code or "reverted without a reason")
        self.code = code


def encode_call(signature: str, args: Sequence[Any] = ()) -> bytes:
    """Selector and arguments; return types in the signature are ignored."""
    name, inputs, _ = _parse(signature)
    return keccak(text=f"{name}({','.join(inputs)})")[:4] + encode(inputs, args)


def decode_result(signature: str, data: bytes) -> tuple[Any, ...]:
    _, _, outputs = _parse(signature)
    return decode(outputs, data)


def revert_code(data: bytes) -> str:
    """The text of an Error(string), `panic 0x..` of a Panic(uint256), else raw hex or nothing."""
    if data[:4] == ERROR_SELECTOR:
        return str(decode(["string"], data[4:])[0])
    if data[:4] == PANIC_SELECTOR:
        return f"panic 0x{int.from_bytes(data[4:36], 'big'):02x}"
    return "0x" + data.hex() if data else ""


@cache
def _parse(signature: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    name, _, rest = signature.partition("(")
    groups = _split(f"({rest}".replace(")(", "),("))
    if not 1 <= len(groups) <= 2 or not all(g[:1] == "(" and g[-1:] == ")" for g in groups):
        raise ValueError(f"not a call signature: {signature!r}")
    inputs = _split(groups[0][1:-1])
    outputs = _split(groups[1][1:-1]) if len(groups) == 2 else ()
    return name, inputs, outputs


def _split(types: str) -> tuple[str, ...]:
    """Split at the commas that are outside of parentheses."""
    parts = [""] if types else []
    depth = 0
    for char in types:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return tuple(parts)
