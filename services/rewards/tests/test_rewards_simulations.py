"""Previews of snapshots, estimates of budgets, and what an allocation would move."""

from decimal import Decimal

import pytest
from octant_contracts.calls import (
    DEPOSIT_TOTALS,
    ESTIMATED_BUDGET,
    ESTIMATED_BUDGET_BY_DAYS,
    ESTIMATED_PROJECT_REWARDS,
    PAGE,
    SIMULATE_FINALIZED,
    SIMULATE_LEVERAGE,
    SIMULATE_PENDING,
    THRESHOLD,
    UNUSED_BUDGETS,
    UPCOMING_BUDGET,
    AllocationInput,
    DaysEstimateRequest,
    DepositUntil,
    EpochsEstimateRequest,
    FinalizedSimulationRequest,
    Nothing,
    OfEpoch,
    OfUser,
    PageOfEpoch,
    SimulatedLeverage,
    SimulateLeverageRequest,
    SimulationRequest,
)
from octant_contracts.values import Address, Wei
from octant_protocol.funding import AllocationRow
from octant_protocol.leverage import individual_leverage
from octant_protocol.rules import EPOCH_4

from .rewards_played import (
    DURATION,
    ETH,
    GLM,
    PROJECTS,
    START,
    WINDOW,
    calendar,
    end_of,
    expected_budgets,
    project,
    user,
)
from .rewards_world import World

DEPOSITS = {user(n): (1_000 + n) * GLM for n in range(1, 6)}
P = PROJECTS
SUPPLY = 10**27


def running(amounts: dict[Address, int], active: set[Address]) -> list[DepositUntil]:
    return [
        DepositUntil(
            user=who,
            effective_deposit=Wei(amount),
            end_balance=Wei(amount + 7),
            active=who in active,
        )
        for who, amount in sorted(amounts.items())
    ]


async def test_pending_simulation__of_the_current_epoch__lists_active_users_first(
    world: World,
) -> None:
    await world.begin()
    amounts = DEPOSITS | {user(6): 0}
    active = {user(2), user(4), user(6)}
    world.running = running(amounts, active)
    await world.tell(world.head(START + 400))

    answer = await world.ask(SIMULATE_PENDING, SimulationRequest())

    total = sum(DEPOSITS.values())
    order = sorted(active, key=lambda u: u.text) + sorted(
        amounts.keys() - active, key=lambda u: u.text
    )
    assert [(d.user_address, d.effective_deposit, d.deposit) for d in answer.user_deposits] == [
        (who, amounts[who], amounts[who] + 7) for who in order
    ]
    budgets = expected_budgets(world.proceeds, DEPOSITS)
    assert [(b.user_address, b.budget) for b in answer.user_budgets] == [
        (who, budgets[who]) for who in order if who in budgets
    ]
    proceeds = world.proceeds  # 1000 ETH: every share is exact but those of the ratio
    rewards = answer.rewards
    assert rewards.staking_proceeds == proceeds
    assert rewards.total_effective_deposit == total
    assert rewards.locked_ratio == str(Decimal(total) / SUPPLY)
    assert rewards.total_rewards == proceeds * 7 // 10
    assert rewards.operational_cost == proceeds // 4
    assert rewards.community_fund == proceeds // 20
    vanilla = proceeds * total // SUPPLY
    assert rewards.vanilla_individual_rewards == vanilla
    assert rewards.ppf == proceeds * 35 // 100 - vanilla
    assert answer.as_of == START + 400
    (asked,) = world.proceeds_asked
    assert (asked.epoch, asked.start, asked.end) == (1, START, START + 400)


async def test_pending_simulation__of_nobody__has_no_users_and_a_zero_ratio(world: World) -> None:
    await world.begin()
    answer = await world.ask(SIMULATE_PENDING, SimulationRequest())
    assert (answer.user_deposits, answer.user_budgets) == ([], [])
    assert answer.rewards.locked_ratio == "0"
    assert answer.rewards.ppf == world.proceeds * 35 // 100


