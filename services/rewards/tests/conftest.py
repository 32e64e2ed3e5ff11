"""The service's schema, bare or with the service running in the test's loop while chain-sync,
epochs and allocations are played over the bus.

One database per worker, emptied before each test: making one takes longer than most tests.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from octant_chassis import tables as chassis
from octant_chassis.bus import Bus, ensure_stream
from octant_chassis.calls import Caller, CallServer
from octant_chassis.database import Database, Notifications
from octant_chassis.migrations import migrate, run_script
from octant_chassis.outbox import Relay
from octant_chassis.service import start
from octant_chassis.settings import Secret
from octant_chassis.tasks import end
from octant_contracts.calls import (
    DEPOSITS_UNTIL,
    ESTIMATED_TOTAL_DEPOSIT,
    LOCKED_GLM,
    SETTLED_DEPOSITS,
    STAKING_PROCEEDS,
    SYNC_TO_LATEST,
    USER_DEPOSIT_UNTIL,
    Call,
)
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, PRODUCED, REWARDS
from octant_devnet import servers
from octant_devnet.testkit import eventually
from octant_rewards import app
from octant_rewards.settings import Settings

from .rewards_world import World

PLAYED = (CHAIN_SYNC, EPOCHS, ALLOCATIONS)
Worlds = Callable[..., AbstractAsyncContextManager[World]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated(postgres_port: int) -> str:
    """The name of a database with the schemas of the service and of those that are played."""
    name = f"rewards{uuid4().hex[:8]}"
    await servers.create_database(postgres_port, name)
    for owner in (*PLAYED, REWARDS):
        database = _database(postgres_port, owner, name)
        if owner == REWARDS:
            await migrate(database, app.PACKAGE)
        else:
            async with database.transaction("test") as connection:
                await connection.run_sync(run_script, chassis.DDL)
        await database.close()
    return name


@pytest.fixture
async def empty(postgres_port: int, migrated: str) -> str:
    """The name of the database, emptied; nobody else is connected."""
    connection = await asyncpg.connect(servers.admin_dsn(postgres_port, migrated))
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    rows = await connection.fetch(
        "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
        " WHERE schemaname = ANY($1) AND tablename <> 'alembic_version'",
        [owner.replace("-", "_") for owner in (*PLAYED, REWARDS)],
    )
    tables = ", ".join(row["name"] for row in rows)
    await connection.execute(f"TRUNCATE {tables} RESTART IDENTITY")
    await connection.close()
    return migrated


@pytest.fixture
async def rewards_database(postgres_port: int, empty: str) -> AsyncIterator[Database]:
    database = _database(postgres_port, REWARDS, empty)
    yield database
    await database.close()


@pytest.fixture
def worlds(postgres_port: int, empty: str, nats_url: str) -> Worlds:
    """Starts the service with the given settings; manual and hardly patient unless told."""

    def world(**changes: Any) -> AbstractAsyncContextManager[World]:
        values = {"snapshots": "manual", "snapshot_patience": 0.3, **changes}
        dsn = servers.service_dsn(postgres_port, REWARDS, empty)
        settings = Settings(
            db_uri=Secret(dsn), nats_url=nats_url, chain_id=1337, log_level="ERROR", **values
        )
        return _running(postgres_port, empty, settings)

    return world


@pytest.fixture
async def world(worlds: Worlds) -> AsyncIterator[World]:
    async with worlds() as running:
        yield running


@pytest.fixture
async def auto_world(worlds: Worlds) -> AsyncIterator[World]:
    async with worlds(snapshots="auto") as running:
        yield running


def _database(port: int, owner: str, name: str) -> Database:
    dsn = servers.service_dsn(port, owner, name)
    return Database(dsn, owner.replace("-", "_"), pool_size=2)


async def _connect(stack: AsyncExitStack, url: str, name: str) -> Bus:
    bus = Bus(url, name)
    await bus.connect()
    stack.push_async_callback(bus.close)
    for producer in PRODUCED:
        await ensure_stream(bus.jetstream, producer)
    return bus


async def _answer(
    stack: AsyncExitStack, bus: Bus, name: str, answers: Sequence[tuple[Call[Any, Any], Any]]
) -> None:
    server = CallServer(bus.client, name, None, 64)
    for call, answer in answers:
        server.answer(call, answer)
    await server.start()
    stack.push_async_callback(server.stop)


@asynccontextmanager
async def _running(postgres_port: int, name: str, settings: Settings) -> AsyncIterator[World]:
    """The service with `settings`, on a database of its own."""
    async with AsyncExitStack() as stack:
        tasks: list[asyncio.Task[Any]] = []
        pens: dict[str, Database] = {}
        buses: dict[str, Bus] = {}
        for owner in PLAYED:
            pen = pens[owner] = _database(postgres_port, owner, name)
            stack.push_async_callback(pen.close)
            buses[owner] = await _connect(stack, settings.nats_url, owner)
            notifications = Notifications(pen)
            tasks.append(asyncio.create_task(notifications.run(("outbox",))))
            tasks.append(asyncio.create_task(Relay(pen, buses[owner], notifications).run()))
        service = await stack.enter_async_context(start(REWARDS, settings, app.PACKAGE))
        app.wire(service, settings)
        world = World(service, Caller(buses[CHAIN_SYNC].client), pens)
        chain_answers = [
            (SYNC_TO_LATEST, world.sync_to_latest),
            (STAKING_PROCEEDS, world.staking_proceeds),
            (LOCKED_GLM, world.locked_glm),
        ]
        epochs_answers = [
            (SETTLED_DEPOSITS, world.settled_deposits),
            (DEPOSITS_UNTIL, world.deposits_until),
            (USER_DEPOSIT_UNTIL, world.user_deposit_until),
            (ESTIMATED_TOTAL_DEPOSIT, world.estimated_total_deposit),
        ]
        await _answer(stack, buses[CHAIN_SYNC], CHAIN_SYNC, chain_answers)
        await _answer(stack, buses[EPOCHS], EPOCHS, epochs_answers)
        running = asyncio.create_task(service.run())
        await eventually(lambda: not service.readiness.waiting(), what="the service is ready")
        yield world
        service.stopping.set()
        async with asyncio.timeout(20):
            await running
        await end(tasks)
