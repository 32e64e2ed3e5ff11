"""A client of the feed that follows the one rule of its protocol."""

import asyncio
import json
from contextlib import suppress
from typing import Any

from octant_chassis.tasks import end
from octant_devnet.testkit import eventually
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError


async def connected(url: str, *topics: str, since: dict[str, str] | None = None) -> "FeedClient":
    made = FeedClient(await connect(url, compression=None, max_size=None))
    if topics:
        await made.subscribe(*topics, since=since)
    return made


class FeedClient:
    """Follows the one rule of the protocol, and remembers all that it was sent."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self.tokens: dict[str, str] = {}
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with suppress(ConnectionClosedError):
            async for text in self.socket:
                frame = json.loads(text)
                self.frames.append(frame)
                if "token" in frame:
                    self.tokens[frame["topic"]] = frame["token"]

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def subscribe(self, *topics: str, since: dict[str, str] | None = None) -> None:
        await self.send(op="subscribe", topics=topics, since=since or {})

    def of(self, topic: str) -> list[dict[str, Any]]:
        """Frames of a topic, resets included."""
        return [frame for frame in self.frames if frame.get("topic") == topic]

    def said(self, op: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame.get("op") == op]

    async def until(self, topic: str, number: int = 1) -> dict[str, Any]:
        """The frame of the topic with this number, from 1."""
        await eventually(lambda: len(self.of(topic)) >= number, what=f"{number} x {topic}")
        return self.of(topic)[number - 1]

    async def has(self, topic: str, data: Any) -> None:
        await eventually(
            lambda: bool(told := self.of(topic)) and told[-1].get("data") == data,
            what=f"{topic} is {data}",
        )

    async def answered(self) -> None:
        """Everything sent before has been heard, and what it was answered has arrived."""
        number = len(self.said("pong"))
        await self.send(op="ping")
        await eventually(lambda: len(self.said("pong")) > number, what="a pong")

    async def ended(self) -> tuple[int | None, str | None]:
        await self.socket.wait_closed()
        await end([self._reading])
        return self.socket.close_code, self.socket.close_reason

    async def close(self) -> None:
        await self.socket.close()
        await end([self._reading])

    async def kill(self) -> None:
        self.socket.transport.abort()
        await self.ended()
