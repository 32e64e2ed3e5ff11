"""Kept answers of the gateway against a bare ASGI app that returns the same bytes.

Both on one granian worker in a process of its own; the client only counts bytes, so that the
server is the slower one. Higher is better: requests a second, and by the server's own CPU time.
"""

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from octant_devnet import servers
from octant_devnet.testkit import stop

HERE = Path(__file__).parent
CONNECTIONS = 32
SECONDS = 3.0
ROUNDS = 3
PATH = "/allocations/epoch/5"
TICKS = os.sysconf("SC_CLK_TCK")


class Asking(asyncio.Protocol):
    """Asks again when the answer, always of the same length, is complete."""

    def __init__(self, request: bytes, length: int) -> None:
        self._request, self._length = request, length
        self._missing = length
        self.answers = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._missing -= len(data)
        if self._missing == 0:
            self.answers += 1
            self._missing = self._length
            self._transport.write(self._request)
        assert self._missing > 0, "an answer of another length"


def asking(port: int, headers: str) -> bytes:
    return f"GET {PATH} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{headers}\r\n".encode()


def first_answer(port: int, request: bytes, status: int) -> bytes:
    """Head and body; waits for the server to listen."""
    deadline = time.monotonic() + 20
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            assert time.monotonic() < deadline, "nobody listens"
            time.sleep(0.05)
    with connection:
        connection.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d" % status), head
        length = re.search(rb"content-length: (\d+)", head.lower())
        while length and len(body) < int(length[1]):
            body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def load(port: int, request: bytes, length: int, pid: int) -> tuple[float, float]:
    """Requests a second, and µs of the server's CPU for each."""
    loop = asyncio.get_running_loop()
    clients: list[Asking] = []
    for _ in range(CONNECTIONS):
        _, client = await loop.create_connection(lambda: Asking(request, length), "127.0.0.1", port)
        clients.append(client)
    await asyncio.sleep(0.5)
    before, cpu, started = sum(c.answers for c in clients), cpu_seconds(pid), time.perf_counter()
    await asyncio.sleep(SECONDS)
    answers = sum(c.answers for c in clients) - before
    took, cpu = time.perf_counter() - started, cpu_seconds(pid) - cpu
    for client in clients:
        client._transport.abort()
    return answers / took, cpu / answers * 1e6


@contextmanager
def process(*command: str) -> Iterator[int]:
    child = subprocess.Popen([sys.executable, *command], cwd=HERE)
    try:
        yield child.pid
    finally:
        child.kill()
        child.wait()


def measure(name: str, ours: tuple[int, int], headers: str, status: int, folder: Path) -> None:
    port, pid = ours
    request = asking(port, headers)
    answer = first_answer(port, request, status)
    (folder / "answer").write_bytes(answer)
    floor_port = servers.free_port()
    script = str(HERE / "floor_cached_server.py")
    best = {"floor": (0.0, 0.0), "ours": (0.0, 0.0)}
    with process(script, str(floor_port), str(folder / "answer")) as floor_pid:
        floor_request = asking(floor_port, headers)
        floor_length = len(first_answer(floor_port, floor_request, status))
        for _ in range(ROUNDS):
            floor = asyncio.run(load(floor_port, floor_request, floor_length, floor_pid))
            mine = asyncio.run(load(port, request, len(answer), pid))
            best["floor"] = max(best["floor"], floor)
            best["ours"] = max(best["ours"], mine)
    (rate, cpu), (our_rate, our_cpu) = best["floor"], best["ours"]
    print(
        f"{name:<28} floor {rate:8.0f}/s {cpu:6.1f} µs   ours {our_rate:8.0f}/s {our_cpu:6.1f} µs"
        f"   {our_rate / rate:.2f}× of its requests, {cpu / our_cpu:.2f}× by CPU"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        nats_port = servers.free_port()
        nats = servers.start_nats(folder / "nats", nats_port, folder / "nats.log")
        try:
            for size, rows in (("1 KB", 6), ("400 KB", 2900)):
                port = servers.free_port()
                arguments = [str(port), f"nats://127.0.0.1:{nats_port}", str(rows)]
                with process(str(HERE / "cached_gateway.py"), *arguments) as pid:
                    plain = asking(port, "")
                    etag = next(
                        line.split(b": ", 1)[1].decode()
                        for line in first_answer(port, plain, 200).split(b"\r\n")
                        if line.lower().startswith(b"etag:")
                    )
                    measure(f"200, {size}", (port, pid), "", 200, folder)
                    measure(f"304, {size}", (port, pid), f"if-none-match: {etag}\r\n", 304, folder)
        finally:
            stop(nats)


if __name__ == "__main__":
    main()
