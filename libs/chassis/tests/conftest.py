"""A small service on the chassis, in its own process or in the test's loop."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from octant_chassis.bus import Bus, ensure_stream
from octant_chassis.database import Database
from octant_chassis.migrations import migrate
from octant_contracts.events import PRODUCED
from octant_devnet import servers

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
async def rewards_db(postgres_port: int, database_name: str) -> AsyncIterator[Database]:
    database = Database(servers.service_dsn(postgres_port, "rewards", database_name), "rewards")
    await migrate(database, "sample")
    yield database
    await database.close()


@pytest.fixture
async def allocations_db(postgres_port: int, database_name: str) -> AsyncIterator[Database]:
    database = Database(
        servers.service_dsn(postgres_port, "allocations", database_name), "allocations"
    )
    await migrate(database, "sample")
    yield database
    await database.close()


@pytest.fixture
async def make_bus(nats_url: str):  # type: ignore[no-untyped-def]
    opened: list[Bus] = []

    async def make(service: str) -> Bus:
        bus = Bus(nats_url, service)
        await bus.connect()
        for producer in PRODUCED:
            await ensure_stream(bus.jetstream, producer)
        opened.append(bus)
        return bus

    yield make
    for bus in opened:
        await bus.close()
