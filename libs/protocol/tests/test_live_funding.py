"""Sums that are kept up to date equal those of a full run, whatever came and went."""

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.funding import AllocationRow, FundingSums
from octant_protocol.live_funding import LiveFunding
from octant_protocol.rules import EPOCH_4
from octant_protocol.running_sum import RUN, RunningSum

# Roots with many digits, from 1 wei to far above what anybody owns.
values = st.integers(0, 10**27).map(lambda wei: Decimal(math.sqrt(wei)))


def added_one_by_one(items: dict[tuple[int, int], Decimal]) -> Decimal:
    with localcontext() as context:
        context.prec = 28
        total = Decimal(0)
        for key in sorted(items):
            total += items[key]
        return total


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans(), values), max_size=120), st.data())
def test_running_sum__when_items_come_and_go__then_equals_adding_one_by_one(
    steps: list[tuple[int, bool, Decimal]], data: st.DataObject
) -> None:
    known: dict[tuple[int, int], Decimal] = {}
    running = RunningSum()
    for number, gone, value in steps:
        key = (number, 0)
        if key not in known:
            known[key] = value
            running.insert(key, value)
        elif gone:
            del known[key]
            running.remove(key)
        if data.draw(st.booleans()):
            assert running.total == added_one_by_one(known)
    assert running.total == added_one_by_one(known)
    assert len(running) == len(known)
    if known:
        assert running.first_key == min(known)


@pytest.mark.parametrize("scale", [1, 10**9, 10**18, 10**27])
@pytest.mark.parametrize("rows", [RUN - 1, RUN, 2 * RUN + 1, 10 * RUN + 7])
def test_running_sum__when_runs_split_and_vanish__then_equals_adding_one_by_one(
    scale: int, rows: int
) -> None:
    """Multiples of 1/64 of the last digit make ties in many additions."""
    known = {(i, i % 3): Decimal(math.sqrt((i * 7919 % 997 + 1) * scale)) for i in range(rows)}
    running = RunningSum(sorted(known.items()))
    assert running.total == added_one_by_one(known)
    for step in range(60):
        key = sorted(known)[step * 31 % len(known)]
        known.pop(key)
        running.remove(key)
        new = (rows + step, 0)
        known[new] = Decimal(math.sqrt((step + 1) * scale / 3))
        running.insert(new, known[new])
        assert running.total == added_one_by_one(known)
    for key in sorted(known)[: rows // 2]:
        known.pop(key)
        running.remove(key)
    assert running.total == added_one_by_one(known)


def test_running_sum__when_keys_do_not_fit__then_refused() -> None:
    running = RunningSum([((1, 0), Decimal(1))])
    with pytest.raises(ValueError, match="there already"):
        running.insert((1, 0), Decimal(2))
    for key in ((0, 9), (1, 1)):
        with pytest.raises(KeyError):
            running.remove(key)
    assert running.total == 1


users, projects = st.integers(0, 5), st.integers(0, 3)
quotients = st.sampled_from([Decimal("0.0"), Decimal("0.01"), Decimal("1.0")])
gifts = st.dictionaries(projects, st.integers(0, 10**21), max_size=3)
changes = st.one_of(
    st.tuples(st.just("allocate"), users, gifts, quotients),
    st.tuples(st.just("revoke"), users, st.none(), st.none()),
    st.tuples(st.just("weigh"), users, st.none(), quotients),
)


@given(st.lists(changes, max_size=40), st.randoms())
def test_live_funding__when_allocations_change__then_equals_a_full_run(changes, random) -> None:
    live = LiveFunding()
    rows: dict[tuple[int, int], AllocationRow] = {}
    order = list(range(len(changes)))
    # Neighbours may commit in another order than they were numbered.
    for i in range(len(order) - 1):
        if random.random() < 0.2:
            order[i], order[i + 1] = order[i + 1], order[i]
    for sequence, (what, number, chosen, uq) in zip(order, changes, strict=True):
        user = bytes([number])
        touched = set()
        if what == "weigh":
            touched = live.weigh(user, uq)
            rows = {
                key: AllocationRow(r.project, r.amount, uq, user) if r.user == user else r
                for key, r in rows.items()
            }
        else:
            touched = live.remove(user)
            assert touched == {r.project for r in rows.values() if r.user == user}
            rows = {key: row for key, row in rows.items() if row.user != user}
        if what == "allocate":
            given_away = [(bytes([p]), wei) for p, wei in chosen.items()]
            touched |= live.add(user, sequence, given_away, uq)
            for place, (project, wei) in enumerate(given_away):
                rows[sequence, place] = AllocationRow(project, wei, uq, user)
    ordered = sorted(rows.items())
    listed = [bytes([p]) for p in range(4)]
    expected = FundingSums(row for _, row in ordered).result(listed, 10**20, EPOCH_4)
    assert FundingSums(sums=live.sums()).result(listed, 10**20, EPOCH_4) == expected
    again = LiveFunding.of((k, r.user, r.project, r.amount, r.uq) for k, r in ordered)
    assert again.sums() == live.sums()
    # What was read in knows whose rows they are.
    for number in range(6):
        user = bytes([number])
        assert again.weigh(user, Decimal("0.5")) == live.weigh(user, Decimal("0.5"))
        assert again.sums() == live.sums()
        assert again.remove(user) == live.remove(user)
        assert again.sums() == live.sums()
    assert again.sums() == []
