"""A running service in a world where chain-sync, epochs and rewards are played over the bus."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from octant_allocations import app
from octant_allocations.settings import Settings
from octant_chassis import tables as chassis
from octant_chassis.bus import Bus, ensure_stream
from octant_chassis.calls import Caller, CallServer
from octant_chassis.database import Database, Notifications
from octant_chassis.migrations import run_script
from octant_chassis.outbox import Relay
from octant_chassis.service import start
from octant_chassis.settings import Secret
from octant_chassis.tasks import end
from octant_contracts.calls import (
    BUDGETS,
    CHECK_CONTRACT_SIGNATURE,
    FIRST_DEPOSIT,
    REWARDS_STATUS,
    USER_DEPOSIT_UNTIL,
)
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, PRODUCED, REWARDS
from octant_devnet import servers
from octant_devnet.testkit import eventually

from . import outsiders
from .world import World


@pytest.fixture
async def world(postgres_port: int, database_name: str, nats_url: str) -> AsyncIterator[World]:
    settings = Settings(
        db_uri=Secret(servers.service_dsn(postgres_port, ALLOCATIONS, database_name)),
        nats_url=nats_url,
        log_level="ERROR",
        operator_token=Secret("sesame"),
        signature_check_timeout=1.0,
        score_provider_timeout=1.0,
        score_refresh_pause=0.0,  # scores change faster here
        multisig_interval=3600.0,  # passes are asked for
    )
    async with AsyncExitStack() as stack:
        tasks: list[asyncio.Task[Any]] = []
        played: dict[str, Database] = {}
        buses: dict[str, Bus] = {}
        for name in (CHAIN_SYNC, EPOCHS, REWARDS):
            dsn = servers.service_dsn(postgres_port, name, database_name)
            database = played[name] = Database(dsn, name.replace("-", "_"), pool_size=2)
            stack.push_async_callback(database.close)
            async with database.engine.connect() as connection:
                await connection.run_sync(run_script, chassis.DDL)
                await connection.commit()
            buses[name] = await _connect(stack, nats_url, name)
            notifications = Notifications(database)
            relay = Relay(database, buses[name], notifications)
            tasks.append(asyncio.create_task(notifications.run(("outbox",))))
            tasks.append(asyncio.create_task(relay.run()))
        gateway = await _connect(stack, nats_url, "gateway")
        service = await stack.enter_async_context(start(app.NAME, settings, app.PACKAGE))
        provider, safes = outsiders.Provider(), outsiders.Safes()
        app.wire(service, settings, provider, safes)
        world = World(service, service.database, Caller(gateway.client), played, provider, safes)
        for name, call, answer in (
            (REWARDS, BUDGETS, world.budgets_call),
            (REWARDS, REWARDS_STATUS, world.rewards_status),
            (CHAIN_SYNC, CHECK_CONTRACT_SIGNATURE, world.wallet_call),
            (EPOCHS, USER_DEPOSIT_UNTIL, world.deposits.user_deposit_until),
            (EPOCHS, FIRST_DEPOSIT, world.deposits.first_deposit),
        ):
            server = CallServer(buses[name].client, name, None, 64)
            server.answer(call, answer)  # type: ignore[arg-type]
            await server.start()
            stack.push_async_callback(server.stop)
        running = asyncio.create_task(service.run())
        await eventually(lambda: not service.readiness.waiting(), what="the service is ready")
        yield world
        service.stopping.set()
        async with asyncio.timeout(20):
            await running
        await end(tasks)


async def _connect(stack: AsyncExitStack, url: str, name: str) -> Bus:
    bus = Bus(url, name)
    await bus.connect()
    stack.push_async_callback(bus.close)
    for producer in PRODUCED:
        await ensure_stream(bus.jetstream, producer)
    return bus
