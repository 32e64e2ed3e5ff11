"""In front of the Socket.IO library, as raw ASGI: what it would choke on does not reach it.

Frames that no client of ours sends end their connection: binary ones, unknown packet types,
and whatever is too long. Also where the library stands beside the HTTP API.
"""

import asyncio
import re
from collections.abc import Callable
from urllib.parse import parse_qs

from octant_contracts.errors import Refusal

from octant_gateway.edge import App, Message, Receive, Send
from octant_gateway.limits.addresses import client_address
from octant_gateway.limits.bodies import ClientGone, receive_body

PATH = "/socket.io/"
ADDRESS = "octant.address"  # of the client, in the scope of the request that began a connection
SEPARATOR = "\x1e"  # between the packets of a polling body
GONE = {"type": "websocket.disconnect", "code": 1002}
# Close, ping and pong, upgrade; messages: connect, disconnect, event, acknowledgement.
_BODY_REFUSALS = {
    "BodyTooLarge": (413, b'"The message is too large"'),
    "BodyTooSlow": (408, b'"The message is too slow"'),
}
PACKET = re.compile(r"[1-3]|[23]probe|5|4[0-3].*", re.DOTALL)


def beside(http: App, sockets: App) -> App:
    """Both on one port."""

    async def respond(scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] == PATH:
            await sockets(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        elif scope["path"] == PATH.rstrip("/"):
            await _redirect(scope, send)
        else:
            await http(scope, receive, send)

    return respond


def door(app: App, limit: int, seconds: float, is_full: Callable[[str], bool]) -> App:
    """`limit`, `seconds`: how long a message may be, and take; `is_full(ip)`: whether this address
    may not connect."""

    async def respond(scope: Message, receive: Receive, send: Send) -> None:
        if "sid" not in parse_qs(scope["query_string"].decode("latin-1")):
            scope[ADDRESS] = client_address(scope)
        if ADDRESS in scope and is_full(scope[ADDRESS]):
            await _refuse(scope, receive, send, 503, b'"Too many connections"')
        elif scope["type"] == "websocket":
            frames = _Frames(receive, send, limit)
            await app(scope, frames.receive, frames.send)
        elif scope["method"] == "POST":
            try:
                body = await receive_body(scope, receive, limit=limit, seconds=seconds)
            except ClientGone:
                return
            except Refusal as refusal:
                status, text = _BODY_REFUSALS[refusal.code]
                await _refuse(scope, receive, send, status, text)
                return
            if not all(map(_is_packet, body.decode(errors="replace").split(SEPARATOR))):
                await _refuse(scope, receive, send, 400, b'"Invalid packet"')
            else:
                await app(_with_length(scope, len(body)), _once(body), send)
        else:
            await app(scope, receive, send)

    return respond


class _Frames:
    """A websocket whose receiving ends when it is closed: granian could not close it before."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive = receive
        self._send = send
        self._limit = limit
        self._closing = asyncio.Event()
        self._receiving: asyncio.Future[Message] | None = None

    async def receive(self) -> Message:
        if self._closing.is_set():
            return GONE
        self._receiving = asyncio.ensure_future(self._receive())
        try:
            message = await self._receiving
        except asyncio.CancelledError:
            if self._closing.is_set():
                return GONE
            raise
        if message["type"] != "websocket.receive":
            return message
        text = message.get("text")
        if text is None or len(text) > self._limit or not _is_packet(text):
            return GONE
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.close" and self._receiving is not None:
            self._closing.set()
            self._receiving.cancel()
        await self._send(message)


def _is_packet(text: str) -> bool:
    return PACKET.fullmatch(text) is not None


def _once(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _with_length(scope: Message, length: int) -> Message:
    """The library reads as many bytes as the header says."""
    headers = [(name, value) for name, value in scope["headers"] if name != b"content-length"]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


async def _refuse(scope: Message, receive: Receive, send: Send, status: int, body: bytes) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1013})
        return
    origin = dict(scope["headers"]).get(b"origin", b"*")
    headers = [
        (b"content-type", b"text/plain"),
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
    ]
    if status in (408, 413):  # the rest of the body is not read
        headers.append((b"connection", b"close"))
    await _answer(send, status, headers, body)


async def _redirect(scope: Message, send: Send) -> None:
    query: bytes = scope["query_string"]
    location = PATH.encode() + (b"?" + query if query else b"")
    await _answer(send, 307, [(b"location", location)], b"")


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
