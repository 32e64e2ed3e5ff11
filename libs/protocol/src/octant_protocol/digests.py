"""A canonical running digest over rows, for seals that two services must agree on."""

import hashlib
import json
from collections.abc import Iterable, Sequence

Cell = int | bytes | str


class RowsDigest:
    """SHA-256 over rows as they come; `count` rows so far.

    A row is its cells joined by `|` and ended by a newline: integers in decimal, bytes as `0x`
    hex, text as a JSON string. Quotes, bars and newlines cannot leave a cell, so different rows
    never share an encoding.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.count = 0

    def add(self, row: Sequence[Cell]) -> None:
        """Append a row. Raises `TypeError` for cells of another type (booleans and None too)."""
        self._hash.update(("|".join(_cell(cell) for cell in row) + "\n").encode())
        self.count += 1

    def hexdigest(self) -> str:
        """Lower-case hex of the rows so far, 64 digits."""
        return self._hash.hexdigest()


def digest_rows(rows: Iterable[Sequence[Cell]]) -> str:
    """`RowsDigest` of all rows in order, 64 hex digits."""
    digest = RowsDigest()
    for row in rows:
        digest.add(row)
    return digest.hexdigest()


def _cell(cell: Cell) -> str:
    if isinstance(cell, bytes):
        return "0x" + cell.hex()
    if isinstance(cell, str):
        return json.dumps(cell)
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    raise TypeError(f"a cell must be int, bytes or str, got {type(cell).__name__}")
