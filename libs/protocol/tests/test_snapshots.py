"""Pending and finalized snapshots and the estimators: documented setups and invariants."""

from decimal import Decimal

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
from octant_protocol.finalization import (
    Finalization,
    PatronEvent,
    PendingAmounts,
    finalize,
    patrons_at,
    unused_budgets,
)
from octant_protocol.funding import AllocationRow
from octant_protocol.matching import LockedRatioTooHigh
from octant_protocol.merkle import leaf_hash, verify_proof
from octant_protocol.pending import PendingSnapshot, deposits_of_all, pending_snapshot
from octant_protocol.rules import EPOCH_4, GLM, Rules, live_rules_for

ALICE, BOB, CAROL = (bytes([number]) * 20 for number in (0xA1, 0xB0, 0xC0))
PROJECTS = [bytes([number]) * 20 for number in range(1, 7)]
START, END = 1_700_000_000, 1_707_776_000
PENDING = PendingAmounts(
    proceeds=10**6,
    locked_ratio=Decimal("0.5"),
    operational_cost=100_000,
    ppf=25_000,
    community_fund=50_000,
)


def take_pending(
    opening: dict[bytes, int], events: dict[bytes, list[DepositEvent]] | None = None
) -> PendingSnapshot:
    deposits = deposits_of_all(
        start=START, end=END, opening=opening, events=events or {}, grace_period=900, rules=EPOCH_4
    )
    return pending_snapshot(proceeds=10**6, deposits=deposits, rules=EPOCH_4)


def settle(
    budgets: dict[bytes, int],
    gifts: list[tuple[bytes, int, int]],
    *,
    pending: PendingAmounts = PENDING,
    patrons: tuple[bytes, ...] = (),
    rules: Rules = EPOCH_4,
) -> Finalization:
    rows = [
        AllocationRow(PROJECTS[project], amount, Decimal("1.0"), user)
        for user, project, amount in gifts
    ]
    return finalize(
        pending=pending,
        budgets=budgets,
        patrons=patrons,
        rows=rows,
        projects=PROJECTS,
        rules=rules,
    )


def test_pending_snapshot__two_openings__gives_the_documented_budgets() -> None:
    snapshot = take_pending({ALICE: 100 * GLM, BOB: 200 * GLM})

    assert [d.effective for d in snapshot.deposits.values()] == [100 * GLM, 200 * GLM]
    assert snapshot.budgets == {ALICE: 58333, BOB: 116666}
    assert snapshot.split.total_rewards == 700_000
    assert snapshot.split.operational_cost == 250_000
    assert snapshot.split.community_fund == 50_000
    assert snapshot.split.ppf == 350_000


def test_pending_snapshot__small_and_zero_deposits__keep_a_row_without_budget() -> None:
    snapshot = take_pending({ALICE: 99 * GLM, BOB: 0})

    assert list(snapshot.deposits) == [ALICE, BOB]
    assert snapshot.budgets == {}


def test_deposits_of_all__active_users__come_first_in_text_order() -> None:
    events = {user: [DepositEvent("Locked", START, 100 * GLM, "Octant")] for user in (CAROL, BOB)}

    snapshot = take_pending({ALICE: 5, CAROL: 7}, events)

    assert list(snapshot.deposits) == [BOB, CAROL, ALICE]
    assert snapshot.deposits[CAROL].end_balance == 100 * GLM + 7


@pytest.mark.parametrize(
    ("events", "is_patron"),
    [
        ([], False),
        ([(True, 10)], True),
        ([(True, 11)], False),
        ([(True, 5), (False, 10)], False),
        ([(True, 5), (False, 11)], True),
        ([(False, 10), (True, 10)], True),
        ([(True, 10), (False, 10)], True),
        ([(False, 10), (True, 3)], False),
    ],
)
def test_patrons_at__newest_event_up_to_the_instant__decides(
    events: list[tuple[bool, int]], is_patron: bool
) -> None:
    history = [PatronEvent(ALICE, enabled, at) for enabled, at in events]

    assert (ALICE in patrons_at(history, 10)) is is_patron


def test_finalize__documented_setup__gives_four_rewards() -> None:
    result = settle({ALICE: 10**6, BOB: 10**6}, [(ALICE, 0, 5 * 10**5), (BOB, 1, 5 * 10**5)])

    assert result.matched.matched == 200_000
    assert result.total_withdrawals == 2_080_000
    assert result.claims == {ALICE: 500_000, BOB: 500_000}
    assert len(result.leaves) == 4
    assert result.tree is not None


def test_finalize__no_allocations__has_no_tree() -> None:
    result = settle({ALICE: 10**6}, [])

    assert (result.total_withdrawals, result.leftover) == (0, 1_037_500)
    assert (result.leaves, result.tree) == ([], None)


