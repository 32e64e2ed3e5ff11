"""Effective deposits against a second-by-second account of them, and what may not matter."""

import itertools
from dataclasses import replace

import naive_octant as naive
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from octant_protocol.deposits import (
    GRACE_PERIOD_ELSEWHERE,
    GRACE_PERIOD_MAINNET,
    DepositEvent,
    EffectiveDeposit,
    effective_deposit,
    unify,
    weighted_amounts,
)
from octant_protocol.rules import EPOCH_1, EPOCH_4, GLM, rules_for

START, END = 5000, 5040
epochs = st.sampled_from([1, 2, 3, 4, 11])
graces = st.sampled_from([0, 1, 5, 15, 100])
openings = st.one_of(st.integers(0, 10**27), st.integers(90 * GLM, 110 * GLM))
# Few different sizes: pairs that cancel out, and balances around the minimum.
sizes = st.one_of(
    st.sampled_from([0, 1, GLM, 10 * GLM, 50 * GLM, 100 * GLM]), st.integers(0, 10**27)
)
events_between = st.lists(
    st.builds(
        DepositEvent,
        st.sampled_from(["Locked", "Unlocked"]),
        st.integers(START, END),
        sizes,
        st.sampled_from(["Octant", "Sablier"]),
    ),
    max_size=8,
).map(lambda events: sorted(events, key=lambda event: event.timestamp))


def signed(event: DepositEvent) -> int:
    return event.amount if event.kind == "Locked" else -event.amount


def settle(
    opening: int, events: list[DepositEvent], grace: int = 0, epoch: int = 4
) -> EffectiveDeposit:
    return effective_deposit(unify(opening, START, events, grace), START, END, rules_for(epoch))


@given(opening=openings, events=events_between, epoch=epochs)
def test_effective_deposit__any_events__equals_the_seconds_counted(
    opening: int, events: list[DepositEvent], epoch: int
) -> None:
    result = settle(opening, events, epoch=epoch)

    moves = [(event.timestamp, signed(event)) for event in events]
    assert (result.effective, result.end_balance) == naive.effective(
        epoch, opening, moves, START, END
    )


@given(opening=openings, events=events_between, grace=graces)
def test_unify__any_events__equals_the_grace_scan_by_hand(
    opening: int, events: list[DepositEvent], grace: int
) -> None:
    line = unify(opening, START, events, grace)

    assert line[0] == DepositEvent("Locked", START, 0, "Octant", opening)
    assert [
        [e.kind, e.source, e.timestamp, e.amount, e.deposit_before, e.deposit_after]
        for e in line[1:]
    ] == naive.unify(opening, [(e.kind, e.source, e.timestamp, e.amount) for e in events], grace)


@given(opening=openings, events=events_between, grace=graces, epoch=epochs)
def test_unify__grace__keeps_the_end_balance_and_never_costs_anything(
    opening: int, events: list[DepositEvent], grace: int, epoch: int
) -> None:
    strict, kind = settle(opening, events, 0, epoch), settle(opening, events, grace, epoch)

    assert kind.end_balance == strict.end_balance
    assert kind.effective >= strict.effective


@given(opening=openings, events=events_between, grace=graces)
def test_unify__again__changes_nothing_unless_two_stream_unlocks_touch(
    opening: int, events: list[DepositEvent], grace: int
) -> None:
    unlocks = [event.kind == "Unlocked" and event.source == "Sablier" for event in events]
    assume(not any(a and b for a, b in itertools.pairwise(unlocks)))
    line = unify(opening, START, events, grace)

    assert unify(opening, START, line[1:], grace) == line


def test_unify__two_stream_unlocks_and_one_lock__is_one_forward_pass() -> None:
    def event(kind: str, amount: int, at: int, source: str) -> DepositEvent:
        return DepositEvent(kind, at, amount, source)

    events = [
        event("Unlocked", 10, 1, "Sablier"),
        event("Unlocked", 40, 2, "Sablier"),
        event("Locked", 50, 3, "Octant"),
    ]

    once = unify(100, 0, events, 900)

    # The rest of the lock is not compared with the first unlock again.
    assert [(e.kind, e.amount, e.deposit_before) for e in once[1:]] == [
        ("Unlocked", 10, 100),
        ("Locked", 10, 90),
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("Unlocked", "Octant"), ("Locked", "Octant")),
        (("Unlocked", "Sablier"), ("Locked", "Sablier")),
        (("Locked", "Sablier"), ("Locked", "Octant")),
        (("Unlocked", "Sablier"), ("Unlocked", "Octant")),
        (("Locked", "Octant"), ("Unlocked", "Sablier")),
    ],
)
def test_unify__any_other_pair__stays(first: tuple[str, str], second: tuple[str, str]) -> None:
    events = [DepositEvent(first[0], 1, 5, first[1]), DepositEvent(second[0], 2, 5, second[1])]

    assert len(unify(100, 0, events, 900)) == 3


