"""The epochs service in the test's loop, and the chain-sync side of the bus played by the test."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence

import pytest
from octant_chassis import tables as chassis_tables
from octant_chassis.bus import Bus, ensure_stream
from octant_chassis.calls import Caller, CallServer
from octant_chassis.database import Database, Notifications
from octant_chassis.migrations import run_script
from octant_chassis.outbox import Relay, append
from octant_chassis.service import Service, start
from octant_chassis.settings import Secret
from octant_chassis.tables import outbox, positions
from octant_chassis.tasks import end
from octant_contracts.calls import (
    EPOCH_INFO,
    ESTIMATED_DEPOSIT,
    SETTLED_DEPOSITS,
    USER_DEPOSIT,
    OfEpoch,
    OfUser,
    OfUserEpoch,
    PageOfEpoch,
)
from octant_contracts.events import (
    BY_SUBJECT,
    CHAIN_SYNC,
    EPOCHS,
    PRODUCED,
    BlockAdvanced,
    EpochPropsSet,
    Event,
    FactsReverted,
    FactsSealed,
    Locked,
    Unlocked,
    stream_name,
)
from octant_contracts.seals import facts_digest
from octant_contracts.values import Address, BlockRef, Hex, Wei, decode
from octant_devnet import servers
from octant_devnet.testkit import eventually
from octant_epochs import app, tables
from octant_epochs.settings import Settings
from sqlalchemy import func, select

GLM = 10**18
START = 1_700_000_000
DURATION = 1_000
WINDOW = 200


class World:
    """Chain-sync's pen (`say`), the answers of the service, and its tables."""

    GLM, START, DURATION, WINDOW = GLM, START, DURATION, WINDOW

    def __init__(self, chain: Database, bus: Bus, service: Service) -> None:
        self.chain = chain
        self.bus = bus
        self.service = service
        self.caller = Caller(bus.client)
        self.said = 0

    @staticmethod
    def user(number: int) -> Address:
        return Address(hashlib.sha256(b"user %d" % number).digest()[:20])

    @staticmethod
    def block(number: int, timestamp: int, fork: str = "main") -> BlockRef:
        block_hash = Hex(hashlib.sha256(f"{fork} {number}".encode()).digest())
        return BlockRef(number=number, hash=block_hash, timestamp=timestamp)

    def props(self, index: int = 0, **changes: int) -> EpochPropsSet:
        values = {
            "from_epoch": 1,
            "to_epoch": 0,
            "from_ts": START,
            "duration": DURATION,
            "decision_window": WINDOW,
        }
        return EpochPropsSet(block=self.block(1, START - 50), index=index, **{**values, **changes})

    def head(self, number: int, timestamp: int, fork: str = "main") -> BlockAdvanced:
        return BlockAdvanced(block=self.block(number, timestamp, fork), final_block=number)

    def lock(self, block: BlockRef, index: int, user: int, amount: int) -> Locked:
        return Locked(
            block=block,
            log_index=index,
            transaction_hash=Hex(bytes(32)),
            user=self.user(user),
            amount=Wei(amount),
            deposit_before=Wei(0),
        )

    def unlock(self, block: BlockRef, index: int, user: int, amount: int) -> Unlocked:
        return Unlocked(
            block=block,
            log_index=index,
            transaction_hash=Hex(bytes(32)),
            user=self.user(user),
            amount=Wei(amount),
            deposit_before=Wei(0),
        )

    def reverted(self, to_block: BlockRef, from_number: int) -> FactsReverted:
        return FactsReverted(to_block=to_block, from_number=from_number)

    def seal(
        self, epoch: int, to_block: BlockRef, facts: Sequence[Locked | Unlocked]
    ) -> FactsSealed:
        first = START + (epoch - 1) * DURATION
        rows = [
            (f.block.number, f.log_index, type(f).__name__, f.user, f.amount, f.block.timestamp)
            for f in facts
        ]
        return FactsSealed(
            epoch=epoch,
            start=first,
            end=first + DURATION,
            to_block=to_block,
            count=len(rows),
            digest=facts_digest(rows),
        )

    async def say(self, *events: Event) -> None:
        """Chain-sync commits events."""
        async with self.chain.transaction("test") as connection:
            await append(connection, *events)
        self.said += len(events)

    async def tell(self, *events: Event) -> None:
        """Says and waits until the service has applied everything said."""
        await self.say(*events)
        await eventually(self.everything_applied, timeout=20)

    async def everything_applied(self) -> bool:
        async with self.service.database.engine.connect() as connection:
            sequence = await connection.scalar(
                select(positions.c.sequence).where(positions.c.stream == stream_name(CHAIN_SYNC))
            )
        return bool(sequence == self.said) if self.said else True

    async def announced(self) -> list[Event]:
        """What the service wrote to its outbox, in order."""
        async with self.service.database.engine.connect() as connection:
            rows = await connection.execute(
                select(outbox.c.subject, outbox.c.payload).order_by(outbox.c.id)
            )
            return [decode(row.payload, BY_SUBJECT[row.subject]) for row in rows]

    async def count(self, table: str) -> int:
        async with self.service.database.engine.connect() as connection:
            query = select(func.count()).select_from(tables.metadata.tables[table])
            return int(await connection.scalar(query) or 0)

    async def ask(self, call, request):  # type: ignore[no-untyped-def]
        return await self.caller.ask(call, request)

    async def estimate(self, user: int) -> int:
        answer = await self.caller.ask(ESTIMATED_DEPOSIT, OfUser(self.user(user)))
        return answer.effective_deposit

    async def deposit(self, user: int, epoch: int) -> int:
        answer = await self.caller.ask(USER_DEPOSIT, OfUserEpoch(self.user(user), epoch))
        return answer.effective_deposit

    async def info(self, epoch: int):  # type: ignore[no-untyped-def]
        return await self.caller.ask(EPOCH_INFO, OfEpoch(epoch))

    async def page(self, epoch: int, cursor: int = 0):  # type: ignore[no-untyped-def]
        return await self.caller.ask(SETTLED_DEPOSITS, PageOfEpoch(epoch, cursor))

    def call_server(self, service: str) -> CallServer:
        """Another service's calls, answered by the test."""
        return CallServer(self.bus.client, service, None, 16)

    async def chain_epoch_ends(self, epoch: int, number: int) -> BlockRef:
        """The head moves into the next epoch's window."""
        block = self.block(number, START + epoch * DURATION + 10)
        await self.tell(BlockAdvanced(block=block, final_block=number))
        return block


@pytest.fixture
async def world(postgres_port: int, database_name: str, nats_url: str) -> AsyncIterator[World]:
    chain = Database(
        servers.service_dsn(postgres_port, CHAIN_SYNC, database_name), "chain_sync", pool_size=3
    )
    async with chain.transaction("test") as connection:
        await connection.run_sync(run_script, chassis_tables.DDL)
    bus = Bus(nats_url, CHAIN_SYNC)
    await bus.connect()
    for producer in PRODUCED:
        await ensure_stream(bus.jetstream, producer)
    notifications = Notifications(chain)
    tasks = [
        asyncio.create_task(notifications.run(("outbox",))),
        asyncio.create_task(Relay(chain, bus, notifications).run()),
    ]
    settings = Settings(
        db_uri=Secret(servers.service_dsn(postgres_port, EPOCHS, database_name)),
        nats_url=nats_url,
        chain_id=1337,
        log_level="WARNING",
    )
    async with start(EPOCHS, settings, app.PACKAGE) as service:
        app.wire(service, settings)
        running = asyncio.create_task(service.run())
        await eventually(lambda: "start" not in service.readiness.waiting())
        yield World(chain, bus, service)
        service.stopping.set()
        await running
    await end(tasks)
    await bus.close()
    await chain.close()
