"""A rewards schema of its own for each test: bare, or with the service running in the test's
loop while chain-sync, epochs and allocations are played over the bus."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import pytest
from octant_chassis import tables as chassis
from octant_chassis.bus import Bus, ensure_stream
from octant_chassis.calls import Caller, CallServer
from octant_chassis.database import Database, Notifications
from octant_chassis.migrations import migrate, run_script
from octant_chassis.outbox import Relay
from octant_chassis.service import start
from octant_chassis.settings import Secret
from octant_contracts.calls import SETTLED_DEPOSITS, STAKING_PROCEEDS, SYNC_TO_LATEST, Call
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, PRODUCED, REWARDS
from octant_devnet import servers
from octant_devnet.testkit import eventually
from octant_rewards import app
from octant_rewards.settings import Settings

from .rewards_world import World

Worlds = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
async def rewards_database(postgres_port: int, database_name: str) -> AsyncIterator[Database]:
    database = Database(servers.service_dsn(postgres_port, "rewards", database_name), "rewards")
    await migrate(database, "octant_rewards")
    yield database
    await database.close()


@pytest.fixture
def worlds(postgres_port: int, database_name: str, nats_url: str) -> Worlds:
    """Starts the service with the given settings; manual and hardly patient unless told."""

    def world(**changes: Any) -> AbstractAsyncContextManager[World]:
        values = {"snapshots": "manual", "snapshot_patience": 0.3, **changes}
        dsn = servers.service_dsn(postgres_port, REWARDS, database_name)
        settings = Settings(
            db_uri=Secret(dsn), nats_url=nats_url, chain_id=1337, log_level="ERROR", **values
        )
        return _running(postgres_port, database_name, settings)

    return world


@pytest.fixture
async def world(worlds: Worlds) -> AsyncIterator[World]:
    async with worlds() as running:
        yield running


@pytest.fixture
async def auto_world(worlds: Worlds) -> AsyncIterator[World]:
    async with worlds(snapshots="auto") as running:
        yield running


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
        for owner in (CHAIN_SYNC, EPOCHS, ALLOCATIONS):
            dsn = servers.service_dsn(postgres_port, owner, name)
            pen = pens[owner] = Database(dsn, owner.replace("-", "_"), pool_size=2)
            stack.push_async_callback(pen.close)
            async with pen.transaction("test") as connection:
                await connection.run_sync(run_script, chassis.DDL)
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
        ]
        await _answer(stack, buses[CHAIN_SYNC], CHAIN_SYNC, chain_answers)
        await _answer(stack, buses[EPOCHS], EPOCHS, [(SETTLED_DEPOSITS, world.settled_deposits)])
        running = asyncio.create_task(service.run())
        await eventually(lambda: not service.readiness.waiting(), what="the service is ready")
        yield world
        service.stopping.set()
        async with asyncio.timeout(20):
            await running
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
