"""Capped quadratic funding: how the matched pool is shared among projects.

Sums are 28-digit decimals over double square roots, so the order of the rows is part of the
input: within a project in row order, among projects in order of first appearance.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from octant_protocol.numeric import ZERO, add, divide, multiply, square
from octant_protocol.rules import Rules


@dataclass(frozen=True, slots=True)
class AllocationRow:
    """One live allocation: wei to a project, weighted by the donor's uniqueness quotient."""

    project: bytes
    amount: int
    uq: Decimal
    user: bytes = b""


@dataclass(frozen=True, slots=True)
class ProjectResult:
    """A listed project's donations and match, truncated to wei."""

    project: bytes
    allocated: int
    matched: int


@dataclass(frozen=True, slots=True)
class FundingResult:
    """Results in the order of the project list, and the exact totals of all projects.

    The totals include projects outside the list and are taken before truncation per project.
    """

    projects: tuple[ProjectResult, ...]
    allocations_total: Decimal
    matched_total: Decimal

    @property
    def used(self) -> int:
        """Matched wei handed out."""
        return int(self.matched_total)

    @property
    def donated(self) -> int:
        """Donations and match together, wei."""
        return int(add(self.allocations_total, self.matched_total))


@dataclass(frozen=True, slots=True)
class ProjectSum:
    """One project's rows summed up: square roots of weighted gifts, and wei."""

    project: bytes
    roots: Decimal
    amount: Decimal


def root_of(amount: int, uq: Decimal) -> Decimal:
    """The square root of a weighted gift: a double, exactly."""
    return Decimal.from_float(math.sqrt(multiply(uq, amount)))


class FundingSums:
    """Running sums per project. More rows may be added after a result was taken."""

    def __init__(self, rows: Iterable[AllocationRow] = (), sums: Iterable[ProjectSum] = ()) -> None:
        """`sums` stand for rows before all `rows`, in order of their first ones."""
        self._roots: dict[bytes, Decimal] = {}
        self._amounts: dict[bytes, Decimal] = {}
        for known in sums:
            self._roots[known.project] = known.roots
            self._amounts[known.project] = known.amount
        self.extend(rows)

    def extend(self, rows: Iterable[AllocationRow]) -> None:
        """Add rows after all earlier ones."""
        # Bound once: this loop runs over every allocation of an epoch.
        roots, amounts = self._roots, self._amounts
        plus, times, root, exact = add, multiply, math.sqrt, Decimal.from_float
        for row in rows:
            project, amount = row.project, row.amount
            weight = exact(root(times(row.uq, amount)))
            if project in roots:
                roots[project] = plus(roots[project], weight)
                amounts[project] = plus(amounts[project], amount)
            else:
                roots[project] = plus(ZERO, weight)
                amounts[project] = plus(ZERO, amount)

    def weights(self) -> dict[bytes, Decimal]:
        """Quadratic weight per project, in order of first appearance."""
        return {project: square(root) for project, root in self._roots.items()}

    def result(
        self, projects: Sequence[bytes], matched: int, rules_or_cap: Rules | Decimal
    ) -> FundingResult:
        """Share `matched` wei among the sums so far."""
        share = rules_or_cap.funding_cap if isinstance(rules_or_cap, Rules) else rules_or_cap
        pool = Decimal(matched)
        cap = multiply(pool, share)
        weights = self.weights()
        weights_total = ZERO
        for weight in weights.values():
            weights_total = add(weights_total, weight)
        allocations_total = ZERO
        for amount in self._amounts.values():
            allocations_total = add(allocations_total, amount)
        matches: dict[bytes, Decimal] = {}
        matched_total = ZERO
        for project, weight in weights.items():
            match = ZERO
            if weights_total:
                match = min(multiply(divide(weight, weights_total), pool), cap)
            matches[project] = match
            matched_total = add(matched_total, match)
        return FundingResult(
            tuple(
                ProjectResult(
                    project,
                    int(self._amounts.get(project, ZERO)),
                    int(matches.get(project, ZERO)),
                )
                for project in projects
            ),
            allocations_total,
            matched_total,
        )


def capped_quadratic_funding(
    rows: Iterable[AllocationRow],
    projects: Sequence[bytes],
    matched: int,
    rules_or_cap: Rules | Decimal,
) -> FundingResult:
    """Share `matched` wei among projects by the squared sum of square roots of weighted gifts.

    No project gets more than the cap's share of `matched`; what the cap cuts off stays
    unmatched. `projects` is the epoch's list in contract order; rows to other addresses count
    in all totals but get no result. Source: capped quadratic funding, current rule set.
    """
    return FundingSums(rows).result(projects, matched, rules_or_cap)
