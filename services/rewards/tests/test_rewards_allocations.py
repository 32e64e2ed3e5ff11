"""Live estimates follow what the allocations service announces."""

import random
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from octant_chassis.database import Database
from octant_contracts.events import EstimatesChanged, LeverageComputed, ProjectsSet
from octant_contracts.values import Address
from octant_protocol.funding import AllocationRow, FundingSums, capped_quadratic_funding
from octant_protocol.leverage import individual_leverage
from octant_protocol.matching import matched_rewards
from octant_protocol.proceeds import split_proceeds
from octant_protocol.rules import EPOCH_4, MatchingPercents
from octant_rewards.allocations.events import handlers
from octant_rewards.chain import repository as chain
from octant_rewards.estimates.service import estimate_funding, matched_pool, settle
from octant_rewards.funding import repository as funding
from octant_rewards.funding.keeper import FundingKeeper

from .rewards_played import (
    ETH,
    GLM,
    PROJECTS,
    Ledger,
    block,
    end_of,
    expected_budgets,
    user,
)
from .rewards_world import World

DEPOSITS = {user(n): (1_000 + n) * GLM for n in range(1, 6)}
P = PROJECTS
PROJECTS_SET = ProjectsSet(block=block(1), epoch=1, projects=P, cid="")


def expected(world: World, epoch: int = 1) -> list[tuple[bytes, int, int]]:
    result = world.ledger.finalization(epoch, world.proceeds, DEPOSITS)
    return [(r.project, r.allocated, r.matched) for r in result.funding.projects]


async def told(world: World, event: Any) -> None:
    await world.tell(event)
    assert await world.estimates() == expected(world)


async def test_estimates__as_people_change_their_minds__equal_a_recomputation(world: World) -> None:
    ledger = world.ledger
    await world.begin()
    await world.open_window(1, DEPOSITS)
    assert await world.estimates() == [(p, 0, 0) for p in P]

    await told(world, ledger.allocate(1, user(1), {P[0]: 7 * ETH, P[1]: 3 * ETH}))
    await told(world, ledger.allocate(1, user(2), {P[1]: 5 * ETH, P[3]: 11}, uq="0.01"))
    await told(world, ledger.allocate(1, user(3), {P[5]: 2 * ETH}, uq="0.2"))
    # One's whole set is replaced, and counts from its new place on.
    await told(world, ledger.allocate(1, user(1), {P[4]: 9 * ETH}))
    await told(world, ledger.score(1, user(2), "1.0"))
    await told(world, ledger.score(1, user(5), "1.0"))  # has nothing to weigh
    await told(world, ledger.patron(user(3), True, end_of(1) + 20, revoked_epoch=1))
    await told(world, ledger.patron(user(4), True, end_of(1) + 21, revoked_epoch=1))
    await told(world, ledger.patron(user(4), False, end_of(1) + 21, revoked_epoch=1))
    await told(world, ledger.allocate(1, user(4), {P[0]: 0}))

    assert await world.announced(EstimatesChanged) == [
        EstimatesChanged(epoch=1, sequence=n) for n in (1, 2, 3, 4, 4, 5, 6, 7, 8)
    ]


async def test_estimates__of_a_patron__grow_by_the_budget_not_given_elsewhere(world: World) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)
    await world.tell(*(world.ledger.allocate(1, user(n), {P[n]: ETH}) for n in range(1, 5)))
    before = sum(matched for _, _, matched in await world.estimates())

    await told(world, world.ledger.patron(user(5), True, end_of(1) + 9, revoked_epoch=1))

    # Four equal projects are capped at a fifth of the pool each.
    budget = expected_budgets(world.proceeds, DEPOSITS)[user(5)]
    after = sum(matched for _, _, matched in await world.estimates())
    assert abs(after - before - budget * 4 // 5) <= 4


async def test_estimates__patron_after_the_window__do_not_count(world: World) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)
    await world.tell(world.ledger.allocate(1, user(1), {P[0]: ETH}))
    before = await world.estimates()
    late = world.ledger.patron(user(2), True, end_of(1) + 200 + 1)

    await world.tell(late)

    assert await world.estimates() == before
    assert len(await world.announced(EstimatesChanged)) == 1


async def test_allocations__of_other_epochs__do_not_meet(world: World) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)
    await world.tell(
        world.ledger.allocate(1, user(1), {P[0]: ETH}),
        world.ledger.allocate(2, user(1), {P[1]: ETH}),
        world.ledger.score(2, user(1), "0.0"),
        world.ledger.patron(user(1), True, end_of(2) + 1, revoked_epoch=2),
    )

    assert await world.estimates() == expected(world)
    assert (await world.estimates())[0][1] == ETH


