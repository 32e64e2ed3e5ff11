"""The funding sums of an epoch while its allocations come, change and go.

Keeps every project's ordered sum, so that a change costs the touched projects only and the
sums equal those of a full run over all live rows, to the last digit.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from octant_protocol.funding import ProjectSum, root_of
from octant_protocol.running_sum import Key, RunningSum

Gift = tuple[bytes, int]
"""Project and wei."""


class LiveFunding:
    """Rows are ordered by (sequence of the allocation, place in it)."""

    def __init__(self) -> None:
        self._roots: dict[bytes, RunningSum] = {}
        self._amounts: dict[bytes, int] = {}
        self._gifts: dict[bytes, list[tuple[Key, bytes, int]]] = {}

    @classmethod
    def of(cls, rows: Iterable[tuple[Key, bytes, bytes, int, Decimal]]) -> "LiveFunding":
        """From (key, user, project, wei, quotient) in ascending key order."""
        self = cls()
        roots: dict[bytes, list[tuple[Key, Decimal]]] = {}
        for key, user, project, amount, uq in rows:
            roots.setdefault(project, []).append((key, root_of(amount, uq)))
            self._amounts[project] = self._amounts.get(project, 0) + amount
            self._gifts.setdefault(user, []).append((key, project, amount))
        self._roots = {project: RunningSum(items) for project, items in roots.items()}
        return self

    def add(self, user: bytes, sequence: int, gifts: Sequence[Gift], uq: Decimal) -> set[bytes]:
        """A user's allocation, who must have none; the projects touched."""
        rows = [((sequence, place), project, wei) for place, (project, wei) in enumerate(gifts)]
        for key, project, amount in rows:
            self._roots.setdefault(project, RunningSum()).insert(key, root_of(amount, uq))
            self._amounts[project] = self._amounts.get(project, 0) + amount
        if rows:
            self._gifts[user] = rows
        return {project for project, _ in gifts}

    def remove(self, user: bytes) -> set[bytes]:
        """Takes back what the user allocated, if anything; the projects touched."""
        rows = self._gifts.pop(user, [])
        for key, project, amount in rows:
            self._roots[project].remove(key)
            self._amounts[project] -= amount
            if not self._roots[project]:
                del self._roots[project], self._amounts[project]
        return {project for _, project, _ in rows}

    def weigh(self, user: bytes, uq: Decimal) -> set[bytes]:
        """Gives the user's rows another quotient; the projects touched."""
        rows = self._gifts.get(user, [])
        for key, project, amount in rows:
            self._roots[project].remove(key)
            self._roots[project].insert(key, root_of(amount, uq))
        return {project for _, project, _ in rows}

    def sum_of(self, project: bytes) -> tuple[Key, ProjectSum] | None:
        """The key of the project's first row and its sums; None without rows.

        Wei are exact below 10^28, far above all there is.
        """
        roots = self._roots.get(project)
        if roots is None:
            return None
        amount = Decimal(self._amounts[project])
        return roots.first_key, ProjectSum(project, roots.total, amount)

    def sums(self) -> list[ProjectSum]:
        """All projects with rows, in order of their first ones."""
        found = [known for project in self._roots if (known := self.sum_of(project))]
        return [known for _, known in sorted(found, key=lambda item: item[0])]
