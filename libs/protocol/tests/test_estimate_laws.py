"""The three estimators of budgets, worked out a second time from their description."""

from decimal import Decimal

import naive_octant as naive
import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.deposits import DepositEvent
from octant_protocol.estimates import (
    CurrentEpoch,
    estimate_budget_by_days,
    estimate_epoch_budget,
    estimate_future_budget,
    matched_funding,
)
from octant_protocol.pending import deposits_of_all, pending_snapshot
from octant_protocol.proceeds import estimate_staking_proceeds, split_proceeds
from octant_protocol.rules import EPOCH_4, EPOCH_11

GLM = 10**18
DAY = 86_400
START = 1_700_000_000
rules = st.sampled_from([EPOCH_4, EPOCH_11])
amounts = st.one_of(
    st.integers(0, 10**25), st.sampled_from([0, 99 * GLM, 100 * GLM, 100 * GLM - 1, 1000 * GLM])
)
totals = st.one_of(st.just(0), st.integers(10**24, 10**27))
lengths = st.one_of(
    st.integers(1, 200 * DAY), st.sampled_from([1, 2, DAY - 1, DAY, 72 * DAY, 90 * DAY])
)


def budget(deposit: int, total: int, proceeds: int) -> int:
    split = naive.split(4, proceeds, total)
    return naive.budget(4, deposit, total, split["vanilla_individual_rewards"] or 0, split["ppf"])


def lock(amount: int, left: int, length: int, lasts: int) -> int:
    """Effective deposit of a lock with `left` seconds to go: nothing if it ends before."""
    if lasts < left:
        return 0
    effective = int(Decimal(amount * left) / Decimal(length))
    return effective if amount >= 100 * GLM and effective >= 10 * GLM else 0


@given(
    length=lengths,
    left=st.integers(0, 10**9),
    lasts=st.one_of(st.integers(-10, 300 * DAY), st.sampled_from([-1, 0, 1])),
    amount=amounts,
    total=totals,
    proceeds=st.integers(0, 10**21),
    rules=rules,
)
def test_epoch_estimate__any_lock__equals_the_naive_one(
    length: int, left: int, lasts: int, amount: int, total: int, proceeds: int, rules
) -> None:
    left %= length + 1
    if lasts in (-1, 0, 1):  # around the end of the epoch
        lasts += left

    estimate = estimate_epoch_budget(
        start=START,
        duration=length,
        remaining=left,
        lock_duration=lasts,
        amount=amount,
        total_effective_deposit=total,
        proceeds=proceeds,
        rules=rules,
    )

    assert estimate.effective_deposit == lock(amount, left, length, lasts)
    assert estimate.split == split_proceeds(proceeds, total, rules)
    assert estimate.budget == budget(estimate.effective_deposit, total, proceeds)


@given(
    left=st.integers(0, 40), lasts=st.integers(0, 50), amount=st.integers(0, 10**22), rules=rules
)
def test_epoch_estimate__short_epoch__equals_the_seconds_counted(
    left: int, lasts: int, amount: int, rules
) -> None:
    locked_at = START + 40 - left
    moves = [(locked_at, amount)]
    if lasts < left:
        moves.append((locked_at + lasts, -amount))

    estimate = estimate_epoch_budget(
        start=START,
        duration=40,
        remaining=left,
        lock_duration=lasts,
        amount=amount,
        total_effective_deposit=10**24,
        proceeds=10**20,
        rules=rules,
    )

    assert estimate.effective_deposit == naive.effective(4, 0, moves, START, START + 40)[0]


@given(length=lengths, lasts=lengths, amount=amounts, balance=totals, rules=rules)
def test_future_estimate__any_lock__is_of_one_whole_epoch(
    length: int, lasts: int, amount: int, balance: int, rules
) -> None:
    estimate = estimate_future_budget(
        start=START,
        duration=length,
        lock_duration=lasts,
        amount=amount,
        balance=balance,
        rules=rules,
    )

    deposit = amount if lasts >= length and amount >= 100 * GLM else 0
    assert estimate == budget(deposit, balance, naive.estimated_proceeds(length))


@given(
    days=st.integers(-5, 500),
    amount=amounts,
    length=lengths,
    gone=st.integers(0, 10**9),
    total=totals,
    future_length=lengths,
    balance=totals,
    rules=rules,
)
def test_by_days__any_lock__is_the_rest_of_this_epoch_and_whole_later_ones(
    days: int,
    amount: int,
    length: int,
    gone: int,
    total: int,
    future_length: int,
    balance: int,
    rules,
) -> None:
    left = length - gone % length
    seconds = days * DAY
    expected = budget(lock(amount, left, length, seconds), total, naive.estimated_proceeds(length))
    if seconds > left:
        whole = (seconds - left) // future_length
        deposit = amount if amount >= 100 * GLM else 0
        expected += whole * budget(deposit, balance, naive.estimated_proceeds(future_length))

    assert expected == estimate_budget_by_days(
        days=days,
        amount=amount,
        now=START + length - left,
        current=CurrentEpoch(START, length, total),
        future_start=START + length,
        future_duration=future_length,
        balance=balance,
        rules=rules,
    )