@given(
    gifts=st.lists(
        st.tuples(
            st.integers(1, 6),
            st.dictionaries(st.sampled_from(P), st.integers(0, 10**21), min_size=1, max_size=4),
            st.sampled_from(["1.0", "0.01", "0.0", "0.2"]),
        ),
        min_size=1,
        max_size=8,
    ),
    seed=st.integers(0, 2**32),
)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_estimates__arriving_in_another_order__are_the_same(
    rewards_database: Database, gifts: list[tuple[int, dict[Any, int], str]], seed: int
) -> None:
    """Different people's events may arrive in any order; one person's keep theirs."""
    ledger = Ledger()
    queues: dict[int, list[Any]] = {}
    for who, amounts, uq in gifts:
        queues.setdefault(who, []).append(ledger.allocate(1, user(who), amounts, uq))
    shuffled = random.Random(seed)
    arriving = []
    while queues:
        who = shuffled.choice(sorted(queues))
        arriving.append(queues[who].pop(0))
        queues = {n: events for n, events in queues.items() if events}
    split = split_proceeds(1_000 * ETH, 5_000 * GLM, EPOCH_4)
    pending: Any = SimpleNamespace(
        epoch=1,
        finalized_at=end_of(1) + 200,
        staking_proceeds=1_000 * ETH,
        locked_ratio=str(split.locked_ratio),
        operational_cost=split.operational_cost,
        ppf=split.ppf,
        community_fund=split.community_fund,
        total_rewards=split.total_rewards,
        vanilla_individual_rewards=split.vanilla_individual_rewards,
    )

    async with rewards_database.engine.connect() as connection:  # never commits
        await chain.set_projects(connection, PROJECTS_SET)
        apply = handlers(FundingKeeper(MatchingPercents()))
        for event in arriving:
            await apply[type(event)](connection, event)
        result = await settle(connection, pending, MatchingPercents())
        shared = await estimate_funding(
            connection,
            pending,
            await matched_pool(connection, pending, MatchingPercents()),
            MatchingPercents(),
        )

    pool = matched_rewards(
        proceeds=1_000 * ETH, locked_ratio=split.locked_ratio, patrons_rewards=0, rules=EPOCH_4
    )
    assert result.funding == capped_quadratic_funding(ledger.rows(1), P, pool.matched, EPOCH_4)
    assert shared == result.funding


async def test_leverage__of_each_allocation__is_what_it_moved(world: World) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)
    ledger, rules = world.ledger, EPOCH_4
    computed = []
    gifts: list[tuple[int, dict[Address, int], str]] = [
        (1, {P[0]: 7 * ETH, P[1]: 3 * ETH}, "1.0"),
        (2, {P[1]: 5 * ETH, P[3]: 11}, "0.01"),
        (1, {P[4]: 9 * ETH, P[1]: ETH}, "0.2"),
        (3, {P[0]: 0}, "1.0"),
    ]
    for who, amounts, uq in gifts:
        pool = ledger.finalization(1, world.proceeds, DEPOSITS).matched.matched
        new_rows = [AllocationRow(p, wei, Decimal(uq)) for p, wei in amounts.items()]
        leverage, _ = individual_leverage(ledger.rows(1), user(who), new_rows, P, pool, rules)
        event = ledger.allocate(1, user(who), amounts, uq)
        await world.tell(event)
        computed.append((event.sequence, user(who), event.nonce, leverage))
    announced = await world.announced(LeverageComputed)
    assert [(e.sequence, e.user, e.nonce, e.leverage) for e in announced] == computed
    assert computed[-1][-1] == 0.0


async def test_funding_sums__after_a_transaction_was_rolled_back__are_those_of_the_rows(
    rewards_database: Database,
) -> None:
    """The memory is ahead of the database then, and may be behind after another's turn."""
    ours, theirs = (handlers(FundingKeeper(MatchingPercents())) for _ in range(2))
    ledger = Ledger()
    events = [ledger.allocate(1, user(n), {P[n % 3]: n * ETH}) for n in range(1, 7)]

    class Interrupted(Exception):
        pass

    async def apply(side: Any, *batch: Any, fail: bool = False) -> None:
        async with rewards_database.transaction("test") as connection:
            for event in batch:
                await side[type(event)](connection, event)
            if fail:
                raise Interrupted

    await apply(ours, events[0])
    with pytest.raises(Interrupted):
        await apply(ours, *events[1:4], fail=True)
    await apply(ours, events[1])
    await apply(theirs, *events[2:5])
    await apply(ours, events[5])

    async with rewards_database.reading() as connection:
        kept = await funding.sums(connection, 1)
    full = FundingSums(ledger.rows(1)).result(P, 10**20, EPOCH_4)
    assert FundingSums(sums=kept).result(P, 10**20, EPOCH_4) == full
