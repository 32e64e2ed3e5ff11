"""The feed's WebSocket server: who may connect, what clients may say, and how it ends."""

import asyncio
import logging
import random
import resource
import time
from collections import Counter
from contextlib import suppress
from http import HTTPStatus

from octant_chassis.telemetry import log
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from octant_gateway.feed.audience import Client
from octant_gateway.feed.hub import Hub, topic_of
from octant_gateway.feed.messages import (
    Asked,
    Error,
    Mistake,
    Pong,
    Subscribed,
    Topic,
    framed,
    read,
)
from octant_gateway.gateway import Gateway
from octant_gateway.realtime.server import connections
from octant_gateway.server import REQUESTS

PATH = "/feed"
HEARTBEAT = 20.0  # seconds between pings, and as long for an answer
ALLOWANCE = 2.0  # seconds whose messages may come at once
SPREAD = 5.0  # seconds over which clients connect anew when this gateway stops
END_SECONDS = 2.0  # for clients to say goodbye
SWEEP = 1.0  # seconds between two looks for those who do not read
TOO_MANY, RESTART = 1008, 1012

# The library logs what clients send it wrongly as errors of ours; we log our own.
quiet = logging.getLogger("octant_gateway.feed")
quiet.setLevel(logging.CRITICAL + 1)


class FeedServer:
    """Serves the topics of `hub`."""

    def __init__(self, gateway: Gateway, hub: Hub) -> None:
        self._settings = gateway.settings
        self._hub = hub
        self._clients: dict[Client, dict[Topic, str]] = {}
        """All who are connected, with their topics and the names of these."""
        self._of_address: Counter[str] = Counter()
        self._server: Server | None = None
        self._stopping = False
        self.port = self._settings.feed_port

    @property
    def trouble(self) -> str | None:
        """Why clients are not told everything, or None."""
        return "does not listen yet" if self._server is None else self._hub.trouble

    async def run(self) -> None:
        """Until cancelled. OSError when the port is taken."""
        await self._hub.ready()
        settings = self._settings
        _allow_files(settings.feed_connections + settings.socketio_connections + REQUESTS)
        self._server = await serve(
            self._attend,
            settings.feed_host,
            settings.feed_port,
            process_request=self._admit,
            compression=None,
            max_size=settings.feed_message_bytes,
            ping_interval=HEARTBEAT,
            ping_timeout=HEARTBEAT,
            close_timeout=END_SECONDS,
            server_header=None,
            logger=quiet,
            backlog=1024,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        log.info("live feed listens", host=settings.feed_host, port=self.port)
        while True:
            await asyncio.sleep(SWEEP)
            for client in tuple(self._clients):
                client.keeps_up()

    async def stop(self) -> None:
        """Ends all connections, and tells each when to connect anew."""
        self._stopping = True
        if self._server is None:
            return
        self._server.close(close_connections=False)
        ended = [
            asyncio.create_task(
                client.connection.close(
                    RESTART,
                    f"reconnect in {random.uniform(0, SPREAD):.1f} s",  # noqa: S311
                )
            )
            for client in self._clients
        ]
        if ended:
            await asyncio.wait(ended, timeout=END_SECONDS)
        for client in self._clients:
            client.connection.transport.abort()
        with suppress(TimeoutError):  # a handshake that has not ended by now may be cut off
            async with asyncio.timeout(END_SECONDS):
                await self._server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """None: the handshake goes on."""
        if request.path.partition("?")[0] != PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, f"The live feed is at {PATH}.\n")
        settings = self._settings
        full = len(self._clients) >= settings.feed_connections
        mine = self._of_address[self._address(connection)] >= settings.feed_connections_per_ip
        if not (full or mine or self._stopping):
            return None
        text = "Too many connections" + (" of one address" if mine else "")
        response = connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{text}; try again.\n")
        response.headers["Retry-After"] = str(random.randint(1, 10))  # noqa: S311
        return response

    def _address(self, connection: ServerConnection) -> str:
        peer: str = (connection.remote_address or ("",))[0]
        assert connection.request is not None
        told = connection.request.headers.get_all("X-Real-IP")
        return told[-1] if told and self._settings.trusted_proxies.trusts(peer) else peer

    async def _attend(self, connection: ServerConnection) -> None:
        client = Client(connection, self._settings.feed_backlog_bytes)
        address = self._address(connection)
        self._clients[client] = {}
        self._of_address[address] += 1
        connections.labels("feed").set(len(self._clients))
        try:
            async for message in connection:
                await connection.drain()  # who does not read is not given more
                if not self._may_speak(client):
                    client.end(TOO_MANY, "too many messages")
                    return
                self._answer(client, message)
        except ConnectionClosed:
            pass
        except Exception:
            log.exception("feed connection failed")
            raise
        finally:
            self._hub.leave(client, self._clients.pop(client))
            self._of_address -= Counter((address,))
            connections.labels("feed").set(len(self._clients))

    def _may_speak(self, client: Client) -> bool:
        now = time.monotonic()
        each = 1 / self._settings.feed_messages_per_second
        client.spoken = max(client.spoken, now) + each
        return client.spoken - now <= ALLOWANCE

    def _answer(self, client: Client, message: str | bytes) -> None:
        try:
            asked = read(message)
            if asked.op == "ping":
                client.give(framed(Pong()))
            elif asked.op == "subscribe":
                self._subscribe(client, asked)
            else:
                self._unsubscribe(client, asked)
        except Mistake as mistake:
            client.give(framed(Error(mistake.code, str(mistake))))

    def _subscribe(self, client: Client, asked: Asked) -> None:
        most = self._settings.feed_topics
        if len(asked.topics) > 2 * most:
            raise Mistake("TooManyTopics", f"A connection may have {most} topics.")
        own = self._clients[client]
        wanted = {topic_of(text): text for text in asked.topics}
        added = [topic for topic in wanted if topic not in own]
        if len(own) + len(added) > most:
            raise Mistake(
                "TooManyTopics",
                f"A connection may have {most} topics; unsubscribe some, or open another one.",
            )
        own.update({topic: str(topic) for topic in added})
        self._tell_topics(client)
        since = {text.lower(): token for text, token in asked.since.items()}
        for topic in added:
            token = since.get(wanted[topic].lower()) or since.get(own[topic].lower())
            self._hub.join(client, topic, token)

    def _unsubscribe(self, client: Client, asked: Asked) -> None:
        own = self._clients[client]
        gone = {topic_of(text) for text in asked.topics[: 2 * self._settings.feed_topics]}
        left = [topic for topic in own if topic in gone]
        for topic in left:
            del own[topic]
        self._hub.leave(client, left)
        self._tell_topics(client)

    def _tell_topics(self, client: Client) -> None:
        client.give(framed(Subscribed([*self._clients[client].values()])))


def _allow_files(needed: int) -> None:
    """Connections are files; the usual limit of a process is far below ours."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if hard != resource.RLIM_INFINITY and hard < needed:
        log.warning("fewer open files are allowed than connections", allowed=hard, needed=needed)
