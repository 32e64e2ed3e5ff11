"""Leverage: matched wei per donated wei, of an epoch or of one allocation."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from octant_protocol.funding import AllocationRow, FundingResult, FundingSums
from octant_protocol.numeric import ZERO, add, divide, magnitude, subtract
from octant_protocol.rules import EPOCH_4, Rules


class ProjectNotListed(ValueError):
    """A new allocation names an address outside the epoch's project list."""


def total_leverage(matched: int, allocated: int) -> float:
    """Matched pool over the sum of allocations, a double; 0.0 without allocations."""
    return matched / allocated if allocated else 0.0


def individual_leverage(
    existing: Iterable[AllocationRow],
    user: bytes,
    new_rows: Sequence[AllocationRow],
    projects: Sequence[bytes],
    matched: int,
    rules_or_cap: Rules | Decimal = EPOCH_4,
) -> tuple[float, FundingResult]:
    """(leverage, result afterwards) of `user` replacing their rows by `new_rows`.

    Leverage is the change of the truncated matches of the named projects (named twice counts
    twice) over the new amounts, 0.0 if those sum to 0. Raises `ProjectNotListed`.
    Source: individual leverage.
    """
    listed = set(projects)
    for row in new_rows:
        if row.project not in listed:
            raise ProjectNotListed(f"0x{row.project.hex()} is not in the project list")
    sums = FundingSums(row for row in existing if row.user != user)
    before = sums.result(projects, matched, rules_or_cap)
    # New rows come after all others, so the sums continue instead of starting over.
    sums.extend(new_rows)
    after = sums.result(projects, matched, rules_or_cap)
    return leverage_between(before, after, new_rows), after


def leverage_between(
    before: FundingResult, after: FundingResult, new_rows: Sequence[AllocationRow]
) -> float:
    """What the new rows moved per wei; both results list all their projects."""
    amount = sum(row.amount for row in new_rows)
    if amount == 0:
        return 0.0
    matched_before = {result.project: result.matched for result in before.projects}
    matched_after = {result.project: result.matched for result in after.projects}
    change = ZERO
    for row in new_rows:
        difference = subtract(
            Decimal(matched_before[row.project]), Decimal(matched_after[row.project])
        )
        change = add(change, magnitude(difference))
    return float(divide(change, Decimal(amount)))
