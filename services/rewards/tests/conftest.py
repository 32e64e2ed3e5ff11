"""A rewards schema of its own for each test."""

from collections.abc import AsyncIterator

import pytest
from octant_chassis.database import Database
from octant_chassis.migrations import migrate
from octant_devnet import servers


@pytest.fixture
async def rewards_database(postgres_port: int, database_name: str) -> AsyncIterator[Database]:
    database = Database(servers.service_dsn(postgres_port, "rewards", database_name), "rewards")
    await migrate(database, "octant_rewards")
    yield database
    await database.close()
