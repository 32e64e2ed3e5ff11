"""Retired project-reward rules: the threshold of epochs 1–3 and uncapped quadratic funding."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from octant_protocol.address import eip55
from octant_protocol.funding import AllocationRow, FundingSums, ProjectResult
from octant_protocol.numeric import ZERO, add, divide, double_quotient, multiply
from octant_protocol.rules import Rules


@dataclass(frozen=True, slots=True)
class HistoricalRewards:
    """Project results by `allocated` descending (ties in contract order) and their totals."""

    projects: tuple[ProjectResult, ...]
    rewards_sum: int
    total_allocated: Decimal
    threshold: int | None


def allocation_threshold(total_allocated: int, projects: int, rules: Rules) -> int | None:
    """Wei a project must exceed to be matched; None where the rule set has no threshold.

    A double quotient, truncated; 0 for an empty list. Source: threshold.
    """
    if rules.threshold_multiplier is None:
        return None
    return double_quotient(total_allocated, rules.threshold_multiplier * projects)


def allocations_below_threshold(allocated_per_project: Sequence[int], rules: Rules) -> int:
    """Sum of what lies strictly below the statistics threshold, wei.

    That threshold counts only projects having allocations. Source: finalized epoch info.
    """
    threshold = allocation_threshold(sum(allocated_per_project), len(allocated_per_project), rules)
    if threshold is None:
        return 0
    return sum(amount for amount in allocated_per_project if amount < threshold)


def threshold_project_rewards(
    rows: Iterable[AllocationRow], projects: Sequence[bytes], matched: int, rules: Rules
) -> HistoricalRewards:
    """Projects strictly above the threshold share `matched` wei in proportion to donations.

    Source: retired project-reward rules, epochs 1–3.
    """
    sums = dict.fromkeys(projects, 0)
    for row in rows:
        sums[row.project] = sums.get(row.project, 0) + row.amount
    total = sum(sums.values())
    threshold = allocation_threshold(total, len(projects), rules)
    above = {
        project: amount
        for project, amount in sums.items()
        if threshold is None or amount > threshold
    }
    above_total = Decimal(sum(above.values()))
    matches = {
        project: int(multiply(divide(Decimal(amount), above_total), Decimal(matched)))
        for project, amount in above.items()
        if above_total
    }
    results = (
        ProjectResult(project, sums[project], matches.get(project, 0)) for project in projects
    )
    rewards_sum = sum(above.values()) + sum(matches.values())
    return HistoricalRewards(_by_allocated(results), rewards_sum, Decimal(total), threshold)


def plain_quadratic_funding(
    rows: Iterable[AllocationRow], projects: Sequence[bytes], matched: int
) -> HistoricalRewards:
    """Quadratic funding without a cap; `allocated` is the truncated quadratic weight.

    Groups in ascending order of the EIP-55 text. Source: retired project-reward rules, plain QF.
    """
    grouped = sorted(rows, key=lambda row: eip55(row.project))
    weights = FundingSums(grouped).weights()
    weights_total = ZERO
    for weight in weights.values():
        weights_total = add(weights_total, weight)
    matches: dict[bytes, Decimal] = {}
    rewards_sum = ZERO
    for project, weight in weights.items():
        match = ZERO
        if weights_total:
            match = multiply(divide(weight, weights_total), Decimal(matched))
        matches[project] = match
        rewards_sum = add(rewards_sum, add(weight, match))
    results = (
        ProjectResult(project, int(weights.get(project, ZERO)), int(matches.get(project, ZERO)))
        for project in projects
    )
    return HistoricalRewards(_by_allocated(results), int(rewards_sum), weights_total, None)


def _by_allocated(results: Iterable[ProjectResult]) -> tuple[ProjectResult, ...]:
    return tuple(sorted(results, key=lambda result: result.allocated, reverse=True))
