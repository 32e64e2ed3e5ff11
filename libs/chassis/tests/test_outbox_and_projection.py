import asyncio
from contextlib import asynccontextmanager

import pytest
from octant_chassis.database import Database, Notifications
from octant_chassis.outbox import Relay, append
from octant_chassis.projection import NotYet, Projection
from octant_chassis.tables import outbox
from octant_chassis.tasks import end
from octant_contracts.events import ALLOCATIONS, UqScoreSet, stream_name, subject
from octant_contracts.values import Address, Decimal, encode
from octant_devnet.testkit import eventually
from sqlalchemy import func, select, text
from structlog.testing import capture_logs


def score(number: int) -> UqScoreSet:
    return UqScoreSet(epoch=number, user=Address(b"\1" * 20), score=Decimal("1.0"))


@asynccontextmanager
async def running(*works):
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        await end(tasks)


def relay_of(database: Database, bus):
    notifications = Notifications(database)
    return notifications.run(("outbox", "applied")), Relay(database, bus, notifications).run()


async def record(connection, event: UqScoreSet) -> None:
    await connection.execute(
        text("INSERT INTO effects (what) VALUES (:what)"), {"what": str(event.epoch)}
    )


def projection_of(database: Database, bus, handler=record) -> Projection:
    return Projection(database, bus, ALLOCATIONS, {UqScoreSet: handler}, asyncio.Lock())


async def effects(database: Database) -> list[int]:
    async with database.engine.connect() as connection:
        rows = await connection.execute(text("SELECT what FROM effects ORDER BY id"))
        return [int(row.what) for row in rows]


async def unpublished(database: Database) -> int:
    async with database.engine.connect() as connection:
        return await connection.scalar(
            select(func.count()).select_from(outbox).where(outbox.c.stream_sequence.is_(None))
        )


async def write(database: Database, *numbers: int) -> None:
    for number in numbers:
        async with database.transaction("test") as connection:
            await append(connection, score(number))


async def test_events__written_with_their_facts__take_effect_once_and_in_order(
    allocations_db, rewards_db, make_bus
):
    producer, consumer = await make_bus("allocations"), await make_bus("rewards")
    async with running(
        *relay_of(allocations_db, producer), projection_of(rewards_db, consumer).run()
    ):
        await write(allocations_db, *range(50))

        async def all_there() -> bool:
            return await effects(rewards_db) == list(range(50))

        await eventually(all_there)


async def test_event__of_a_rolled_back_transaction__is_never_published(
    allocations_db, rewards_db, make_bus
):
    producer, consumer = await make_bus("allocations"), await make_bus("rewards")
    async with running(
        *relay_of(allocations_db, producer), projection_of(rewards_db, consumer).run()
    ):
        async with allocations_db.engine.connect() as connection:
            await append(connection, score(1))
            await connection.rollback()
        await write(allocations_db, 2)

        async def only_the_second() -> bool:
            return await effects(rewards_db) == [2]

        await eventually(only_the_second)


async def test_stream__deleted_while_running__is_rebuilt_and_changes_nothing(
    allocations_db, rewards_db, make_bus
):
    producer, consumer = await make_bus("allocations"), await make_bus("rewards")
    async with running(
        *relay_of(allocations_db, producer), projection_of(rewards_db, consumer).run()
    ):
        await write(allocations_db, *range(20))

        async def first_life() -> bool:
            return await effects(rewards_db) == list(range(20))

        await eventually(first_life)
        await producer.jetstream.delete_stream(stream_name(ALLOCATIONS))
        await write(allocations_db, *range(20, 30))

        async def second_life() -> bool:
            return await effects(rewards_db) == list(range(30))

        await eventually(second_life, timeout=20)
        info = await producer.jetstream.stream_info(stream_name(ALLOCATIONS))
        assert info.state.last_seq == 30


