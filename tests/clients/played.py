"""A feed server that says what the test tells it to, and notes what it hears."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve


class Played:
    """`url` is where clients go; `accepted` yields them as they come."""

    def __init__(self) -> None:
        self.url = ""
        self._connections: asyncio.Queue[ServerConnection] = asyncio.Queue()

    async def accepted(self) -> "Peer":
        async with asyncio.timeout(10):
            return Peer(await self._connections.get())

    async def handle(self, connection: ServerConnection) -> None:
        self._connections.put_nowait(connection)
        await connection.wait_closed()


class Peer:
    """One connection, seen from the server."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    async def heard(self) -> Any:
        async with asyncio.timeout(10):
            return json.loads(await self._connection.recv())

    async def say(self, **message: Any) -> None:
        await self._connection.send(json.dumps(message))

    async def tell(self, topic: str, seq: int, data: Any, snapshot: bool = False) -> None:
        extra = {"snapshot": True} if snapshot else {}
        await self.say(
            v=1, topic=topic, token=f"life:{seq}", seq=seq, ts="2026-01-01T00:00:00Z", data=data,
            **extra,
        )  # fmt: skip

    async def gone(self) -> None:
        async with asyncio.timeout(10):
            await self._connection.wait_closed()

    async def close(self, code: int, reason: str) -> None:
        await self._connection.close(code, reason)

    def fall_silent(self) -> None:
        """Answers nothing any more, not even a ping."""
        self._connection.transport.pause_reading()

    def kill(self) -> None:
        """Without a word of farewell."""
        self._connection.transport.abort()


@asynccontextmanager
async def played() -> AsyncIterator[Played]:
    made = Played()
    async with serve(made.handle, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        made.url = f"ws://127.0.0.1:{port}/feed"
        yield made