def test_grace_periods__chains__are_a_day_and_a_quarter_of_an_hour() -> None:
    assert (GRACE_PERIOD_MAINNET, GRACE_PERIOD_ELSEWHERE) == (24 * 60 * 60, 15 * 60)


@given(
    opening=openings, events=events_between, order=st.randoms(use_true_random=False), epoch=epochs
)
def test_effective_deposit__same_second_in_another_order__is_the_same_without_grace(
    opening: int, events: list[DepositEvent], order, epoch: int
) -> None:
    shuffled = list(events)
    order.shuffle(shuffled)
    shuffled.sort(key=lambda event: event.timestamp)

    assert settle(opening, shuffled, epoch=epoch) == settle(opening, events, epoch=epoch)


@given(
    opening=openings,
    events=events_between.filter(bool),
    more=st.integers(0, 10**26),
    place=st.integers(0, 7),
    epoch=epochs,
)
def test_effective_deposit__more_locked_or_less_unlocked__never_earns_less(
    opening: int, events: list[DepositEvent], more: int, place: int, epoch: int
) -> None:
    changed = events[place % len(events)]
    size = changed.amount + more if changed.kind == "Locked" else max(changed.amount - more, 0)
    better = [replace(e, amount=size) if e is changed else e for e in events]

    before, after = settle(opening, events, epoch=epoch), settle(opening, better, epoch=epoch)

    assert after.effective >= before.effective
    assert after.end_balance >= before.end_balance


@given(
    opening=openings,
    events=events_between.filter(bool),
    place=st.integers(0, 7),
    seconds=st.integers(0, 40),
    epoch=epochs,
)
def test_effective_deposit__later_unlock_or_earlier_lock__never_earns_less(
    opening: int, events: list[DepositEvent], place: int, seconds: int, epoch: int
) -> None:
    moved = events[place % len(events)]
    if moved.kind == "Locked":
        at = max(moved.timestamp - seconds, START)
    else:
        at = min(moved.timestamp + seconds, END - 1)
        assume(at >= moved.timestamp)
    better = [replace(e, timestamp=at) if e is moved else e for e in events]
    better.sort(key=lambda event: event.timestamp)

    assert (
        settle(opening, better, epoch=epoch).effective
        >= settle(opening, events, epoch=epoch).effective
    )


@given(opening=openings, events=events_between)
def test_weighted_amounts__any_events__fill_the_epoch_and_never_fall(
    opening: int, events: list[DepositEvent]
) -> None:
    line = unify(opening, START, events, 0)

    plain = weighted_amounts(line, START, END, EPOCH_1)
    lowered = weighted_amounts(line, START, END, EPOCH_4)

    assert sum(seconds for _, seconds in plain) == END - START
    assert [seconds for _, seconds in lowered] == [seconds for _, seconds in plain]
    assert all(seconds > 0 for _, seconds in plain)
    amounts = [amount for amount, _ in lowered]
    assert amounts == sorted(amounts)
    assert all(low <= amount for (low, _), (amount, _) in zip(lowered, plain, strict=True))


def test_weighted_amounts__nothing_happened__is_empty() -> None:
    assert weighted_amounts([], START, END, EPOCH_4) == []
    assert weighted_amounts(unify(7, START, [], 0), START, START, EPOCH_4) == []


@pytest.mark.parametrize(
    ("balance", "seconds", "effective"),
    [
        (100 * GLM, 40, 100 * GLM),
        (100 * GLM - 1, 40, 0),
        (100 * GLM, 4, 10 * GLM),
        (400 * GLM - 40, 1, 0),
        (400 * GLM, 1, 10 * GLM),
    ],
)
def test_effective_deposit__around_both_minimums__keeps_what_reaches_them(
    balance: int, seconds: int, effective: int
) -> None:
    result = settle(0, [DepositEvent("Locked", END - seconds, balance, "Octant")])

    assert result == EffectiveDeposit(effective, balance)
