"""Socket.IO: many clients connect at once; a change is told to all of them.

Against a program that sends the same frames without Socket.IO. One gateway process, one process
of clients, services that answer at once: 30 projects, 1,000 donations.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from measure import report
from octant_chassis.bus import Bus
from octant_chassis.calls import CallServer
from octant_contracts import calls
from octant_contracts.events import ALLOCATIONS, REWARDS, EstimatesChanged, subject
from octant_contracts.values import Address, Wei, encode
from octant_devnet import servers
from octant_devnet.testkit import stop
from websockets.asyncio.client import ClientConnection, connect

PROJECTS = [Address(bytes([n]) * 20) for n in range(1, 31)]
EVENTS = 2 + len(PROJECTS)
FLOOR = Path(__file__).with_name("floor_socket_server.py")


class Services:
    """rewards and allocations, as far as the pushes ask them."""

    def __init__(self, bus: Bus, donations: int) -> None:
        self.bus = bus
        self.round = 0
        self._rows = [
            calls.EpochAllocation(
                amount=Wei(10**18), donor=Address(n.to_bytes(20, "big")), project=PROJECTS[n % 30]
            )
            for n in range(donations)
        ]
        self._servers = [CallServer(bus.client, name, None, 64) for name in (REWARDS, ALLOCATIONS)]

    async def start(self) -> None:
        rewards, allocations = self._servers
        status = calls.RewardsStatus(
            head_number=1, head_timestamp=1, last_pending_snapshot=5, last_finalized_snapshot=4
        )
        rewards.answer(calls.REWARDS_STATUS, _always(status))
        rewards.answer(calls.THRESHOLD, _always(calls.ProjectThreshold(threshold=None)))
        rewards.answer(calls.ESTIMATED_PROJECT_REWARDS, self._rewards)
        allocations.answer(calls.EPOCH_ALLOCATIONS, self._allocations)
        for server in self._servers:
            await server.start()

    async def change(self) -> None:
        self.round += 1
        event = EstimatesChanged(epoch=5, sequence=self.round)
        await self.bus.client.publish(subject(EstimatesChanged), encode(event))

    async def _rewards(self, _: calls.Nothing) -> calls.ProjectRewards:
        matched = Wei(self.round)
        return calls.ProjectRewards(
            [calls.ProjectRewardsRow(project, Wei(10**18), matched) for project in PROJECTS]
        )

    async def _allocations(self, request: calls.EpochAllocationsRequest) -> calls.EpochAllocations:
        end = request.cursor + calls.PAGE
        return calls.EpochAllocations(
            allocations=self._rows[request.cursor : end],
            next_cursor=end if end < len(self._rows) else None,
            as_of=self.round,
        )


def _always(answer: object):  # type: ignore[no-untyped-def]
    async def tell(_: object) -> object:
        return answer

    return tell


async def join(url: str, handshake: bool, frames: int) -> tuple[ClientConnection, list[str]]:
    """A connection that has been told everything."""
    socket = await connect(url, compression=None, open_timeout=60, ping_interval=None)
    if handshake:
        await socket.recv()
        await socket.send("40")
        await socket.recv()
    return socket, [str(await socket.recv()) for _ in range(frames)]


async def connecting(url: str, clients: int, handshake: bool) -> tuple[float, list[str]]:
    """Milliseconds until the last of all clients has been told everything; the frames."""
    best, frames = float("inf"), []
    for _ in range(5):
        started = time.perf_counter()
        joined = await asyncio.gather(*(join(url, handshake, EVENTS) for _ in range(clients)))
        best = min(best, (time.perf_counter() - started) * 1000)
        frames = joined[0][1]
        await asyncio.gather(*(socket.close() for socket, _ in joined))
    return best, frames


async def telling(url: str, clients: int, handshake: bool, change) -> float:  # type: ignore[no-untyped-def]
    """Milliseconds from a change until the last client has its two frames."""
    async with AsyncExitStack() as stack:
        sockets = []
        for _ in range(clients // 50):
            joined = await asyncio.gather(*(join(url, handshake, EVENTS) for _ in range(50)))
            sockets += [socket for socket, _ in joined]
        stack.push_async_callback(lambda: asyncio.gather(*(s.close() for s in sockets)))

        async def told(socket: ClientConnection) -> None:
            await socket.recv()
            await socket.recv()

        best = float("inf")
        for _ in range(5):
            await asyncio.sleep(1.2)
            started = time.perf_counter()
            await change(sockets[0])
            await asyncio.gather(*map(told, sockets))
            best = min(best, (time.perf_counter() - started) * 1000)
        return best


async def wait(url: str, frames: int, handshake: bool) -> None:
    while True:
        try:
            async with asyncio.timeout(5):
                socket, _ = await join(url, handshake, frames)
            await socket.close()
            return
        except (OSError, TimeoutError):
            await asyncio.sleep(0.1)


def start(command: list[str], environment: dict[str, str] | None = None):  # type: ignore[no-untyped-def]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


async def measure(folder: Path, nats_url: str) -> None:
    bus = Bus(nats_url, "bench")
    await bus.connect()
    services = Services(bus, 1000)
    await services.start()
    port, floor_port = servers.free_port(), servers.free_port()
    environment = {**os.environ, "NATS_URL": nats_url, "GATEWAY_PORT": str(port), "FEED_PORT": "0"}
    url = f"ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket"
    floor_url = f"ws://127.0.0.1:{floor_port}/"
    gateway = [sys.executable, "-m", "octant_gateway", "serve"]
    started = [start(gateway, environment)]
    try:
        await wait(url, EVENTS, True)
        ours, frames = await connecting(url, 100, True)
        (folder / "frames.json").write_text(json.dumps(frames))
        floor_server = [sys.executable, str(FLOOR), str(floor_port), str(folder / "frames.json")]
        started.append(start(floor_server))
        await wait(floor_url, EVENTS, False)
        floor, _ = await connecting(floor_url, 100, False)
        report("socket: 100 clients connect, all told", floor, ours, "ms")

        async def change(_: ClientConnection) -> None:
            await services.change()

        async def floor_change(socket: ClientConnection) -> None:
            for frame in frames[:2]:
                await socket.send(frame)

        ours = await telling(url, 1000, True, change)
        floor = await telling(floor_url, 1000, False, floor_change)
        report("socket: a change told to 1,000 clients", floor, ours, "ms")
    finally:
        for process in started:
            stop(process)
        await bus.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), servers.free_port()
        process = servers.start_nats(folder / "nats", port, folder / "log")
        try:
            asyncio.run(measure(folder, f"nats://127.0.0.1:{port}"))
        finally:
            stop(process)


main()