async def test_pending_simulation__of_many__is_paged_at_the_time_of_the_first(world: World) -> None:
    await world.begin()
    amounts = {user(n): n * GLM for n in range(2 * PAGE + 3)}
    world.running = running(amounts, set(amounts))
    await world.tell(world.head(START + 10))
    first = await world.ask(SIMULATE_PENDING, SimulationRequest())
    await world.tell(world.head(START + 20))

    rows = list(first.user_deposits)
    budgets = list(first.user_budgets)
    cursor = first.next_cursor
    while cursor is not None:
        page = await world.ask(
            SIMULATE_PENDING, SimulationRequest(until=first.as_of, cursor=cursor)
        )
        assert (page.rewards, page.as_of) == (first.rewards, START + 10)
        rows += page.user_deposits
        budgets += page.user_budgets
        cursor = page.next_cursor

    assert [row.user_address for row in rows] == sorted(amounts, key=lambda u: u.text)
    expected = expected_budgets(world.proceeds, amounts)
    assert {b.user_address: b.budget for b in budgets} == expected
    assert len(world.proceeds_asked) == 1


async def test_finalized_simulation__of_the_open_window__is_what_will_be_finalized(
    world: World,
) -> None:
    await world.begin()
    assert await world.outcome(SIMULATE_FINALIZED, FinalizedSimulationRequest()) == (
        "SimulationOutsideWindow"
    )
    await world.end_epoch(1)
    assert await world.outcome(SIMULATE_FINALIZED, FinalizedSimulationRequest()) == (
        "SimulationWithoutSnapshot"
    )
    await world.tell(world.settlement(1, DEPOSITS))
    assert await world.take_pending() == 1
    empty = await world.ask(SIMULATE_FINALIZED, FinalizedSimulationRequest())
    assert (empty.merkle_root, empty.user_rewards, empty.projects_rewards) == (None, [], [])
    await world.tell(
        world.ledger.allocate(1, user(1), {P[2]: 3_000, P[0]: 5_000}),
        world.ledger.allocate(1, user(2), {P[0]: 0}),
        world.ledger.allocate(1, user(3), {P[0]: 1, P[4]: 2}, uq="0.01"),
        world.ledger.patron(user(4), True, end_of(1) + 5, revoked_epoch=1),
    )

    preview = await world.ask(SIMULATE_FINALIZED, FinalizedSimulationRequest())

    final = await world.finalize(1)
    books = world.ledger.finalization(1, world.proceeds, DEPOSITS)
    assert preview.merkle_root == final.merkle_root
    assert preview.leftover == final.leftover
    assert preview.total_withdrawals == final.total_withdrawals
    assert preview.matched_rewards == final.matched_rewards
    assert preview.patrons_rewards == final.patrons_rewards
    assert preview.staking_matched_reserved_for_v2 == 0
    assert [(c.address, c.amount) for c in preview.user_rewards] == list(books.claims.items())
    assert [(p.address, p.amount, p.matched) for p in preview.projects_rewards] == [
        (r.project, r.allocated + r.matched, r.matched)
        for r in books.funding.projects
        if r.allocated
    ]
    assert [p.address for p in preview.projects_rewards] == [P[0], P[2], P[4]]


async def test_finalized_simulation__overtaken_between_pages__is_refused(world: World) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)
    before = await world.ask(SIMULATE_FINALIZED, FinalizedSimulationRequest())
    changes = (
        world.ledger.allocate(1, user(1), {P[0]: 1}),
        world.ledger.score(1, user(1), "0.5"),
        world.ledger.patron(user(2), True, end_of(1) + 5),
    )
    for change in changes:
        await world.tell(change)
        stale = FinalizedSimulationRequest(cursor=PAGE, as_of=before.as_of)
        assert await world.outcome(SIMULATE_FINALIZED, stale) == "NotLoadedYet"
        before = await world.ask(SIMULATE_FINALIZED, FinalizedSimulationRequest())


async def planned(
    world: World, who: Address, gifts: dict[Address, int], uq: str = "1.0"
) -> SimulatedLeverage | str:
    request = SimulateLeverageRequest(
        user=who,
        epoch=1,
        uniqueness_quotient=Decimal(uq),
        allocations=[AllocationInput(p, Wei(wei)) for p, wei in gifts.items()],
    )
    answer: SimulatedLeverage | str = await world.outcome(SIMULATE_LEVERAGE, request)
    return answer


