"""Staking proceeds, their split at the pending snapshot, and individual budgets."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from octant_protocol.deposits import locked_ratio
from octant_protocol.numeric import (
    ZERO,
    add,
    divide,
    multiply,
    scaled_integer,
    square_root,
)
from octant_protocol.rules import Rules

ESTIMATED_STAKE = 100_000 * 10**18
ESTIMATED_RATE = 0.038
SECONDS_PER_YEAR = 31_536_000

_GWEI = 10**9
_VALIDATOR_PRINCIPAL_GWEI = 32 * 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class ProceedsSplit:
    """The pending snapshot's amounts in wei; None = the rule set does not compute it."""

    locked_ratio: Decimal
    operational_cost: int
    total_rewards: int
    vanilla_individual_rewards: int
    individual_rewards_equilibrium: int | None
    ppf: int | None
    community_fund: int | None


@dataclass(frozen=True, slots=True)
class AggregatedProceeds:
    """Mainnet proceeds and their two explorer parts, wei."""

    mev: int
    withdrawals: int
    staking_proceeds: int


def estimate_staking_proceeds(seconds: int) -> int:
    """Wei expected from `seconds` of staking; 0 for none or negative.

    Doubles throughout, in this order. Source: staking proceeds, estimate.
    """
    if seconds <= 0:
        return 0
    yearly = int(ESTIMATED_STAKE * ESTIMATED_RATE)
    return int((yearly / SECONDS_PER_YEAR) * seconds)


def aggregate_staking_proceeds(
    *,
    target: bytes,
    normal: Iterable[Mapping[str, object]],
    internal: Iterable[Mapping[str, object]],
    withdrawals: Iterable[Mapping[str, object]],
    block_rewards_eth: float,
) -> AggregatedProceeds:
    """Mainnet proceeds from explorer rows (as received) and block rewards in ETH.

    The first row of a transaction hash counts, across both lists; failed transactions, other
    receivers and function calls are no MEV. Empty lists count 0.
    Source: staking proceeds, mainnet aggregation.
    """
    mev = _mev(target, [*normal, *internal])
    gwei = _withdrawn_gwei(withdrawals)
    rewards = scaled_integer(float(block_rewards_eth), 18)
    return AggregatedProceeds(mev, gwei * _GWEI, mev + gwei * _GWEI + rewards)


def _mev(target: bytes, transactions: Iterable[Mapping[str, object]]) -> int:
    receiver = "0x" + target.hex()
    seen: set[object] = set()
    total = 0
    for row in transactions:
        if str(row.get("isError")) == "1" or row["hash"] in seen:
            continue
        seen.add(row["hash"])
        if str(row.get("to") or "").lower() == receiver and not row.get("functionName"):
            total += int(str(row["value"]))
    return total


def _withdrawn_gwei(withdrawals: Iterable[Mapping[str, object]]) -> int:
    first_by_index: dict[str, int] = {}
    for row in withdrawals:
        first_by_index.setdefault(str(row["withdrawalIndex"]), int(str(row["amount"])))
    return sum(
        amount - _VALIDATOR_PRINCIPAL_GWEI if amount >= _VALIDATOR_PRINCIPAL_GWEI else amount
        for amount in first_by_index.values()
    )


def operational_cost(proceeds: int, rules: Rules) -> int:
    """The operator's share of the proceeds, wei."""
    return _share(proceeds, rules.operational_cost_share)


def community_fund(proceeds: int, rules: Rules) -> int | None:
    """The community fund, wei; None where the rule set has none."""
    share = rules.community_fund_share
    return None if share is None else _share(proceeds, share)


def total_rewards(proceeds: int, ratio: Decimal, cost: int, rules: Rules) -> int:
    """Total rewards, wei; `cost` is the operational cost of the same proceeds."""
    match rules.total_rewards_rule:
        case "proceeds_minus_cost":
            return proceeds - cost
        case "root_of_ratio":
            return _share(proceeds, square_root(ratio))
        case "share_of_proceeds":
            return _share(proceeds, rules.total_rewards_share)


def vanilla_individual_rewards(proceeds: int, ratio: Decimal, total: int, rules: Rules) -> int:
    """Individual rewards before the ppf, wei; `total` is the total rewards of the same split."""
    if rules.vanilla_rule == "root_of_ratio_of_total":
        return _share(total, square_root(ratio))
    return _share(proceeds, ratio)


def equilibrium(proceeds: int, rules: Rules) -> int | None:
    """The individual rewards equilibrium amount, wei; None where the rule set has none."""
    share = rules.equilibrium_share
    return None if share is None else _share(proceeds, share)


def ppf(proceeds: int, ratio: Decimal, vanilla: int, rules: Rules) -> int | None:
    """The participation promotion fund, wei: 0 once the ratio reaches the equilibrium share."""
    share = rules.equilibrium_share
    if share is None:
        return None
    return _share(proceeds, share) - vanilla if ratio < share else 0


def split_proceeds(proceeds: int, total_effective_deposit: int, rules: Rules) -> ProceedsSplit:
    """Split of an epoch's staking proceeds (wei) given the total effective deposit (wei of GLM).

    Every amount is a rounded decimal product, truncated. Source: split of the staking proceeds.
    """
    ratio = locked_ratio(total_effective_deposit)
    cost = operational_cost(proceeds, rules)
    total = total_rewards(proceeds, ratio, cost, rules)
    vanilla = vanilla_individual_rewards(proceeds, ratio, total, rules)
    return ProceedsSplit(
        locked_ratio=ratio,
        operational_cost=cost,
        total_rewards=total,
        vanilla_individual_rewards=vanilla,
        individual_rewards_equilibrium=equilibrium(proceeds, rules),
        ppf=ppf(proceeds, ratio, vanilla, rules),
        community_fund=community_fund(proceeds, rules),
    )


def user_budget(
    effective_deposit: int,
    total_effective_deposit: int,
    split_vanilla: int,
    ppf: int | None,
    rules: Rules,
) -> int:
    """One user's budget, wei; 0 without a total deposit. A missing ppf counts as 0.

    Source: individual budget.
    """
    if total_effective_deposit == 0:
        return 0
    share = divide(Decimal(effective_deposit), Decimal(total_effective_deposit))
    pool = Decimal(split_vanilla)
    if rules.equilibrium_share is not None:
        pool = add(pool, ZERO if ppf is None else multiply(rules.ppf_user_share, Decimal(ppf)))
    return int(multiply(share, pool))


def _share(amount: int, share: Decimal) -> int:
    return int(multiply(Decimal(amount), share))
