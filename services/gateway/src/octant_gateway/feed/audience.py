"""A connected client, and all clients of a topic: written to, never waited for."""

import asyncio

from octant_chassis.telemetry import log
from prometheus_client import Counter
from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

BREATH = 200  # connections that are written to before others get a turn
END_SECONDS = 5.0  # for a slow client to read what waits for it, and why its connection ends
SLOW = 1013

frames_sent = Counter("octant_feed_frames_total", "Frames written to clients of the feed")
slow_dropped = Counter("octant_feed_slow_total", "Clients dropped because they read too slowly")


class Client:
    """One connection. `backlog`: more bytes must not wait for it, besides a frame larger yet."""

    __slots__ = ("_allowed", "_backlog", "connection", "spoken")

    def __init__(self, connection: ServerConnection, backlog: int) -> None:
        self.connection = connection
        self.spoken = 0.0
        """Until when what it has said counts against its limit."""
        self._backlog = backlog
        self._allowed = backlog

    def tell(self, frame: bytes) -> bool:
        """News: they are too much for a client that does not read."""
        if not self.keeps_up(len(frame)):
            return False
        self.connection.transport.write(frame)
        return True

    def give(self, frame: bytes) -> None:
        """What it has asked for, and may take its time to read."""
        if self.keeps_up(0):
            self._allowed += len(frame)
            self.connection.transport.write(frame)
            frames_sent.inc()

    def keeps_up(self, coming: int = 0) -> bool:
        """Whether it is there and reads; dropped when it does not."""
        if self.connection.protocol.state is not State.OPEN:
            return False
        waiting = self.connection.transport.get_write_buffer_size()
        if waiting <= self._backlog:
            self._allowed = self._backlog + coming
        elif waiting > self._allowed:
            self._drop()
            return False
        return True

    def end(self, code: int, reason: str) -> None:
        """Closes in the way that tells why; by force when the client does not react."""
        if self.connection.protocol.state is not State.OPEN:
            return
        self.connection.protocol.send_close(code, reason)
        self.connection.send_data()
        asyncio.get_running_loop().call_later(END_SECONDS, self.connection.transport.abort)

    def _drop(self) -> None:
        slow_dropped.inc()
        log.info("client of the feed reads too slowly", backlog=self._backlog)
        self.end(SLOW, "you read too slowly")


class Audience:
    """The clients that know a topic's present state."""

    def __init__(self) -> None:
        self.clients: set[Client] = set()
        self._waiting: set[Client] = set()

    def __len__(self) -> int:
        return len(self.clients)

    def leave(self, client: Client) -> None:
        self.clients.discard(client)
        self._waiting.discard(client)

    async def tell(self, frame: bytes) -> None:
        """The same bytes to all that are here now, not to those who come meanwhile."""
        self._waiting = set(self.clients)
        sent = 0
        for number, client in enumerate(tuple(self.clients), 1):
            sent += client in self._waiting and client.tell(frame)
            if number % BREATH == 0:
                await asyncio.sleep(0)
        frames_sent.inc(sent)
