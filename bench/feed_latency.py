"""From an allocation over HTTP until the last of 1,000 clients of the live feed knows it.

A whole world against a `websockets` server that is handed the same bytes; one after the other.
"""

import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from feed_clients import start_clients
from measure import report
from octant_devnet import people, seed, servers
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.testkit import stop
from octant_devnet.world import World
from posting import people_with_budgets, signed_bodies
from websockets.asyncio.client import connect

CLIENTS, PEOPLE, EVERY = 1000, 200, 0.15
GLM = 10**18
HERE = Path(__file__).parent


async def knowing(
    port: int, times: int, send: Callable[[int], Awaitable[float]]
) -> tuple[float, float]:
    """Median and p99, ms, from what `send` returns (a moment) until the last client knows."""
    readers = await asyncio.to_thread(start_clients, port, CLIENTS)
    moments = []
    for number in range(times):
        moments.append(await send(number))
        await asyncio.sleep(EVERY)
    await asyncio.sleep(1)
    told = []
    for reader in readers:
        output, _ = await asyncio.to_thread(reader.communicate)
        told.append({int(n): at for n, at in json.loads(output)[1].items()})
    last = [max(each[n] for each in told) for n in sorted(told[0])]
    assert len(last) == times, "changes are missing"
    took = [(at - moment) * 1000 for at, moment in zip(last, moments, strict=True)]
    return statistics.median(took), statistics.quantiles(took, n=100)[98]


async def ours(world: World, donors: list[people.Person]) -> tuple[float, float]:
    projects = [p.address for p in seed.seeded_projects()]
    bodies = signed_bodies(donors, projects, 0)
    async with httpx.AsyncClient(base_url=world.gateway_url, timeout=30) as http:

        async def post(number: int) -> float:
            began = time.monotonic()
            response = await http.post("/allocations/allocate", json=bodies[number])
            assert response.status_code == 201, response.text
            return began

        return await knowing(world.options.ports.feed, len(bodies), post)


async def floor(port: int) -> tuple[float, float]:
    gift = {"project": "0x" + "11" * 20, "amount": str(10**18)}
    change = {"donor": "0x" + "22" * 20, "allocations": [gift] * 3, "epoch": 1, "nonce": 0}
    async with connect(f"ws://127.0.0.1:{port}/", compression=None) as control:

        async def tell(number: int) -> float:
            began = time.monotonic()
            data = {"changes": [{**change, "sequence": number, "revoked": False}]}
            frame = {"v": 1, "topic": "epoch.allocations", "seq": number, "data": data}
            await control.send(json.dumps(frame, separators=(",", ":")))
            await control.recv()
            return began

        return await knowing(port, PEOPLE, tell)


def main() -> None:
    folder = Path("var") / "bench-feed-latency"
    shutil.rmtree(folder, ignore_errors=True)
    floor_port = servers.free_port()
    server = subprocess.Popen([sys.executable, str(HERE / "floor_feed_server.py"), str(floor_port)])
    try:
        servers.wait_for_port(floor_port, server)
        floor_median, floor_p99 = asyncio.run(floor(floor_port))
    finally:
        stop(server)
    options = WorldOptions(ports=random_ports(), people=False)
    with World(folder, options) as world:
        world.wait_ready()
        median, p99 = asyncio.run(ours(world, people_with_budgets(world, PEOPLE)))
    who = "allocation POST → last of 1,000 clients"
    report(f"{who}, median", floor_median, median, "ms")
    report(f"{who}, p99", floor_p99, p99, "ms")
    shutil.rmtree(folder, ignore_errors=True)


main()