def test_by_days__lock_ends_exactly_with_an_epoch__counts_it() -> None:
    def estimate(days: int) -> int:
        return estimate_budget_by_days(
            days=days,
            amount=1000 * GLM,
            now=START + 80 * DAY,
            current=CurrentEpoch(START, 90 * DAY, 10**26),
            future_start=START + 90 * DAY,
            future_duration=90 * DAY,
            balance=10**26,
            rules=EPOCH_4,
        )

    this = budget(1000 * GLM * 10 // 90, 10**26, naive.estimated_proceeds(90 * DAY))
    later = budget(1000 * GLM, 10**26, naive.estimated_proceeds(90 * DAY))
    assert [estimate(days) for days in (9, 10, 11, 99, 100, 189, 190)] == [
        0,
        this,
        this,
        this,
        this + later,
        this + later,
        this + 2 * later,
    ]


@pytest.mark.parametrize(("length", "later"), [(1, 1), (2, 0)])
def test_by_days__one_second_is_left_over__is_a_whole_epoch_of_one_second(
    length: int, later: int
) -> None:
    estimate = estimate_budget_by_days(
        days=1,
        amount=10**26,
        now=START + 1,
        current=CurrentEpoch(START, DAY, 10**27),
        future_start=START + DAY,
        future_duration=length,
        balance=10**27,
        rules=EPOCH_4,
    )

    deposit = 10**26 * (DAY - 1) // DAY
    this = budget(deposit, 10**27, naive.estimated_proceeds(DAY))
    assert estimate - this == later * budget(10**26, 10**27, naive.estimated_proceeds(1))
    assert budget(10**26, 10**27, naive.estimated_proceeds(1)) > 0


@given(
    epochs=st.integers(1, 9),
    amount=amounts,
    balance=st.integers(10**24, 10**27),
    matched=st.integers(0, 10**24),
    allocated=st.integers(0, 10**24),
)
def test_estimated_budget__whole_epochs__attract_at_the_last_leverage(
    epochs: int, amount: int, balance: int, matched: int, allocated: int
) -> None:
    length = 90 * DAY
    one = estimate_future_budget(
        start=START,
        duration=length,
        lock_duration=length,
        amount=amount,
        balance=balance,
        rules=EPOCH_4,
    )

    attracted = matched_funding(epochs * one, matched, allocated)

    leverage = matched / allocated if allocated else 0.0
    assert attracted == int(float(epochs * one) * leverage)


users = st.sampled_from([bytes([number]) * 20 for number in range(1, 5)])
events = st.lists(
    st.builds(
        DepositEvent,
        st.sampled_from(["Locked", "Unlocked"]),
        st.integers(START, START + 29),
        st.integers(0, 10**23),
        st.just("Octant"),
    ),
    max_size=4,
).map(lambda found: sorted(found, key=lambda event: event.timestamp))


@given(
    opening=st.dictionaries(users, st.integers(0, 10**24)),
    events=st.dictionaries(users, events),
    gone=st.integers(1, 30),
)
def test_upcoming__epoch_until_now__is_a_pending_snapshot_of_the_estimate(
    opening: dict[bytes, int], events: dict[bytes, list[DepositEvent]], gone: int
) -> None:
    now = START + gone
    so_far = {user: [e for e in found if e.timestamp < now] for user, found in events.items()}
    deposits = deposits_of_all(
        start=START, end=now, opening=opening, events=so_far, grace_period=900, rules=EPOCH_4
    )
    snapshot = pending_snapshot(
        proceeds=estimate_staking_proceeds(gone), deposits=deposits, rules=EPOCH_4
    )

    effective = {}
    for user in {*opening, *so_far}:
        moves = [
            (e.timestamp, e.amount if e.kind == "Locked" else -e.amount)
            for e in so_far.get(user, [])
        ]
        effective[user] = naive.effective(4, opening.get(user, 0), moves, START, now)[0]
    total = sum(effective.values())
    budgets = {
        user: budget(deposit, total, naive.estimated_proceeds(gone))
        for user, deposit in effective.items()
    }
    assert snapshot.total_effective_deposit == total
    assert snapshot.budgets == {user: amount for user, amount in budgets.items() if amount}
