"""Both clients' feeds, driven alike: what a reader is told, as plain values in order."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict
from typing import Any, Protocol

from octant_chassis.tasks import end
from octant_client.feed import Feed, FeedError

from clients.typescript import Project


class Reader(Protocol):
    async def said(self) -> Any: ...


class Starts(Protocol):
    def __call__(
        self, url: str, *topics: str, heartbeat: float = 20
    ) -> AbstractAsyncContextManager[Reader]: ...


class PythonReader:
    """Does what `program.ts` does."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[Any] = asyncio.Queue()

    async def said(self) -> Any:
        async with asyncio.timeout(10):
            return await self.lines.get()

    async def read(self, url: str, heartbeat: float, topics: tuple[str, ...]) -> None:
        say = self.lines.put_nowait

        def on_retry(reason: str, seconds: float) -> None:
            say({"reason": reason, "seconds": seconds})

        feed = Feed(
            url,
            since=dict(topic.split("=") for topic in topics if "=" in topic),
            first_wait=0.01,
            longest_wait=0.04,
            heartbeat=heartbeat,
            on_retry=on_retry,
        )
        await feed.subscribe(*(topic.partition("=")[0] for topic in topics))
        while True:
            try:
                async for update in feed:
                    say(asdict(update))
                    if update.topic == "more":
                        await feed.subscribe(*update.data)
                    if update.topic == "less":
                        await feed.unsubscribe(*update.data)
                    if update.topic == "close":
                        await feed.close()
                return say({"tokens": feed.tokens})
            except FeedError as error:
                say({"code": error.code, "message": str(error)})


@asynccontextmanager
async def python(url: str, *topics: str, heartbeat: float = 20) -> AsyncIterator[Reader]:
    reader = PythonReader()
    task = asyncio.create_task(reader.read(url, heartbeat, topics))
    yield reader
    await end([task])


def typescript(project: Project) -> Starts:
    @asynccontextmanager
    async def start(url: str, *topics: str, heartbeat: float = 20) -> AsyncIterator[Reader]:
        async with await project.start("feed", url, str(heartbeat), *topics) as program:
            yield program

    return start