@pytest.mark.proves("POST /allocations/leverage/{user_address}", "InvalidProjects")
async def test_leverage_simulation__of_new_and_returning_donors__equals_the_full_formula(
    world: World,
) -> None:
    await world.begin()
    await world.end_epoch(1)
    assert await planned(world, user(1), {}) == "PendingSnapshotMissing"
    await world.tell(world.settlement(1, DEPOSITS))
    await world.take_pending()
    await world.tell(
        world.ledger.allocate(1, user(1), {P[0]: 7 * ETH, P[1]: 3 * ETH}),
        world.ledger.allocate(1, user(2), {P[1]: 5 * ETH, P[3]: 11}, uq="0.01"),
        world.ledger.allocate(1, user(3), {P[0]: 2 * ETH}, uq="0.2"),
        world.ledger.patron(user(5), True, end_of(1) + 3, revoked_epoch=1),
    )
    live = world.ledger.rows(1)
    pool = world.ledger.finalization(1, world.proceeds, DEPOSITS).matched.matched
    plans: list[tuple[Address, dict[Address, int], str]] = [
        (user(4), {P[5]: ETH, P[1]: 10**15}, "0.01"),
        (user(1), {P[1]: 4 * ETH, P[2]: 1}, "1.0"),  # was the first donor of two projects
        (user(2), {}, "1.0"),
        (user(3), {P[0]: 0}, "0.2"),
    ]
    listed = sorted((bytes(p) for p in P), key=lambda p: Address(p).text)
    for who, gifts, uq in plans:
        new_rows = [AllocationRow(bytes(p), wei, Decimal(uq)) for p, wei in gifts.items()]
        leverage, after = individual_leverage(live, bytes(who), new_rows, listed, pool, EPOCH_4)
        answer = await planned(world, who, gifts, uq)
        assert not isinstance(answer, str)
        assert float(answer.leverage) == leverage
        assert "e" not in answer.leverage
        assert [(m.address, m.value) for m in answer.matched] == [
            (r.project, r.matched) for r in after.projects
        ]
        assert answer.threshold is None
    assert await planned(world, user(4), {project(77): 1}) == "InvalidProjects"
    assert world.last_refusal == {"projects": f"{{'{project(77).text}'}}"}
    estimated = await world.ask(ESTIMATED_PROJECT_REWARDS, Nothing())
    assert sum(r.allocated for r in estimated.rewards) == sum(r.amount for r in live)


async def test_upcoming_budget__of_the_running_epoch__grows_with_time(world: World) -> None:
    await world.begin()
    world.running = running(DEPOSITS, set())
    # Source: 100,000 ETH at 3.8 % a year, in doubles.
    for seconds, proceeds in ((600, 72298325722983248), (1, 120497209538305)):
        world.node_head = world.head(START + seconds).block
        answer = await world.ask(UPCOMING_BUDGET, OfUser(user(3)))
        assert answer.upcoming_budget == expected_budgets(proceeds, DEPOSITS)[user(3)]
    nobody = await world.ask(UPCOMING_BUDGET, OfUser(user(99)))
    assert nobody.upcoming_budget == 0


async def test_budget_estimates__of_future_epochs__use_the_last_epochs_leverage(
    world: World,
) -> None:
    await world.begin()
    world.locked = 5_000_000 * GLM
    request = EpochsEstimateRequest(number_of_epochs=Wei(3), glm_amount=Wei(1_000 * GLM))
    assert await world.outcome(ESTIMATED_BUDGET, request) == "MissingSnapshot"
    await world.open_window(1, DEPOSITS)
    await world.tell(world.ledger.allocate(1, user(1), {P[0]: 10 * ETH}))
    assert await world.outcome(ESTIMATED_BUDGET, request) == "MissingSnapshot"
    await world.finalize(1)

    answer = await world.ask(ESTIMATED_BUDGET, request)

    # One epoch of 1000 s: 120497209538305408 wei; each share of it in whole wei.
    one = expected_budgets(
        120497209538305408, {user(1): 1_000 * GLM, user(2): world.locked - 1_000 * GLM}
    )[user(1)]
    assert answer.budget == 3 * one
    matched = world.ledger.finalization(1, world.proceeds, DEPOSITS).matched.matched
    assert answer.matched_funding == int(float(3 * one) * (matched / (10 * ETH)))


