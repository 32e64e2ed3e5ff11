"""Deposits that nobody has settled, over a real bus and database: totals, until now, pages."""

import asyncio

import pytest
from octant_chassis.database import copy_rows
from octant_contracts.calls import (
    DEPOSITS_UNTIL,
    ESTIMATED_TOTAL_DEPOSIT,
    PAGE,
    REWARDS_RATE,
    USER_DEPOSIT_UNTIL,
    DepositsUntilRequest,
    DepositUntil,
    Nothing,
    OfEpoch,
    OfUser,
    RewardsRate,
    UserDepositUntil,
)
from octant_contracts.errors import Refusal
from octant_contracts.seals import deposits_digest
from octant_contracts.values import Wei
from octant_devnet.testkit import eventually
from octant_epochs import tables
from octant_epochs.calendar import service as calendar
from octant_epochs.deposits import estimates
from sqlalchemy import event, text

DAY = 86_400


async def refusal_of(answer) -> tuple[str, dict[str, str]]:
    with pytest.raises(Refusal) as caught:
        await answer
    return caught.value.code, caught.value.details


async def total(world) -> int:
    return (await world.ask(ESTIMATED_TOTAL_DEPOSIT, Nothing())).total_effective


async def until_page(world, until=None, cursor=0):
    return await world.ask(DEPOSITS_UNTIL, DepositsUntilRequest(until=until, cursor=cursor))


async def of_user(world, user: int) -> UserDepositUntil:
    return await world.ask(USER_DEPOSIT_UNTIL, OfUser(world.user(user)))


def row(world, user: int, effective: int, balance: int, *, active: bool) -> DepositUntil:
    return DepositUntil(
        user=world.user(user),
        effective_deposit=Wei(effective),
        end_balance=Wei(balance),
        active=active,
    )


async def test_rewards_rate__of_any_epoch__is_the_constant_or_invalid(world):
    for epoch in (1, 2, 2**31 - 1, 2**70):
        assert await world.ask(REWARDS_RATE, OfEpoch(epoch)) == RewardsRate(rewards_rate=0.038)
    for epoch in (0, -1, -(2**70)):
        assert await refusal_of(world.ask(REWARDS_RATE, OfEpoch(epoch))) == ("InvalidEpoch", {})


@pytest.mark.proves("GET /deposits/total_effective/estimated", "EpochNotIndexed")
@pytest.mark.proves("GET /rewards/budget/{user_address}/upcoming", "EpochNotIndexed")
@pytest.mark.proves("GET /snapshots/pending/simulate", "EpochNotIndexed")
async def test_estimates_of_everybody__before_head_or_start__are_refused_like_the_others(world):
    def questions():
        return total(world), until_page(world), of_user(world, 1)

    for answer in questions():
        assert (await refusal_of(answer))[0] == "NotLoadedYet"
    await world.tell(world.props(), world.head(1, world.START - 1))
    for answer in questions():
        assert await refusal_of(answer) == ("EpochNotIndexed", {"epoch": "0"})


async def test_total__over_the_whole_epoch__follows_every_lock_and_carries_over(world):
    glm, start, end = world.GLM, world.START, world.START + 90 * DAY
    first = world.block(1, start)
    await world.tell(
        world.props(duration=90 * DAY, decision_window=DAY),
        world.lock(first, 0, 1, 100 * glm),
        world.head(1, start),
    )
    assert await total(world) == 100000000000000000000

    carried = 5 * 10**24 + 3
    await world.tell(
        world.unlock(world.block(2, start + 5), 0, 1, 100 * glm),
        world.lock(world.block(2, start + 5), 1, 2, carried),
        world.head(2, start + 5),
    )
    assert 0 < await total(world) < carried

    locked = world.block(3, end + 1000)
    await world.tell(world.head(3, end + 1000), world.lock(locked, 0, 2, 10**24 + 1))
    assert await total(world) == 5999871399176954732510292
    assert (await world.ask(DEPOSITS_UNTIL, DepositsUntilRequest())).epoch == 2


