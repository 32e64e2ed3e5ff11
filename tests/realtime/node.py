"""Drives the dApp's Socket.IO clients in one node process."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
WEBSOCKET = {"transports": ["websocket"]}
POLLING = {"transports": ["polling"]}
UPGRADING = {"transports": ["polling", "websocket"]}


class Client:
    """One client: what it was told, in order, as (event, arguments)."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self._process = process
        self._name = name
        self._asked = 0
        self.told: list[tuple[str, list[Any]]] = []
        self.news = asyncio.Event()

    def all(self, event: str) -> list[Any]:
        """The first argument of every such event so far; None where there is none."""
        return [args[0] if args else None for name, args in self.told if name == event]

    def last(self, event: str) -> Any:
        found = self.all(event)
        return found[-1] if found else None

    async def until(self, condition: Callable[[], Any], what: str, timeout: float = 15.0) -> Any:
        """The condition's value once it is true."""
        try:
            async with asyncio.timeout(timeout):
                while not (value := condition()):
                    self.news.clear()
                    await self.news.wait()
                return value
        except TimeoutError:
            names = [event for event, _ in self.told]
            raise AssertionError(f"{self._name} waited in vain for {what}; told {names}") from None

    async def until_told(self, event: str, count: int = 1) -> list[Any]:
        """The first arguments of these events, when there are `count` of them."""
        await self.until(lambda: len(self.all(event)) >= count, f"{count} {event}")
        return self.all(event)

    async def emit(self, event: str, *args: Any) -> list[Any]:
        """The arguments of the acknowledgement."""
        self._asked += 1
        number = self._asked
        self._do("emit", event=event, args=args, ack=number)
        found: list[list[Any]] = await self.until(
            lambda: [a for e, a in self.told if e == "acknowledged" and a[0] == number],
            f"the acknowledgement of {event}",
        )
        return found[0][1:]

    def send(self, event: str, *args: Any) -> None:
        """Asks for no acknowledgement."""
        self._do("emit", event=event, args=args, ack=None)

    def connect(self, url: str, **options: Any) -> None:
        self._do("connect", url=url, options=options)

    def close(self) -> None:
        self._do("close")

    def _do(self, what: str, **values: Any) -> None:
        assert self._process.stdin is not None
        line = json.dumps({"do": what, "name": self._name, **values})
        self._process.stdin.write(line.encode() + b"\n")


class Node:
    """The process, and its clients by name."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._clients: dict[str, Client] = {}

    async def connect(self, url: str, name: str, **options: Any) -> Client:
        """A client that is connected; over websocket unless told otherwise."""
        client = self.client(url, name, **options)
        await client.until_told("connect")
        return client

    def client(self, url: str, name: str, **options: Any) -> Client:
        """A client that begins to connect."""
        client = self._clients[name] = Client(self._process, name)
        client.connect(url, **{**WEBSOCKET, **options})
        return client

    async def listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            client = self._clients[told["name"]]
            client.told.append((told["event"], told["args"]))
            client.news.set()


@asynccontextmanager
async def node() -> AsyncIterator[Node]:
    program = shutil.which("node")
    assert program is not None, "node is needed: apt install nodejs npm"
    assert (FOLDER / "node_modules" / "socket.io-client").exists(), "make install has not run"
    process = await asyncio.create_subprocess_exec(
        program,
        FOLDER / "client.mjs",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    running = Node(process)
    listening = asyncio.create_task(running.listen())
    try:
        yield running
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(10):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await listening