@pytest.mark.parametrize("amount", [1_000 * GLM, 0, -5])
async def test_budget_estimates__by_days__add_whole_epochs_only(world: World, amount: int) -> None:
    request = DaysEstimateRequest(days=Wei(1), glm_amount=Wei(amount))
    await world.begin()
    world.locked = 5_000_000 * GLM
    world.running = running(DEPOSITS, set())
    await world.tell(world.head(START + 400))

    answer = await world.ask(ESTIMATED_BUDGET_BY_DAYS, request)
    none = await world.ask(
        ESTIMATED_BUDGET_BY_DAYS, DaysEstimateRequest(days=Wei(0), glm_amount=Wei(amount))
    )

    assert none.budget == 0
    if amount <= 0:
        assert answer.budget == 0
        return
    proceeds = 120497209538305408  # of 1000 s
    total = sum(DEPOSITS.values())
    # Held for 600 of 1000 s of the current epoch, then 85 whole epochs and 800 s that earn nothing.
    now = expected_budgets(proceeds, {user(1): 600 * GLM, user(2): total - 600 * GLM})[user(1)]
    later = expected_budgets(proceeds, {user(1): amount, user(2): world.locked - amount})[user(1)]
    assert (86_400 - 600) // DURATION == 85
    assert answer.budget == now + 85 * later


@pytest.mark.proves("POST /rewards/estimated_budget/by_days", "EpochNotIndexed")
async def test_budget_estimates__before_the_first_epoch__are_refused(world: World) -> None:
    await world.tell(calendar(), world.head(START - 10))
    request = DaysEstimateRequest(days=Wei(1), glm_amount=Wei(GLM))
    assert await world.outcome(ESTIMATED_BUDGET_BY_DAYS, request) == "EpochNotIndexed"
    assert world.last_refusal == {"epoch": "0"}


async def test_threshold__of_the_oldest_rules__is_a_share_of_what_was_given(world: World) -> None:
    await world.begin()
    for epoch in (1, 3, 4):
        await world.tell(
            world.projects(epoch), world.ledger.allocate(epoch, user(1), {P[0]: 10**19 + 1})
        )
    answers = {n: (await world.ask(THRESHOLD, OfEpoch(n))).threshold for n in (0, 1, 3, 4, 9)}
    # Six projects, twice as many in epoch 1; a quotient of doubles.
    assert answers == {
        0: 0, 1: 833333333333333376, 3: 1666666666666666752, 4: None, 9: None
    }  # fmt: skip
    assert await world.outcome(THRESHOLD, OfEpoch(-1)) == "InvalidEpoch"


async def test_unused_budgets__of_an_epoch__are_neither_given_nor_the_patrons(world: World) -> None:
    await world.begin()
    assert await world.outcome(UNUSED_BUDGETS, PageOfEpoch(2)) == "EpochNotIndexed"
    assert await world.outcome(UNUSED_BUDGETS, PageOfEpoch(0)) == "EpochNotIndexed"
    current = await world.ask(UNUSED_BUDGETS, PageOfEpoch(1))
    assert (current.addresses, current.value) == ([], 0)
    await world.open_window(1, DEPOSITS)
    budgets = expected_budgets(world.proceeds, DEPOSITS)

    async def unused() -> set[Address]:
        answer = await world.ask(UNUSED_BUDGETS, PageOfEpoch(1))
        assert answer.addresses == sorted(answer.addresses, key=lambda u: u.text)
        assert answer.value == sum(budgets[u] for u in answer.addresses)
        return set(answer.addresses)

    assert await unused() == set(DEPOSITS)
    await world.tell(
        world.ledger.allocate(1, user(1), {P[0]: 0}),
        world.ledger.allocate(1, user(2), {P[0]: 5}),
        world.ledger.patron(user(3), True, end_of(1) + 1, revoked_epoch=1),
        world.ledger.patron(user(2), True, end_of(1) + 2, revoked_epoch=1),
        world.ledger.patron(user(2), False, end_of(1) + 3, revoked_epoch=1),
    )
    left = {user(2), user(4), user(5)}
    assert await unused() == left
    await world.finalize(1)
    await world.tell(world.ledger.patron(user(4), True, end_of(1) + WINDOW + 1))
    assert await unused() == left


async def test_deposit_totals__without_a_snapshot__are_refused(world: World) -> None:
    await world.begin()
    for epoch in (-(2**40), 0, 1, 2**40):
        assert await world.outcome(DEPOSIT_TOTALS, OfEpoch(epoch)) == "InvalidEpoch"
    await world.open_window(1, DEPOSITS)
    totals = await world.ask(DEPOSIT_TOTALS, OfEpoch(1))
    assert totals.total_effective_deposit == sum(DEPOSITS.values())
    assert totals.locked_ratio == Decimal(sum(DEPOSITS.values())) / SUPPLY
