"""Finalization: claims, withdrawals, the leftover and the leaves of the rewards tree."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from octant_protocol.address import eip55
from octant_protocol.funding import FundingResult
from octant_protocol.historical import allocations_below_threshold
from octant_protocol.numeric import half_as_double
from octant_protocol.rules import Rules


def claimed_rewards(budget: int, allocated: int) -> int:
    """What a user with at least one live allocation row keeps of the budget, wei, never below 0.

    Users without a row claim nothing and must not be passed. Source: claimed rewards.
    """
    return max(budget - allocated, 0)


def total_withdrawals(claimed_sum: int, funding: FundingResult) -> int:
    """Everything the vault must pay for the epoch, wei. Source: total withdrawals."""
    return claimed_sum + funding.donated


def leftover(
    *,
    proceeds: int,
    operational_cost: int,
    community_fund: int | None,
    ppf: int | None,
    total_withdrawals: int,
    matched: int | None,
    used: int | None,
    rules: Rules,
) -> int:
    """What remains of the proceeds, wei; may be negative. None counts as 0.

    The rule set of today adds the unmatched rewards although the withdrawals exclude them;
    `unspent` is the number without that. Source: leftover.
    """
    rest = unspent(
        proceeds=proceeds,
        operational_cost=operational_cost,
        community_fund=community_fund,
        ppf=ppf,
        total_withdrawals=total_withdrawals,
        rules=rules,
    )
    if rules.leftover == "with_funds_and_unmatched":
        rest += (matched or 0) - (used or 0)
    return rest


def unspent(
    *,
    proceeds: int,
    operational_cost: int,
    community_fund: int | None,
    ppf: int | None,
    total_withdrawals: int,
    rules: Rules,
) -> int:
    """Proceeds less cost, funds and withdrawals, wei: the leftover counted once."""
    rest = proceeds - operational_cost - total_withdrawals
    if rules.leftover != "cost_only":
        rest -= (community_fund or 0) + half_as_double(ppf or 0)
    return rest


def unused_matched_rewards(
    *,
    leftover: int,
    proceeds: int,
    operational_cost: int,
    community_fund: int | None,
    ppf: int | None,
    total_withdrawals: int,
    rules: Rules,
) -> int:
    """The unmatched part read back out of a leftover, wei; 0 where the rule set omits it.

    Source: leftover, inverse used by statistics.
    """
    if rules.leftover != "with_funds_and_unmatched":
        return 0
    return leftover - unspent(
        proceeds=proceeds,
        operational_cost=operational_cost,
        community_fund=community_fund,
        ppf=ppf,
        total_withdrawals=total_withdrawals,
        rules=rules,
    )


def donated_to_projects(
    *, matched: int, unused: int, allocated_per_project: Sequence[int], rules: Rules
) -> int:
    """Donations and match of a finalized epoch as its statistics show it, wei.

    `allocated_per_project` has one sum per project having allocations, `unused` comes from
    `unused_matched_rewards`, `rules` is the epoch's own rule set.
    Source: finalized epoch info.
    """
    below = allocations_below_threshold(allocated_per_project, rules)
    return matched - unused + sum(allocated_per_project) - below


def reward_leaves(
    user_claims: Iterable[tuple[bytes, int]],
    project_rewards: Iterable[tuple[bytes, int]],
) -> list[tuple[bytes, int]]:
    """(address, wei) leaves of the rewards tree: one per address, in EIP-55 code-point order.

    A project that also claimed as a user gets one leaf with the sum, as the vault pays an
    address once per epoch.
    """
    amounts: defaultdict[bytes, int] = defaultdict(int)
    for source in (user_claims, project_rewards):
        for address, amount in source:
            amounts[address] += amount
    return sorted(amounts.items(), key=lambda leaf: eip55(leaf[0]))
