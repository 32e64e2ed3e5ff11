"""The matched pool of every rule set, against the naive one, and the rule sets' own frame."""

from decimal import Decimal

import naive_octant as naive
import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.deposits import locked_ratio
from octant_protocol.matching import LockedRatioTooHigh, MatchedRewards, matched_rewards
from octant_protocol.rules import MatchingPercents, live_rules_for, rules_for, rules_named

SUPPLY = 10**27
percents = st.sampled_from([0, 1, 20, 35, 36, 70, 71, 100])
wei = st.one_of(st.integers(0, 10**24), st.sampled_from([0, 1, 2, 3, 19, 10**18, 10**21 + 1]))
deposits = st.one_of(
    st.integers(0, SUPPLY),
    # One wei around the equilibrium and the total rewards share.
    st.builds(
        lambda share, more: share * SUPPLY // 100 + more,
        st.sampled_from([35, 70]),
        st.integers(-1, 1),
    ),
)


@given(epoch=st.integers(3, 13), amount=wei, total=deposits, patrons=wei)
def test_matched_rewards__any_epoch__equals_the_naive_one(
    epoch: int, amount: int, total: int, patrons: int
) -> None:
    def ask() -> MatchedRewards:
        return matched_rewards(
            proceeds=amount,
            locked_ratio=locked_ratio(total),
            patrons_rewards=patrons,
            rules=rules_for(epoch),
        )

    expected = naive.matched(epoch, amount, Decimal(total) / Decimal(SUPPLY), patrons)
    if expected is None:
        with pytest.raises(LockedRatioTooHigh):
            ask()
    else:
        assert ask() == MatchedRewards(*expected)


def test_locked_ratio_too_high__text__is_the_one_clients_know() -> None:
    assert str(LockedRatioTooHigh()) == (
        "Can't calculate matched rewards when locked ratio is greater than TR percent"
    )


@given(epoch=st.integers(1, 2), total=wei, individual=wei, patrons=wei)
def test_matched_rewards__first_epochs__are_what_individuals_did_not_get(
    epoch: int, total: int, individual: int, patrons: int
) -> None:
    pool = matched_rewards(
        proceeds=5,
        locked_ratio=Decimal("0.9"),
        patrons_rewards=patrons,
        rules=rules_for(epoch),
        total_rewards=total,
        vanilla_individual_rewards=individual,
    )

    assert pool == MatchedRewards(total - individual + patrons, 0)


@pytest.mark.parametrize("known", [{"total_rewards": 5}, {"vanilla_individual_rewards": 5}, {}])
def test_matched_rewards__first_epochs_without_both_totals__are_refused(
    known: dict[str, int],
) -> None:
    with pytest.raises(ValueError, match="rule set epoch-2 needs the total and individual rewards"):
        matched_rewards(
            proceeds=1, locked_ratio=Decimal(0), patrons_rewards=0, rules=rules_for(2), **known
        )


@given(
    epoch=st.integers(3, 13),
    amount=wei,
    ratio=percents,
    patrons=wei,
    shares=st.lists(percents, min_size=3, max_size=3),
)
def test_matched_rewards__configured_percents__are_the_only_ones_that_count(
    epoch: int, amount: int, ratio: int, patrons: int, shares: list[int]
) -> None:
    tr, ire, mrp = (Decimal(share) / 100 for share in shares)
    rules = rules_for(epoch).with_percents(MatchingPercents(tr=tr, ire=ire, mrp=mrp))
    locked = Decimal(ratio) / 100
    if locked < ire:
        staking = int(mrp * amount)
    elif locked < tr:
        staking = int((tr - locked) * amount)
    else:
        staking = 0

    if epoch < 11 and locked >= ire and locked > tr:
        with pytest.raises(LockedRatioTooHigh):
            matched_rewards(
                proceeds=amount, locked_ratio=locked, patrons_rewards=patrons, rules=rules
            )
        return
    pool = matched_rewards(
        proceeds=amount, locked_ratio=locked, patrons_rewards=patrons, rules=rules
    )
    expected = (patrons, staking) if epoch >= 11 else (staking + patrons, 0)
    assert (pool.matched, pool.reserved_for_v2) == expected


@given(epoch=st.integers(-3, 40))
def test_rules__any_epoch__are_named_and_frozen(epoch: int) -> None:
    rules = rules_for(epoch)

    assert rules_named(rules.name) is rules
    assert live_rules_for(epoch) is rules_for(epoch if epoch > 4 else 4)
    with pytest.raises(AttributeError):
        rules.name = "mine"  # type: ignore[misc]


def test_rules_named__nobody_knows_it__raises() -> None:
    with pytest.raises(KeyError):
        rules_named("epoch-5")
