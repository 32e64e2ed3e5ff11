"""Proceeds, their split and the budgets of every rule set, against the naive ones."""

from collections.abc import Mapping
from fractions import Fraction

import naive_octant as naive
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol import proceeds
from octant_protocol.deposits import EffectiveDeposit
from octant_protocol.pending import pending_snapshot
from octant_protocol.proceeds import (
    aggregate_staking_proceeds,
    estimate_staking_proceeds,
    split_proceeds,
    user_budget,
)
from octant_protocol.rules import rules_for

SUPPLY = 10**27
epochs = st.integers(1, 13)
wei = st.one_of(st.integers(0, 10**24), st.sampled_from([0, 1, 2, 3, 19, 10**18, 10**21 + 1]))
deposits = st.one_of(
    st.integers(0, SUPPLY),
    st.sampled_from([0, 1, SUPPLY]),
    # One wei around the equilibrium and the total rewards share.
    st.builds(
        lambda share, wei: share * SUPPLY // 100 + wei,
        st.sampled_from([35, 70]),
        st.integers(-1, 1),
    ),
)


@given(epoch=epochs, amount=wei, total=deposits)
def test_split__any_epoch__equals_the_naive_one(epoch: int, amount: int, total: int) -> None:
    split = split_proceeds(amount, total, rules_for(epoch))

    assert split.locked_ratio == Fraction(total, SUPPLY)
    for name, expected in naive.split(epoch, amount, total).items():
        assert getattr(split, name) == expected, name


@given(amount=wei, total=deposits)
def test_split__live_epochs__shares_never_exceed_the_proceeds(amount: int, total: int) -> None:
    split = split_proceeds(amount, total, rules_for(4))

    assert split.ppf is not None
    assert split.community_fund is not None
    # 25 + 5 + 70 percent, each truncated.
    parts = split.operational_cost + split.community_fund + split.total_rewards
    assert amount - 3 < parts <= amount
    if total < SUPPLY * 35 // 100:
        assert split.ppf + split.vanilla_individual_rewards == split.individual_rewards_equilibrium
    else:
        assert split.ppf == 0


@given(
    epoch=epochs,
    deposit=st.integers(0, 10**26),
    others=st.integers(0, 10**27),
    individual=wei,
    ppf=st.one_of(st.none(), wei),
)
def test_user_budget__any_epoch__equals_the_naive_one(
    epoch: int, deposit: int, others: int, individual: int, ppf: int | None
) -> None:
    total = deposit + others

    assert user_budget(deposit, total, individual, ppf, rules_for(epoch)) == naive.budget(
        epoch, deposit, total, individual, ppf
    )


@given(
    epoch=epochs,
    deposit=st.integers(0, 10**26),
    more=st.integers(0, 10**26),
    total=st.integers(2 * 10**26, SUPPLY),
    individual=wei,
    ppf=wei,
)
def test_user_budget__larger_deposit__never_gets_less(
    epoch: int, deposit: int, more: int, total: int, individual: int, ppf: int
) -> None:
    def budget(deposit: int) -> int:
        return user_budget(deposit, total, individual, ppf, rules_for(epoch))

    assert budget(deposit) <= budget(deposit + more)


