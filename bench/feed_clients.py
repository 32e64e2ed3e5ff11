"""Many clients of a feed in one process, as cheap as they can be made.

python feed_clients.py PORT CLIENTS: subscribes `epoch.allocations` with all and prints `ready` when
each has its snapshot. When stdin ends it prints two things. First the milliseconds from the moment
in a change's nonce (µs of the system's monotonic clock) until it is here: `[median, p99, p99 of
the slowest client of each frame, changes]`; then by the sequence of each change when the last
client had it.
"""

import asyncio
import json
import re
import resource
import statistics
import subprocess
import sys
import time

PROCESS = 1250  # clients in one process
SUBSCRIBE = b'{"op":"subscribe","topics":["epoch.allocations"]}'
REQUEST = (
    b"GET /feed HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
HEAD_END = b"\r\n\r\n"
NONCE = re.compile(rb'"nonce":(\d+)')
SEQUENCE = re.compile(rb'"sequence":(\d+)')


def masked(payload: bytes, opcode: int = 1) -> bytes:
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


class Times:
    """By frame: when it was sent, and how long it took to each client."""

    def __init__(self) -> None:
        self.joined = 0
        self.changes = 0
        self._sent: dict[bytes, tuple[float, int]] = {}
        self._took: dict[bytes, list[float]] = {}
        self._last: dict[bytes, float] = {}

    def arrived(self, payload: bytes) -> None:
        sent = self._sent.get(payload)
        if sent is None:
            if b'"snapshot":true' in payload:
                self.joined += 1
                return
            if not (found := NONCE.findall(payload)):
                return
            sent = self._sent[payload] = (int(found[0]) / 1e6, len(found))
            self._took[payload] = []
        self.changes += sent[1]
        now = time.monotonic()
        self._took[payload].append((now - sent[0]) * 1000)
        self._last[payload] = now

    def summary(self) -> list[float]:
        took = [each for frame in self._took.values() for each in frame]
        last = [max(frame) for frame in self._took.values()]
        return [
            statistics.median(took),
            statistics.quantiles(took, n=100)[98],
            statistics.quantiles(last, n=100)[98],
            self.changes,
        ]

    def last(self) -> dict[int, float]:
        return {int(n): at for frame, at in self._last.items() for n in SEQUENCE.findall(frame)}


class Client(asyncio.Protocol):
    def __init__(self, times: Times) -> None:
        self._times = times
        self._buffer = b""
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(REQUEST)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open:
            if HEAD_END not in self._buffer:
                return
            assert self._buffer.startswith(b"HTTP/1.1 101"), self._buffer
            self._buffer = self._buffer.partition(HEAD_END)[2]
            self._open = True
            self._transport.write(masked(SUBSCRIBE))  # type: ignore[attr-defined]
        while (frame := self._frame()) is not None:
            opcode, payload = frame
            if opcode == 1:
                self._times.arrived(payload)
            elif opcode == 9:
                self._transport.write(masked(payload, 10))  # type: ignore[attr-defined]

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1], 2
        if length == 126:
            length, start = int.from_bytes(buffer[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(buffer[2:10], "big"), 10
        end = start + length
        if len(buffer) < end:
            return None
        self._buffer = buffer[end:]
        return buffer[0] & 15, buffer[start:end]


async def main(port: int, clients: int) -> None:
    loop, times = asyncio.get_running_loop(), Times()
    for number in range(clients):
        await loop.create_connection(lambda: Client(times), "127.0.0.1", port)
        if number % 50 == 0:
            await asyncio.sleep(0.01)
    while times.joined < clients:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps([times.summary(), times.last()]))


def start_clients(port: int, clients: int) -> list["subprocess.Popen[bytes]"]:
    """In as many processes as it takes; returns when all are connected and told everything."""
    started = []
    while clients > 0:
        some = min(clients, PROCESS)
        clients -= some
        command = [sys.executable, __file__, str(port), str(some)]
        started.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    return started


if __name__ == "__main__":
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
