"""Facts and allocations put where the services keep theirs: as if people had done them."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from octant_contracts.events import Event, Locked, subject
from octant_contracts.values import Address, BlockRef, Hex, Wei, encode
from octant_devnet.chain import Chain
from octant_devnet.world import World

GLM = 10**18
FIRST_LOG_INDEX = 1_000_000  # far above the logs of a block that is really there
CHUNK = 10_000


def addresses(count: int) -> list[Address]:
    return [Address(hashlib.sha256(b"somebody %d" % n).digest()[:20]) for n in range(count)]


def seed_locks(world: World, users: Sequence[Address]) -> None:
    """A lock of 1000 GLM and a little more each, in the newest block that chain-sync knows."""
    asyncio.run(_seed_locks(world.service_dsn("chain-sync"), world.chain, users))


async def _seed_locks(dsn: str, chain: Chain, users: Sequence[Address]) -> None:
    connection = await asyncpg.connect(dsn)
    number, digest, timestamp = await connection.fetchrow(
        "SELECT number, hash, timestamp FROM blocks ORDER BY number DESC LIMIT 1"
    )
    block = BlockRef(number=number, hash=Hex(digest), timestamp=timestamp)
    hash_of_nothing = Hex(bytes(32))

    def locks() -> Iterator[Locked]:
        for place, user in enumerate(users):
            yield Locked(
                block=block,
                log_index=FIRST_LOG_INDEX + place,
                transaction_hash=hash_of_nothing,
                user=user,
                amount=Wei(1_000 * GLM + place),
                deposit_before=Wei(0),
            )

    async with connection.transaction():
        await connection.copy_records_to_table(
            "deposit_facts",
            columns=(
                "block_number", "log_index", "block_hash", "timestamp", "transaction_hash",
                "kind", "user", "amount", "deposit_before",
            ),
            records=(
                (number, e.log_index, digest, timestamp, bytes(32), "Locked", bytes(e.user),
                 int(e.amount), 0)
                for e in locks()
            ),
        )  # fmt: skip
        await announce(connection, locks())
    await connection.close()


async def announce(connection: asyncpg.Connection, events: Iterator[Event]) -> None:
    """Into the outbox; the relay of the service takes them from there."""
    await connection.copy_records_to_table(
        "outbox",
        columns=("subject", "payload", "correlation_id"),
        records=((subject(type(event)), encode(event), "seeded") for event in events),
    )


def wait_for(condition: Callable[[], Any], what: str, timeout: float = 600.0) -> Any:
    """What the condition returns once it is true."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.02)
    return found


def scalar(dsn: str, query: str) -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(ask())


def peak_megabytes(world: World, service: str) -> float:
    """The most memory the process ever had."""
    for line in Path(f"/proc/{world.pid(service)}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise LookupError("VmHWM")


def timed_post(url: str, path: str) -> tuple[float, httpx.Response]:
    started = time.perf_counter()
    response = httpx.post(url + path, timeout=120)
    return time.perf_counter() - started, response
