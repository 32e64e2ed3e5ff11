"""A request's body: not more than so many bytes, within so many seconds."""

import asyncio

from octant_contracts.errors import Refusal

from octant_gateway.edge import Message, Receive


class ClientGone(Exception):
    """The connection ended before the body did."""


async def receive_body(scope: Message, receive: Receive, *, limit: int, seconds: float) -> bytes:
    """Refusal BodyTooLarge as soon as it is known, BodyTooSlow in the end; ClientGone."""
    if _announced(scope) > limit:
        raise Refusal("BodyTooLarge", limit=limit)
    try:
        async with asyncio.timeout(seconds):
            return await _all(receive, limit)
    except TimeoutError:
        raise Refusal("BodyTooSlow", limit=f"{seconds:g}") from None


def _announced(scope: Message) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text[:20]) if text.isdigit() else 0


async def _all(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise Refusal("BodyTooLarge", limit=limit)
        if not message.get("more_body", False):
            return b"".join(parts)
