"""Joins the pages of a call into the one answer the public API gives, row bytes untouched."""

from collections.abc import Awaitable, Callable

import msgspec

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_PAGE_FIELDS = ("nextCursor", "asOf")


async def join_pages(rows: str, page_at: Callable[[int, int | None], Awaitable[bytes]]) -> bytes:
    """All `rows` of all pages in the frame of the first page.

    `page_at(cursor, as_of)` fetches a page; `as_of` is what the first one told, None before.
    """
    first = _decoder.decode(await page_at(0, None))
    as_of = msgspec.json.decode(first["asOf"], type=int) if "asOf" in first else None
    parts = [_inside(first[rows])]
    page = first
    while (cursor := msgspec.json.decode(page["nextCursor"], type=int | None)) is not None:
        page = _decoder.decode(await page_at(cursor, as_of))
        parts.append(_inside(page[rows]))
    whole = msgspec.Raw(b"[" + b",".join(part for part in parts if part) + b"]")
    return msgspec.json.encode(
        {k: whole if k == rows else v for k, v in first.items() if k not in _PAGE_FIELDS}
    )


def _inside(array: msgspec.Raw) -> bytes:
    return bytes(array)[1:-1]