async def test_relay__that_died_between_publishing_and_noting_it__does_not_publish_twice(
    allocations_db, make_bus
):
    producer = await make_bus("allocations")
    await write(allocations_db, *range(5))
    async with running(*relay_of(allocations_db, producer)):

        async def published() -> bool:
            return await unpublished(allocations_db) == 0

        await eventually(published)
    async with allocations_db.transaction("test") as connection:
        await connection.execute(
            text("UPDATE outbox SET stream_sequence = NULL WHERE stream_sequence > 2")
        )
    await write(allocations_db, 5)
    async with running(*relay_of(allocations_db, producer)):
        await eventually(published)
    info = await producer.jetstream.stream_info(stream_name(ALLOCATIONS))
    assert info.state.last_seq == 6
    async with allocations_db.engine.connect() as connection:
        rows = (await connection.execute(text("SELECT id, stream_sequence FROM outbox"))).all()
    assert {row.id: row.stream_sequence for row in rows} == {n: n for n in range(1, 7)}


async def test_projection__meeting_an_event_it_cannot_apply__stops_loudly_and_resumes_in_order(
    allocations_db, rewards_db, make_bus
):
    producer, consumer = await make_bus("allocations"), await make_bus("rewards")
    poisoned = True

    async def handler(connection, event: UqScoreSet) -> None:
        if event.epoch == 3 and poisoned:
            raise ValueError("poison")
        await record(connection, event)

    projection = projection_of(rewards_db, consumer, handler)
    async with running(*relay_of(allocations_db, producer), projection.run()):
        await write(allocations_db, *range(6))
        await eventually(lambda: "poison" in (projection.trouble or ""))
        assert await effects(rewards_db) == [0, 1, 2]
        poisoned = False

        async def all_there() -> bool:
            return await effects(rewards_db) == list(range(6))

        await eventually(all_there)
        await eventually(lambda: projection.trouble is None)


@pytest.mark.parametrize("headers", [None, {"Nats-Msg-Id": "9" * 40}])
async def test_message__of_no_outbox__stops_the_projection_loudly_but_not_the_relay(
    allocations_db, rewards_db, make_bus, headers
):
    producer, consumer = await make_bus("allocations"), await make_bus("rewards")
    projection = projection_of(rewards_db, consumer)
    works = (*relay_of(allocations_db, producer), projection.run())
    with capture_logs():  # printing such a traceback takes seconds
        async with running(*works):
            await write(allocations_db, 0)

            async def applied() -> bool:
                return await effects(rewards_db) == [0]

            await eventually(applied)
            await producer.jetstream.publish(subject(UqScoreSet), encode(score(7)), headers=headers)
            await write(allocations_db, 1)

            async def published() -> bool:
                return await unpublished(allocations_db) == 0

            await eventually(published, timeout=20)
            await eventually(lambda: "stopped at" in (projection.trouble or ""), timeout=20)
            assert await effects(rewards_db) == [0]
    async with allocations_db.engine.connect() as connection:
        rows = await connection.execute(text("SELECT id, stream_sequence FROM outbox ORDER BY id"))
        assert [tuple(row) for row in rows] == [(1, 1), (2, 3)]


async def test_projection__told_not_yet__tries_again_without_alarm(
    allocations_db, rewards_db, make_bus
):
    producer, consumer = await make_bus("allocations"), await make_bus("rewards")
    attempts = 0

    async def handler(connection, event: UqScoreSet) -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 4:
            raise NotYet("something else first")
        await record(connection, event)

    async with running(
        *relay_of(allocations_db, producer), projection_of(rewards_db, consumer, handler).run()
    ):
        await write(allocations_db, 7)

        async def there() -> bool:
            return await effects(rewards_db) == [7]

        await eventually(there)
    assert attempts == 4


async def test_leadership__held_by_one__passes_to_the_standby_when_the_first_ends(rewards_db):
    led: list[str] = []

    async def work(name: str) -> None:
        led.append(name)
        await asyncio.Event().wait()

    async with running(rewards_db.lead("x", lambda: work("first"))):
        await eventually(lambda: led == ["first"])
        async with running(rewards_db.lead("x", lambda: work("second"))):
            await asyncio.sleep(0)
            assert led == ["first"]
        assert led == ["first"]
    async with running(rewards_db.lead("x", lambda: work("third"))):
        await eventually(lambda: led == ["first", "third"])
