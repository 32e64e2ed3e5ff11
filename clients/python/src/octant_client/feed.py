"""The live feed: `async for` over updates; lost connections resume where they were.

It stands on docs/feed.md, and says and does the same as the TypeScript client's `feed.ts`.
"""

import asyncio
import json
import random
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidURI, WebSocketException


@dataclass(frozen=True)
class Update:
    """What the server says of a topic."""

    topic: str
    data: Any
    snapshot: bool
    """`data` replaces all you have of the topic; else it follows what you have."""
    token: str
    seq: int
    ts: str
    """Wall time of the server, ISO 8601."""


class FeedError(Exception):
    """A subscription was refused, and its topics are dropped; the iteration may go on."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Feed:
    """`async with Feed(url) as feed`, then `async for update in feed`.

    `since`: `feed.tokens` of an earlier life; what came after them follows.
    `first_wait`: seconds; connecting again waits a random part of this, doubled with every
    failure up to `longest_wait`. `heartbeat`: after two of so many seconds without a sign of life
    the connection is given up. `on_retry` hears why the connection is away, and in how many seconds
    it is tried again.
    """

    def __init__(
        self,
        url: str,
        *,
        since: Mapping[str, str] | None = None,
        first_wait: float = 1.0,
        longest_wait: float = 30.0,
        heartbeat: float = 20.0,
        on_retry: Callable[[str, float], None] | None = None,
    ) -> None:
        self.url = url
        self.tokens = {topic.lower(): token for topic, token in (since or {}).items()}
        """The last token by topic, in lower case, that was handed out."""
        self._topics: dict[str, bool] = {}  # True: the server has accepted it once
        self._asked: list[list[str]] = []  # the topics of each message that is not answered yet
        self._connection: ClientConnection | None = None
        self._first_wait = first_wait
        self._longest_wait = longest_wait
        self._heartbeat = heartbeat
        self._on_retry = on_retry
        self._failures = 0
        self._closed = asyncio.Event()

    async def subscribe(self, *topics: str) -> None:
        """Its first update is a snapshot, unless `since` knows better."""
        names = [topic.lower() for topic in topics]
        for name in names:
            self._topics.setdefault(name, False)
        await self._ask("subscribe", names)

    async def unsubscribe(self, *topics: str) -> None:
        names = [topic.lower() for topic in topics]
        for name in names:
            self._topics.pop(name, None)
            self.tokens.pop(name, None)
        await self._ask("unsubscribe", names)

    async def close(self) -> None:
        """Ends the iteration."""
        self._closed.set()
        if self._connection is not None:
            await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update:
        while not self._closed.is_set():
            try:
                connection = self._connection or await self._connect()
                text = await connection.recv()
            except InvalidURI:
                raise
            except (OSError, WebSocketException) as lost:
                self._connection = None
                if not self._closed.is_set():
                    await self._wait(_reason(lost))
                continue
            update = self._take(json.loads(text))
            if update is not None:
                return update
        raise StopAsyncIteration

    async def _connect(self) -> ClientConnection:
        connection = await connect(
            self.url,
            compression=None,
            max_size=None,
            open_timeout=self._heartbeat,
            close_timeout=1,
            ping_interval=self._heartbeat,
            ping_timeout=self._heartbeat,
        )
        self._connection = connection
        self._asked = []
        # Apart, so that a refusal of what is new leaves the rest.
        known = [name for name, accepted in self._topics.items() if accepted]
        new = [name for name, accepted in self._topics.items() if not accepted]
        await self._ask("subscribe", known)
        await self._ask("subscribe", new)
        if self._closed.is_set():
            await connection.close()
        return connection

    async def _ask(self, op: str, topics: list[str]) -> None:
        """Without a connection there is nothing to do: the next one asks for all topics."""
        if self._connection is None or not topics:
            return
        self._asked.append(topics)
        message: dict[str, Any] = {"op": op, "topics": topics}
        if op == "subscribe":
            message["since"] = {t: self.tokens[t] for t in topics if t in self.tokens}
        with suppress(ConnectionClosed):  # the reader hears of it, too
            await self._connection.send(json.dumps(message))

    def _take(self, frame: dict[str, Any]) -> Update | None:
        match frame.get("op"):
            case None:
                pass
            case "subscribed":
                self._answered()
                for topic in frame["topics"]:
                    if topic.lower() in self._topics:
                        self._topics[topic.lower()] = True
                return None
            case "error":
                for name in self._answered():
                    if not self._topics.get(name):
                        self._topics.pop(name, None)
                raise FeedError(frame["code"], frame["message"])
            case "reset":
                self.tokens.pop(frame["topic"].lower(), None)
                return None
            case _:
                return None
        self._failures = 0
        name = frame["topic"].lower()
        if name not in self._topics:  # was on its way
            return None
        self.tokens[name] = frame["token"]
        return Update(
            topic=frame["topic"],
            data=frame["data"],
            snapshot=frame.get("snapshot", False),
            token=frame["token"],
            seq=frame["seq"],
            ts=frame["ts"],
        )

    def _answered(self) -> list[str]:
        return self._asked.pop(0) if self._asked else []

    async def _wait(self, reason: str) -> None:
        told = re.search(r"reconnect in ([\d.]+) s", reason)
        most = min(self._longest_wait, self._first_wait * 2 ** min(self._failures, 20))
        self._failures += 1
        seconds = float(told[1]) if told else random.uniform(0, most)  # noqa: S311 - spread, no secret
        if self._on_retry is not None:
            self._on_retry(reason, seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closed.wait()


def _reason(lost: Exception) -> str:
    if isinstance(lost, ConnectionClosed) and lost.rcvd is not None:
        return lost.rcvd.reason or f"closed with {lost.rcvd.code}"
    return str(lost)
