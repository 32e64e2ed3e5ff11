"""Readers of the vectors' conventions: decimal texts, addresses, indexed allocations."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from octant_protocol.address import parse_address
from octant_protocol.funding import AllocationRow


def wei(text: str) -> int:
    """A decimal string."""
    if not isinstance(text, str):
        raise TypeError(f"wei must be a decimal string, got {text!r}")
    return int(text)


def optional_wei(text: str | None) -> int | None:
    """A decimal string or null."""
    return None if text is None else wei(text)


def wei_text(amount: int | None) -> str | None:
    """The decimal string of an amount, null for None."""
    return None if amount is None else str(amount)


def hex_bytes(text: str) -> bytes:
    """Bytes of 0x-prefixed hex."""
    return bytes.fromhex(text.removeprefix("0x"))


def hex_text(data: bytes) -> str:
    """0x-prefixed lower-case hex."""
    return "0x" + data.hex()


def addresses(case: dict[str, Any], *names: str) -> list[bytes]:
    """The address lists under `names`, one after the other; absent lists are empty."""
    return [parse_address(text) for name in names for text in case.get(name) or ()]


def allocation_pairs(items: Sequence[dict[str, Any]]) -> list[tuple[bytes, int]]:
    """(project, wei) pairs of a signed allocation payload, in order."""
    return [(parse_address(item["proposalAddress"]), wei(item["amount"])) for item in items]


def user_key(index: int) -> bytes:
    """A stand-in address for a user index."""
    return int(index).to_bytes(20, "big")


def allocation_row(
    table: Sequence[bytes], project: int, amount: str, uq: str | None, user: int = 0
) -> AllocationRow:
    """A row whose project is an index into `table`."""
    if project < 0:
        raise ValueError(f"project index {project}")
    score = Decimal(0) if uq is None else Decimal(uq)
    return AllocationRow(table[project], wei(amount), score, user_key(user))