EXAMPLES = [
    # opening, moves (seconds since the start, wei; negative unlocks), effective, end balance
    (1000, [(30 * DAY, 500), (60 * DAY, -200)], 1200000000000000000000, 1300),
    (1000, [(30 * DAY, -900), (60 * DAY, 800)], 366666666666666666666, 900),
    (1000, [(90 * DAY - 1, -901)], 0, 99),
    (1000, [(90 * DAY - 1, -900)], 100000000000000000000, 100),
    (0, [(90 * DAY - 777_599, 100)], 0, 100),
    (0, [(90 * DAY - 777_600, 100)], 10000000000000000000, 100),
    (70, [], 0, 70),
    (500, [], 500000000000000000000, 500),
]


async def test_deposits_until__ninety_days_into_an_epoch__match_the_documented_examples(world):
    """The epoch lasts much longer: what counts is the time until the head."""
    glm, duration = world.GLM, 200 * DAY
    start = world.START + duration
    moves = sorted(
        [(start - DAY, user, opening) for user, (opening, *_) in enumerate(EXAMPLES) if opening]
        + [(start + at, user, glms) for user, e in enumerate(EXAMPLES) for at, glms in e[1]]
    )
    facts = [
        (world.lock if glms > 0 else world.unlock)(
            world.block(10 + number, time), 0, user, abs(glms) * glm
        )
        for number, (time, user, glms) in enumerate(moves)
    ]
    now = start + 90 * DAY
    # What happens in the head's own block comes after `until`.
    last = world.lock(world.block(99, now), 0, 0, 10**6 * glm)
    await world.tell(
        world.props(duration=duration, decision_window=DAY), *facts, last, world.head(99, now)
    )

    page = await until_page(world)

    expected = sorted(
        (
            row(world, user, effective, balance * glm, active=bool(moved))
            for user, (_, moved, effective, balance) in enumerate(EXAMPLES)
        ),
        key=lambda r: r.user,
    )
    assert page.deposits == expected
    assert (page.epoch, page.start, page.until, page.next_cursor) == (2, start, now, None)
    assert (page.count, page.total_effective_deposit) == (8, sum(e[2] for e in EXAMPLES))
    assert page.digest == deposits_digest(
        (r.user, r.effective_deposit, r.end_balance) for r in expected
    )
    for user, example in enumerate([*EXAMPLES, (0, [], 0, 0)]):
        assert await of_user(world, user) == UserDepositUntil(
            epoch=2,
            start=start,
            until=now,
            total_effective_deposit=page.total_effective_deposit,
            effective_deposit=Wei(example[2]),
        )


async def test_deposits_until__in_the_first_second_of_an_epoch__are_all_zero(world):
    glm, boundary = world.GLM, world.START + world.DURATION
    await world.tell(
        world.props(),
        world.lock(world.block(1, world.START), 0, 1, 500 * glm),
        world.lock(world.block(2, boundary), 0, 2, 500 * glm),
        world.head(2, boundary),
    )

    page = await until_page(world)

    assert (page.epoch, page.start, page.until) == (2, boundary, boundary)
    assert page.deposits == [row(world, 1, 0, 500 * glm, active=False)]
    assert (page.total_effective_deposit, (await of_user(world, 1)).effective_deposit) == (0, 0)
    assert await total(world) == 1000 * glm


async def test_deposits_until__asked_for_a_time_that_is_not__are_refused(world):
    start = world.START
    await world.tell(world.props(), world.head(1, start + 10))
    for until in (start + 11, 2**80):
        code, details = await refusal_of(until_page(world, until))
        assert (code, details["what"]) == ("NotLoadedYet", f"Chain time {until}")
    for until in (start - 1, 0, -(2**80)):
        assert await refusal_of(until_page(world, until)) == ("EpochNotIndexed", {"epoch": "0"})


CROWD = 2_500


