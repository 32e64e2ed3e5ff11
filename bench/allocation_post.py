"""POST /allocations/allocate through the whole system against the floor program.

Both in one run, on one PostgreSQL (durable), each allocation to three projects. The floor is
one process that recovers the signature and commits the same rows.
"""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from measure import latency, report
from octant_devnet import people, seed, servers
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.testkit import stop
from octant_devnet.world import World
from posting import people_with_budgets, post_all, signed_bodies

PEOPLE = 200
ROUNDS = 3
GLM = 10**18


def bodies(donors: list[people.Person], nonce: int) -> list[dict[str, Any]]:
    return signed_bodies(donors, [p.address for p in seed.seeded_projects()], nonce)


async def one_after_the_other(url: str, rounds: list[list[dict[str, Any]]]) -> tuple[float, float]:
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:
        waiting = [body for part in rounds for body in part]

        async def post() -> None:
            response = await http.post("/allocations/allocate", json=waiting.pop(0))
            assert response.status_code == 201, response.text

        return await latency(post, len(waiting))


def start_floor(dsn: str) -> tuple[str, "subprocess.Popen[bytes]"]:
    port = servers.free_port()
    granian = Path(sys.executable).with_name("granian")
    process = subprocess.Popen(
        [
            granian,
            "--interface",
            "asgi",
            "--port",
            str(port),
            "--no-log",
            "floor_allocation_server:app",
        ],
        cwd=Path(__file__).parent,
        env=os.environ | {"FLOOR_DSN": dsn},
    )
    servers.wait_for_port(port, process)
    return f"http://127.0.0.1:{port}", process


async def make_floor_database(world: World) -> str:
    dsn = servers.admin_dsn(world.options.ports.postgres, "floor")
    connection = await asyncpg.connect(world.postgres_dsn)
    await connection.execute("CREATE DATABASE floor")
    await connection.close()
    return dsn


def main() -> None:
    folder = Path("var") / "bench-allocation-post"
    shutil.rmtree(folder, ignore_errors=True)
    options = WorldOptions(ports=random_ports(), people=False)
    with World(folder, options) as world:
        world.wait_ready()
        donors = people_with_budgets(world, PEOPLE)
        floor_url, floor = start_floor(asyncio.run(make_floor_database(world)))
        try:
            asyncio.run(one_after_the_other(floor_url, [bodies(donors, 0)]))
            asyncio.run(one_after_the_other(world.gateway_url, [bodies(donors, 0)]))
            rounds = [bodies(donors, 1 + i) for i in range(ROUNDS)]
            floor_median, floor_p99 = asyncio.run(one_after_the_other(floor_url, rounds))
            ours_median, ours_p99 = asyncio.run(one_after_the_other(world.gateway_url, rounds))
            report("allocation POST, idle, median", floor_median, ours_median)
            report("allocation POST, idle, p99", floor_p99, ours_p99)
            wide = bodies(donors, 1 + ROUNDS)
            floor_wide = post_all(floor_url, wide, 16) / len(wide) * 1e6
            ours_wide = post_all(world.gateway_url, wide, 16) / len(wide) * 1e6
            report("allocation POST, 16 wide, per allocation", floor_wide, ours_wide)
        finally:
            stop(floor)
    shutil.rmtree(folder, ignore_errors=True)


main()