def test_finalize__zero_allocation__claims_the_whole_budget() -> None:
    result = settle({ALICE: 700}, [(ALICE, 0, 0)])

    assert result.claims == {ALICE: 700}
    assert result.rewarded == ()


def test_finalize__donor_without_budget__claims_nothing_but_donates() -> None:
    result = settle({}, [(ALICE, 0, 1000)])

    assert result.claims == {}
    assert result.funding.allocations_total == 1000


@pytest.mark.parametrize(
    ("epoch", "matched", "reserved"), [(10, 350_000, 0), (11, 150_000, 200_000)]
)
def test_finalize__patron__adds_the_budget_to_the_pool(
    epoch: int, matched: int, reserved: int
) -> None:
    result = settle({ALICE: 150_000}, [], patrons=(ALICE,), rules=live_rules_for(epoch))

    assert (result.matched.matched, result.matched.reserved_for_v2) == (matched, reserved)
    assert result.patrons_rewards == 150_000


def test_finalize__missing_funds__equal_zero() -> None:
    gifts = [(ALICE, 0, 1000)]
    missing = PendingAmounts(
        proceeds=10**6,
        locked_ratio=Decimal("0.36"),
        operational_cost=1,
        ppf=None,
        community_fund=None,
    )
    zero = PendingAmounts(
        proceeds=10**6,
        locked_ratio=Decimal("0.36"),
        operational_cost=1,
        ppf=0,
        community_fund=0,
    )

    assert settle({ALICE: 5}, gifts, pending=missing) == settle({ALICE: 5}, gifts, pending=zero)


def test_finalize__ratio_above_the_share__is_refused() -> None:
    pending = PendingAmounts(
        proceeds=1, locked_ratio=Decimal("0.8"), operational_cost=0, ppf=0, community_fund=0
    )

    with pytest.raises(LockedRatioTooHigh):
        settle({}, [], pending=pending)


_GIFTS = st.lists(
    st.tuples(st.sampled_from([ALICE, BOB, CAROL]), st.integers(0, 5), st.integers(0, 10**20)),
    max_size=20,
)
_BUDGETS = st.dictionaries(st.sampled_from([ALICE, BOB, CAROL]), st.integers(0, 10**21))


@given(gifts=_GIFTS, budgets=_BUDGETS)
def test_finalize__any_epoch__pays_what_it_withdraws_and_proves_it(
    gifts: list[tuple[bytes, int, int]], budgets: dict[bytes, int]
) -> None:
    result = settle(budgets, gifts)

    paid = sum(amount for _, amount in result.leaves)
    # Projects are paid truncated matches, the vault is funded with the truncated sum.
    assert 0 <= result.total_withdrawals - paid <= max(1, len(result.rewarded))
    if result.tree is not None:
        for number, leaf in enumerate(result.leaves):
            assert verify_proof(result.tree.root, leaf_hash(*leaf), result.tree.proof(number))


@given(gifts=_GIFTS, budgets=_BUDGETS)
def test_unused_budgets__everybody__is_donor_patron_or_listed(
    gifts: list[tuple[bytes, int, int]], budgets: dict[bytes, int]
) -> None:
    donors = {user for user, _, _ in gifts}

    unused = dict(unused_budgets(budgets, donors, [BOB]))

    assert set(unused) == set(budgets) - donors - {BOB}


def test_estimate__lock_ending_inside_the_epoch__earns_nothing() -> None:
    estimate = estimate_epoch_budget(
        start=START,
        duration=END - START,
        remaining=END - START,
        lock_duration=END - START - 1,
        amount=10**24,
        total_effective_deposit=10**26,
        proceeds=10**20,
        rules=EPOCH_4,
    )

    assert (estimate.effective_deposit, estimate.budget) == (0, 0)


@pytest.mark.parametrize(
    ("days", "earns"),
    [(-3, False), (0, False), (79, False), (80, True), (90, True), (170, True)],
)
def test_estimate_by_days__ten_days_into_the_epoch__counts_whole_parts(
    days: int, earns: bool
) -> None:
    current = CurrentEpoch(START, END - START, 152 * 10**24)

    estimate = estimate_budget_by_days(
        days=days,
        amount=1000 * GLM,
        now=START + 864_000,
        current=current,
        future_start=END,
        future_duration=END - START,
        balance=152 * 10**24,
        rules=EPOCH_4,
    )

    assert (estimate > 0) is earns


def test_estimate_future__documented_lock__matches_to_the_wei() -> None:
    budget = estimate_future_budget(
        start=END,
        duration=7_776_000,
        lock_duration=7_776_000,
        amount=1000 * GLM,
        balance=152_000_000 * GLM,
        rules=EPOCH_4,
    )

    assert budget == 1547260273972602
    assert matched_funding(budget, 220114398315501248407, 4000000000000000008) == 85143566060739232
    assert matched_funding(budget, 1, 0) == 0