async def crowd(world) -> dict[int, tuple[int, int]]:
    """(locked at, wei) by user: one lock each in the first 500 seconds of epoch 1."""
    locks = {n: (world.START + n // 5, (200 + n) * world.GLM) for n in range(CROWD)}
    async with world.service.database.transaction("test") as connection:
        await copy_rows(
            connection,
            tables.facts,
            [column.name for column in tables.facts.columns],
            (
                (b.number, n % 5, b.hash, bytes(32), "Locked", world.user(n), amount, time)
                for n, (time, amount) in locks.items()
                for b in (world.block(10 + n // 5, time),)
            ),
        )
    return locks


def weighed(world, locks, until: int) -> list[DepositUntil]:
    start = world.START
    rows = (
        row(world, n, amount * (until - time) // (until - start), amount, active=True)
        for n, (time, amount) in locks.items()
    )
    return sorted(rows, key=lambda r: r.user)


async def test_pages__while_the_head_moves_on__stay_those_of_the_first(world):
    start = world.START
    await world.tell(world.props(), world.head(1, start))
    locks = await crowd(world)
    await world.tell(world.head(600, start + 700))
    first = await until_page(world)
    assert (first.until, len(first.deposits), first.next_cursor) == (start + 700, PAGE, PAGE)

    # More facts, a new epoch, and a replica that has computed nothing yet.
    late = world.lock(world.block(601, start + 700), 0, 1, 10**6 * world.GLM)
    await world.tell(late, world.head(601, start + world.DURATION + 5))
    other = estimates.Estimates(world.service.database, 900)
    second, third = [
        await estimates.until_page(
            world.service.database, other, DepositsUntilRequest(until=start + 700, cursor=cursor)
        )
        for cursor in (PAGE, 2 * PAGE)
    ]
    rows = first.deposits + second.deposits + third.deposits

    assert rows == weighed(world, locks, start + 700)
    assert (second.next_cursor, third.next_cursor) == (2 * PAGE, None)
    assert len(third.deposits) == CROWD - 2 * PAGE
    for page in (first, second, third):
        assert (page.epoch, page.start, page.until) == (1, start, start + 700)
        assert (page.count, page.digest) == (
            CROWD,
            deposits_digest((r.user, r.effective_deposit, r.end_balance) for r in rows),
        )
        assert page.total_effective_deposit == sum(r.effective_deposit for r in rows)
    assert (await until_page(world, start + 700, CROWD)).deposits == []
    assert (await until_page(world, start + 700, 2**70)).deposits == []
    assert (await until_page(world, start + 700, -3)).deposits == first.deposits


class Reads:
    """Counts how often everybody's facts were read."""

    def __init__(self, database) -> None:
        self.count = 0
        event.listen(database.engine.sync_engine, "before_cursor_execute", self._executed)

    def _executed(self, _connection, _cursor, statement: str, *_) -> None:
        ordered = "ORDER BY facts.block_number, facts.log_index" in statement
        self.count += ordered and 'facts."user" =' not in statement


async def test_estimates__asked_by_many__are_computed_once_until_something_changes(world):
    glm, start, database = world.GLM, world.START, world.service.database
    await world.tell(world.props(), world.head(1, start))
    locks = await crowd(world)
    await world.tell(world.head(600, start + 700))
    reads = Reads(database)

    answers = await asyncio.gather(*(total(world) for _ in range(30)))
    whole = sum(amount * (1000 - time + start) // 1000 for time, amount in locks.values())
    assert (set(answers), reads.count) == ({whole}, 1)
    assert (await world.info(1)).total_effective_deposit == whole
    assert reads.count == 1
    pages = await asyncio.gather(*(until_page(world, None, PAGE) for _ in range(30)))
    users = await asyncio.gather(*(of_user(world, n) for n in range(30)))
    assert len({page.digest for page in pages}) == 1
    assert len({user.total_effective_deposit for user in users}) == 1
    assert reads.count == 2

    # A head without facts: the whole epoch's are the same, those until now are not.
    await world.tell(world.head(601, start + 701))
    assert (await total(world), reads.count) == (whole, 2)
    assert (await until_page(world)).deposits == weighed(world, locks, start + 701)[:PAGE]
    assert reads.count == 3

    # Facts count as soon as they are here, and no longer once they are reverted.
    kept = world.lock(world.block(602, start + 702), 0, CROWD, 1000 * glm)
    await world.tell(kept, world.head(602, start + 702))
    assert await total(world) == whole + 298 * glm
    orphan = world.lock(world.block(603, start + 750), 0, CROWD, 1000 * glm)
    await world.tell(orphan, world.head(603, start + 750))
    assert await total(world) == whole + 298 * glm + 250 * glm
    await world.tell(world.reverted(kept.block, 603))
    assert await total(world) == whole + 298 * glm
    again = world.lock(world.block(603, start + 800, "fork"), 0, CROWD, 1000 * glm)
    await world.tell(again, world.head(603, start + 800, "fork"))
    assert await total(world) == whole + 298 * glm + 200 * glm

    # So does another calendar.
    await world.tell(world.props(duration=1200), world.head(604, start + 810, "fork"))
    longer = sum(amount * (1200 - time + start) // 1200 for time, amount in locks.values())
    longer += 1000 * glm * (498 + 400) // 1200
    assert await total(world) == longer


async def test_estimates__once_the_epoch_before_is_settled__open_with_its_end_balances(world):
    glm, start = world.GLM, world.START
    fact = world.lock(world.block(2, start), 0, 1, 200 * glm)
    await world.tell(world.props(), fact)
    head = await world.chain_epoch_ends(1, 9)
    before = await until_page(world)
    assert (await total(world), before.deposits[0].end_balance) == (200 * glm, 200 * glm)

    await world.tell(world.seal(1, head, [fact]))
    async with world.service.database.transaction("test") as connection:
        # As if the settlement had decided otherwise: from now on its word counts.
        await connection.execute(text("UPDATE deposits SET end_balance = end_balance * 2"))

    assert await total(world) == 400 * glm
    assert (await until_page(world)).deposits == [row(world, 1, 400 * glm, 400 * glm, active=False)]


async def test_results__asked_for_at_many_times__are_only_a_few(world):
    start, database = world.START, world.service.database
    await world.tell(
        world.props(),
        world.lock(world.block(1, start), 0, 1, 200 * world.GLM),
        world.head(2, start + 100),
    )
    everybody = estimates.Estimates(database, 900)
    reads = Reads(database)

    async def ask(until: int) -> int:
        request = DepositsUntilRequest(until=until)
        await estimates.until_page(database, everybody, request)
        return reads.count

    times = [start + n for n in range(1, estimates.KEPT + 1)]
    assert [await ask(time) for time in times] == [1, 2, 3, 4]
    assert [await ask(time) for time in reversed(times)] == [4, 4, 4, 4]
    assert await ask(start + 50) == 5
    assert [await ask(time) for time in times[:-1]] == [5, 5, 5]
    assert await ask(times[-1]) == 6


async def test_result__of_facts_newer_than_asked_for__is_not_kept_for_the_older_ones(world):
    glm, start, database = world.GLM, world.START, world.service.database
    kept = world.lock(world.block(2, start), 0, 1, 200 * glm)
    await world.tell(world.props(), kept, world.head(2, start))
    everybody = estimates.Estimates(database, 900)

    async def basis() -> estimates.Basis:
        async with database.reading() as connection:
            return await estimates.basis_of(connection, await calendar.view(connection), 1)

    older = await basis()
    await world.tell(world.lock(world.block(3, start), 0, 1, 100 * glm), world.head(3, start))
    assert (await everybody.everybody(older)).total_effective_deposit == 300 * glm
    await world.tell(world.reverted(kept.block, 3))

    assert await basis() == older
    assert (await everybody.everybody(older)).total_effective_deposit == 200 * glm


async def test_computation__that_fails_or_loses_who_asked__serves_the_next(world):
    start, database = world.START, world.service.database
    await world.tell(
        world.props(),
        world.lock(world.block(1, start), 0, 1, 200 * world.GLM),
        world.head(2, start + 100),
    )
    everybody = estimates.Estimates(database, 900)
    reads = Reads(database)
    async with database.reading() as connection:
        view = await calendar.view(connection)
        basis = await estimates.basis_of(connection, view, 1)

    async def waits() -> bool:
        async with world.chain.engine.connect() as connection:
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
            return bool(await connection.scalar(text(query)))

    async with database.transaction("test") as holder:
        await holder.execute(text("LOCK TABLE facts IN ACCESS EXCLUSIVE MODE"))
        asked = [asyncio.create_task(everybody.everybody(basis)) for _ in range(3)]
        await eventually(waits)
        await holder.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted")
        )
        failed = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(error, Exception) for error in failed)

        asked = [asyncio.create_task(everybody.everybody(basis)) for _ in range(3)]
        await eventually(waits)
        asked[0].cancel()
        await asyncio.wait(asked[:1])
    assert [task.cancelled() for task in asked[:1]] == [True]
    for result in [*(await asyncio.gather(*asked[1:])), await everybody.everybody(basis)]:
        assert result.total_effective_deposit == 200 * world.GLM
    assert reads.count == 1
