"""The Socket.IO server: events in, acknowledgements and pushes out."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec
from engineio.exceptions import EngineIOError  # type: ignore[import-untyped]
from engineio.packet import MESSAGE  # type: ignore[import-untyped]
from engineio.packet import Packet as EnginePacket
from octant_chassis.telemetry import correlation_id, new_correlation_id
from prometheus_client import Gauge
from socketio import AsyncManager, AsyncServer  # type: ignore[import-untyped]
from socketio.packet import EVENT  # type: ignore[import-untyped]
from socketio.packet import Packet as SocketPacket

from octant_gateway.edge import App, Message, Receive, Send
from octant_gateway.gateway import Gateway
from octant_gateway.realtime import codec, funding
from octant_gateway.realtime.allocate import BUSY, allocate
from octant_gateway.realtime.door import ADDRESS, door
from octant_gateway.realtime.payloads import AllocateError, Failure, Refused
from octant_gateway.realtime.pushes import Pushes

connections = Gauge("octant_ws_connections", "Live connections of clients", ["kind"])

# The library logs what clients send it wrongly as errors of ours; we log our own.
quiet = logging.getLogger("octant_gateway.socketio")
quiet.setLevel(logging.CRITICAL + 1)

END_SECONDS = 2.0  # for connections to be ended


class Realtime:
    """`app` is the ASGI app of /socket.io/; `pushes` feeds it."""

    def __init__(self, gateway: Gateway, manager: AsyncManager | None = None) -> None:
        settings = gateway.settings
        self._gateway = gateway
        self._clients: set[str] = set()
        self._allocating: set[str] = set()
        self._stopping = False
        self._requests: set[asyncio.Future[Any]] = set()  # websockets and polls under way
        self._server = AsyncServer(
            async_mode="asgi",
            client_manager=manager,
            cors_allowed_origins="*",
            always_connect=True,  # confirm first, then push
            async_handlers=False,  # one event of a connection after the other
            max_http_buffer_size=settings.socketio_message_bytes,
            json=codec,
            logger=quiet,
            engineio_logger=quiet,
        )
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)
        self._server.on("allocate", self._allocate)
        self._server.on("*", self._ignore)
        self.pushes = Pushes(gateway, self._send)
        self.app: App = door(
            self._handle, settings.socketio_message_bytes, settings.body_seconds, self._is_full
        )

    async def stop(self) -> None:
        """Ends all connections and takes no new ones: clients connect to another replica."""
        self._stopping = True
        for socket in list(self._server.eio.sockets.values()):
            await socket.close(wait=False)
            socket.queue.put_nowait(None)  # the library tells a websocket, but leaves it open
        if self._requests:
            await asyncio.wait(self._requests, timeout=END_SECONDS)
        await self._server.shutdown()

    async def _handle(self, scope: Message, receive: Receive, send: Send) -> None:
        request: asyncio.Future[Any] = asyncio.ensure_future(
            self._server.handle_request(scope, receive, send)
        )
        self._requests.add(request)
        request.add_done_callback(self._requests.discard)
        await request

    def _is_full(self, address: str) -> bool:
        settings = self._gateway.settings
        known = self._server.environ.values()
        return (
            self._stopping
            or len(known) >= settings.socketio_connections
            or sum(client["asgi.scope"][ADDRESS] == address for client in known)
            >= settings.socketio_connections_per_ip
        )

    # A client can send events called "connect" and "disconnect": nothing may come of them.

    async def _connect(self, sid: str, *_: Any) -> None:
        if sid in self._clients:
            return
        self._clients.add(sid)
        connections.labels("socket.io").set(len(self._clients))
        await self.pushes.greet(sid)

    async def _disconnect(self, sid: str, *_: Any) -> None:
        self._clients.discard(sid)
        connections.labels("socket.io").set(len(self._clients))

    async def _allocate(self, sid: str, *arguments: Any) -> Any:
        correlation_id.set(new_correlation_id())
        if sid in self._allocating:  # two polling requests at once
            error: AllocateError | None = BUSY
        else:
            self._allocating.add(sid)
            try:
                address = self._server.get_environ(sid)["asgi.scope"][ADDRESS]
                error = await allocate(self._gateway, arguments, address)
            finally:
                self._allocating.discard(sid)
        if error is None:
            return None
        failure = Failure(error.message, error.code)
        await self._send([("exception", msgspec.Raw(msgspec.json.encode(failure)))], sid)
        if self._gateway.settings.socket_ack_on_error == "never":
            return self._server.not_handled
        return Refused(error)

    async def _ignore(self, event: str, sid: str, *_: Any) -> None:
        """An acknowledgement that is asked for is empty."""

    async def _send(self, messages: Sequence[funding.Message], client: str | None) -> None:
        """To clients of this process only: what it hears the others hear, too.

        The library's `emit` would be slower by a task for every client and message.
        """
        packets = [
            EnginePacket(MESSAGE, SocketPacket(EVENT, data=[event, payload]).encode())
            for event, payload in messages
        ]
        for _, session in self._server.manager.get_participants("/", client):
            with suppress(EngineIOError):  # gone meanwhile
                for packet in packets:
                    await self._server.eio.send_packet(session, packet)
            await asyncio.sleep(0)  # thousands of clients are not to hold up requests
