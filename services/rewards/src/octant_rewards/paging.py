"""Pages of long answers."""

from collections.abc import Sequence

from octant_contracts.calls import PAGE


def next_cursor(first: int, rows: Sequence[object]) -> int | None:
    """Where the page after `rows` begins; None when it was the last."""
    return first + PAGE if len(rows) == PAGE else None
