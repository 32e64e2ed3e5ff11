"""Joins the pages of a call into the one answer the public API gives, row bytes untouched."""

from collections.abc import Awaitable, Callable

import msgspec
from octant_contracts.errors import Refusal

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PAGE_FIELDS = ("nextCursor", "asOf")


async def join_pages(
    rows: str | tuple[str, ...], page_at: Callable[[int, int | None], Awaitable[bytes]]
) -> bytes:
    """All `rows` (one list or several) of all pages in the frame of the first page.

    `page_at(cursor, as_of)` fetches a page; `as_of` is what the first one told, None before.
    Refusal NotLoadedYet when the frame changed between two pages.
    """
    lists = (rows,) if isinstance(rows, str) else rows
    first = page = _decoder.decode(await page_at(0, None))
    as_of = msgspec.json.decode(first["asOf"], type=int) if "asOf" in first else None
    parts = {name: [_inside(first[name])] for name in lists}
    while (cursor := msgspec.json.decode(page["nextCursor"], type=int | None)) is not None:
        page = _decoder.decode(await page_at(cursor, as_of))
        if _frame(page, lists) != _frame(first, lists):
            raise Refusal("NotLoadedYet", what="A list that changed while it was read")
        for name in lists:
            parts[name].append(_inside(page[name]))
    whole = {
        name: msgspec.Raw(b"[" + b",".join(part for part in found if part) + b"]")
        for name, found in parts.items()
    }
    return msgspec.json.encode(
        {name: whole.get(name, value) for name, value in first.items() if name not in _PAGE_FIELDS}
    )


def bare_rows(rows: str, joined: bytes) -> bytes:
    """The list alone, out of the frame it came in."""
    return bytes(_decoder.decode(joined)[rows])


def _frame(page: dict[str, msgspec.Raw], lists: tuple[str, ...]) -> dict[str, bytes]:
    return {
        name: bytes(value)
        for name, value in page.items()
        if name not in lists and name not in _PAGE_FIELDS
    }


def _inside(array: msgspec.Raw) -> bytes:
    return bytes(array)[1:-1]
