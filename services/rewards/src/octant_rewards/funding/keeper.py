"""Keeps the funding sums of the open epoch up to date, allocation by allocation."""

from collections.abc import Set
from decimal import Decimal

from octant_contracts.errors import Refusal
from octant_contracts.events import Allocated, LeverageComputed
from octant_protocol.funding import AllocationRow, FundingSums
from octant_protocol.leverage import leverage_between
from octant_protocol.live_funding import LiveFunding
from octant_protocol.rules import MatchingPercents, live_rules_for
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards.estimates.service import matched_pool
from octant_rewards.funding import repository
from octant_rewards.snapshots import repository as snapshots


class FundingKeeper:
    """Only the projection uses it: one event after the other, each inside its transaction.

    What is in memory belongs to a revision in the database. After a transaction that was
    rolled back, or another replica's turn, the two differ and the memory is loaded anew.
    """

    def __init__(self, percents: MatchingPercents) -> None:
        self._percents = percents
        self._epoch = 0
        self._revision = 0
        self._live = LiveFunding()
        self._pool: int | None = None

    async def allocate(
        self, connection: AsyncConnection, event: Allocated
    ) -> LeverageComputed | None:
        """Replaces the user's set; before the rows themselves are replaced.

        The leverage is None where the epoch has no matched rewards.
        """
        live = await self._live_at_next_revision(connection, event.epoch)
        user = bytes(event.user)
        touched = live.remove(user)
        before = live.sums()
        gifts = [(bytes(item.project), int(item.amount)) for item in event.allocations]
        touched |= live.add(user, event.sequence, gifts, event.uniqueness_quotient)
        await self._write(connection, event.epoch, live, touched)
        pool = await self._matched_pool(connection, event.epoch)
        if pool is None:
            return None
        projects = [project for project, _ in gifts]
        rules = live_rules_for(event.epoch)
        return LeverageComputed(
            epoch=event.epoch,
            user=event.user,
            nonce=event.nonce,
            sequence=event.sequence,
            leverage=leverage_between(
                FundingSums(sums=before).result(projects, pool, rules),
                FundingSums(sums=live.sums()).result(projects, pool, rules),
                [AllocationRow(project, wei, event.uniqueness_quotient) for project, wei in gifts],
            ),
        )

    async def revoke(self, connection: AsyncConnection, epoch: int, user: bytes) -> None:
        """Takes back what the user allocated; before the rows are deleted."""
        live = await self._live_at_next_revision(connection, epoch)
        await self._write(connection, epoch, live, live.remove(user))

    async def weigh(
        self, connection: AsyncConnection, epoch: int, user: bytes, uq: Decimal
    ) -> None:
        """Gives the user's rows another quotient; before the rows get it."""
        live = await self._live_at_next_revision(connection, epoch)
        await self._write(connection, epoch, live, live.weigh(user, uq))

    def forget_pool(self) -> None:
        """Patrons have changed."""
        self._pool = None

    async def _live_at_next_revision(self, connection: AsyncConnection, epoch: int) -> LiveFunding:
        revision = await repository.next_revision(connection, epoch)
        if (self._epoch, self._revision) != (epoch, revision - 1):
            self._live = await repository.load(connection, epoch)
            self._pool = None
        self._epoch, self._revision = epoch, revision
        return self._live

    async def _write(
        self, connection: AsyncConnection, epoch: int, live: LiveFunding, touched: Set[bytes]
    ) -> None:
        changed = {project: live.sum_of(project) for project in sorted(touched)}
        await repository.write_sums(connection, epoch, changed)

    async def _matched_pool(self, connection: AsyncConnection, epoch: int) -> int | None:
        if self._pool is None:
            pending = await snapshots.pending(connection, epoch)
            if pending is None:
                return None
            try:
                matched = await matched_pool(connection, pending, self._percents)
            except Refusal:
                return None
            self._pool = matched.matched.matched
        return self._pool