@given(
    epoch=epochs,
    holdings=st.lists(st.integers(0, 10**25), min_size=1, max_size=20),
    amount=wei,
    order=st.randoms(use_true_random=False),
)
def test_pending_snapshot__users_in_any_order__have_the_same_budgets(
    epoch: int, holdings: list[int], amount: int, order
) -> None:
    rules = rules_for(epoch)
    users = {number.to_bytes(20, "big"): held for number, held in enumerate(holdings)}
    settled = {user: EffectiveDeposit(held, held + 1) for user, held in users.items()}
    shuffled = list(settled.items())
    order.shuffle(shuffled)

    snapshot = pending_snapshot(proceeds=amount, deposits=settled, rules=rules)
    other = pending_snapshot(proceeds=amount, deposits=dict(shuffled), rules=rules)

    assert other == snapshot
    assert snapshot.total_effective_deposit == sum(holdings)
    assert snapshot.proceeds == amount
    assert list(snapshot.deposits) == list(settled)
    split = naive.split(epoch, amount, sum(holdings))
    individual, ppf = split["vanilla_individual_rewards"], split["ppf"]
    budgets = {
        user: naive.budget(epoch, held, sum(holdings), individual, ppf)
        for user, held in users.items()
    }
    assert list(snapshot.budgets.items()) == [(u, b) for u, b in budgets.items() if b > 0]
    # Nobody shares more than there is: each part is truncated, and a share may be rounded up.
    assert sum(budgets.values()) <= individual + ((ppf or 0) + 1) // 2 + 1


@given(seconds=st.integers(-10, 40_000_000))
def test_estimate__any_duration__equals_the_naive_one(seconds: int) -> None:
    assert estimate_staking_proceeds(seconds) == naive.estimated_proceeds(seconds)


TARGET = bytes.fromhex("ba1951df0c0a52af23857c5ab48b4c43a57e7ed1")
transactions = st.lists(
    st.fixed_dictionaries(
        {
            "hash": st.integers(0, 9).map(hex),
            "to": st.sampled_from(
                [
                    "0x" + TARGET.hex(),
                    "0x" + TARGET.hex().upper(),
                    "0x" + "00" * 20,
                    "",
                    None,
                ]
            ),
            "value": st.one_of(st.integers(0, 10**24), st.integers(0, 10**24).map(str)),
            "isError": st.sampled_from(["0", "1", 0, 1]),
        },
        optional={"functionName": st.sampled_from(["", None, "claim()"])},
    ),
    max_size=8,
)
withdrawn = st.lists(
    st.fixed_dictionaries(
        {
            "withdrawalIndex": st.integers(0, 5).map(str),
            "amount": st.one_of(
                st.integers(0, 65 * 10**9),
                st.sampled_from([32 * 10**9 - 1, 32 * 10**9, 32 * 10**9 + 1]),
            ).map(str),
        }
    ),
    max_size=6,
)


@given(
    normal=transactions,
    internal=transactions,
    withdrawals=withdrawn,
    rewards=st.one_of(st.just(0.0), st.floats(0, 10**6, allow_nan=False)),
)
def test_aggregate__any_explorer_rows__counts_each_once(
    normal: list[Mapping[str, object]],
    internal: list[Mapping[str, object]],
    withdrawals: list[Mapping[str, object]],
    rewards: float,
) -> None:
    sound = [row for row in [*normal, *internal] if str(row["isError"]) != "1"]
    firsts = {row["hash"]: row for row in reversed(sound)}
    mev = sum(
        int(row["value"])
        for row in firsts.values()
        if (row["to"] or "").lower() == "0x" + TARGET.hex() and not row.get("functionName")
    )
    gwei = 0
    for amount in {r["withdrawalIndex"]: int(r["amount"]) for r in reversed(withdrawals)}.values():
        gwei += amount if amount < 32 * 10**9 else amount - 32 * 10**9

    result = aggregate_staking_proceeds(
        target=TARGET,
        normal=normal,
        internal=internal,
        withdrawals=withdrawals,
        block_rewards_eth=rewards,
    )

    assert (result.mev, result.withdrawals) == (mev, gwei * 10**9)
    assert result.staking_proceeds == mev + gwei * 10**9 + int(Fraction(repr(rewards)) * 10**18)


def test_estimate__its_assumptions__are_the_documented_ones() -> None:
    assert proceeds.ESTIMATED_STAKE == 10**23
    assert proceeds.ESTIMATED_RATE == 0.038
    assert proceeds.SECONDS_PER_YEAR == 365 * 24 * 60 * 60
