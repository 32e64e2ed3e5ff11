"""The live feed: ten allocations a second to thousands of clients, some of which never read.

Against a `websockets` server that writes the same bytes. The real gateway as a process, the
allocations in a real stream, clients in processes of their own.

python feed_fanout.py [CLIENTS]: without, 1,000 and 5,000.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from feed_clients import start_clients
from measure import report
from octant_chassis.bus import Bus, ensure_stream
from octant_chassis.calls import CallServer
from octant_contracts import calls
from octant_contracts.events import ALLOCATIONS, Allocated, AllocationItem, subject
from octant_contracts.values import Address, Decimal, Wei, encode
from octant_devnet import servers
from octant_devnet.testkit import stop
from websockets.asyncio.client import connect

PROJECTS = [Address(bytes([n]) * 20) for n in range(1, 31)]
EVENTS, EVERY = 200, 0.1
LAZY = 200  # clients that subscribe and never read
HERE = Path(__file__).parent
Send = Callable[[int], Awaitable[None]]


class Services:
    """allocations, as far as the feed asks it, and as it announces."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._server = CallServer(bus.client, ALLOCATIONS, None, 64)

    async def start(self) -> None:
        await ensure_stream(self._bus.jetstream, ALLOCATIONS)
        status = calls.ServiceStatus(head_number=1, head_timestamp=1, current_epoch=6)
        none = calls.EpochAllocations(allocations=[], next_cursor=None, as_of=0)
        self._server.answer(calls.ALLOCATIONS_STATUS, _always(status))
        self._server.answer(calls.EPOCH_ALLOCATIONS, _always(none))
        await self._server.start()

    async def allocate(self, number: int) -> None:
        event = Allocated(
            sequence=number,
            epoch=5,
            user=Address(number.to_bytes(20, "big")),
            nonce=int(time.monotonic() * 1e6),
            time=1,
            uniqueness_quotient=Decimal(1),
            is_manually_edited=False,
            allocations=[
                AllocationItem(project=PROJECTS[(number + i) % 30], amount=Wei(10**18 + i))
                for i in range(3)
            ],
        )
        await self._bus.jetstream.publish(subject(Allocated), encode(event))


def _always(answer: object):  # type: ignore[no-untyped-def]
    async def tell(_: object) -> object:
        return answer

    return tell


def frame_text(number: int) -> str:
    """What the feed sends for one allocation."""
    gifts = [
        {"project": PROJECTS[(number + i) % 30].text, "amount": str(10**18 + i)} for i in range(3)
    ]
    change = {
        "donor": Address(number.to_bytes(20, "big")).text,
        "allocations": gifts,
        "epoch": 5,
        "nonce": int(time.monotonic() * 1e6),
        "sequence": number,
        "revoked": False,
    }
    frame = {
        "v": 1,
        "topic": "epoch.allocations",
        "token": f"12345678:{number}",
        "seq": number,
        "ts": "2026-01-01T00:00:00.000Z",
        "data": {"changes": [change]},
    }
    return json.dumps(frame, separators=(",", ":"))


def resident(process: "subprocess.Popen[bytes]") -> int:
    """KB of memory."""
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no memory is told")


def never_reading(port: int) -> list[socket.socket]:
    text = b'{"op":"subscribe","topics":["epoch.allocations"]}'
    request = (
        b"GET /feed HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    opened = []
    for _ in range(LAZY):
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.connect(("127.0.0.1", port))
        raw.sendall(request)
        raw.recv(1000)
        raw.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        opened.append(raw)
    return opened


async def telling(
    process: "subprocess.Popen[bytes]", port: int, clients: int, lazy: int, send: Send
) -> tuple[list[float], float]:
    """What the clients measured (the worst of their processes), and KB per connection."""
    before = resident(process)
    readers = await asyncio.to_thread(start_clients, port, clients)
    memory = (resident(process) - before) / clients
    idle = await asyncio.to_thread(never_reading, port) if lazy else []
    due = time.monotonic()
    for number in range(1, EVENTS + 1):
        await send(number)
        due += EVERY
        await asyncio.sleep(max(due - time.monotonic(), 0))
    await asyncio.sleep(clients / 500)
    told = []
    for reader in readers:
        output, _ = await asyncio.to_thread(reader.communicate)
        told.append(json.loads(output)[0])
    for raw in idle:
        raw.close()
    missing = clients * EVENTS - sum(each[3] for each in told)
    assert missing == 0, f"{missing} changes are missing"
    return [max(values) for values in zip(*told, strict=True)], memory


def start(*command: str, **environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, *command], env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    )


async def until_there(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            await asyncio.sleep(0.1)


async def measure(nats_url: str, clients: int) -> None:
    bus = Bus(nats_url, "bench")
    await bus.connect()
    services = Services(bus)
    await services.start()
    port, floor_port = servers.free_port(), servers.free_port()
    gateway = start(
        *("-m", "octant_gateway", "serve"),
        NATS_URL=nats_url,
        GATEWAY_PORT=str(servers.free_port()),
        OPERATIONS_PORT=str(servers.free_port()),
        FEED_PORT=str(port),
        FEED_CONNECTIONS_PER_IP="20000",
    )
    floor = start(str(HERE / "floor_feed_server.py"), str(floor_port))
    try:
        await until_there(port)
        await until_there(floor_port)
        async with connect(f"ws://127.0.0.1:{floor_port}/", compression=None) as control:

            async def tell(number: int) -> None:
                await control.send(frame_text(number))
                await control.recv()

            (median, p99, last, _), memory = await telling(floor, floor_port, clients, 0, tell)
        ours, our_memory = await telling(gateway, port, clients, LAZY, services.allocate)
        who = f"feed: 10/s to {clients:,} clients"
        report(f"{who}, median", median, ours[0], "ms")
        report(f"{who}, p99", p99, ours[1], "ms")
        report(f"{who}, the last, p99", last, ours[2], "ms")
        report(f"{who}, each connection", memory, our_memory, "KB")
    finally:
        stop(gateway)
        stop(floor)
        await bus.close()


def main() -> None:
    for clients in map(int, sys.argv[1:] or ("1000", "5000")):
        with tempfile.TemporaryDirectory() as name:
            folder, port = Path(name), servers.free_port()
            process = servers.start_nats(folder / "nats", port, folder / "log")
            try:
                asyncio.run(measure(f"nats://127.0.0.1:{port}", clients))
            finally:
                stop(process)


main()
