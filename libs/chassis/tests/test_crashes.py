"""Kill −9 at every named point: each event takes effect exactly once."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from octant_devnet import servers
from octant_devnet.testkit import eventually, stop

HERE = Path(__file__).parent
COUNT = 40


@contextmanager
def service(
    role: str, port: int, database: str, url: str, *armed: str
) -> Iterator[subprocess.Popen[bytes]]:
    dsn = servers.service_dsn(port, role, database)
    process = subprocess.Popen(
        [sys.executable, "-m", "sample", role, dsn, url, str(COUNT), *armed],
        cwd=HERE,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        stop(process)


async def effects(port: int, database: str, role: str) -> list[int]:
    connection = await asyncpg.connect(servers.service_dsn(port, role, database))
    try:
        if not await connection.fetchval(f"SELECT to_regclass('{role}.effects')::text"):
            return []
        rows = await connection.fetch(f"SELECT what FROM {role}.effects ORDER BY id")
        return [int(row["what"]) for row in rows]
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("role", "failpoint", "skip"),
    [
        ("allocations", "before_commit:fact", "7"),
        ("allocations", "after_commit:fact", "7"),
        ("allocations", "after_publish", "1"),
        ("allocations", "before_commit:relay", "1"),
        ("rewards", "before_commit:project-allocations", "0"),
        ("rewards", "after_commit:project-allocations", "0"),
    ],
)
async def test_event__whoever_is_killed_wherever__takes_effect_exactly_once(
    postgres_port: int, database_name: str, nats_url: str, role: str, failpoint: str, skip: str
) -> None:
    place = (postgres_port, database_name, nats_url)
    other = "rewards" if role == "allocations" else "allocations"
    with service(other, *place):
        with service(role, *place, failpoint, skip) as doomed:
            assert await asyncio.to_thread(doomed.wait, 30) == -9
        with service(role, *place):

            async def complete() -> bool:
                return len(await effects(postgres_port, database_name, "rewards")) >= COUNT

            await eventually(complete, timeout=30)
            assert await effects(postgres_port, database_name, "rewards") == list(range(COUNT))
            assert await effects(postgres_port, database_name, "allocations") == list(range(COUNT))
