"""Nobody is told "no budget" while the budgets of the epoch are on their way to us."""

import time

from octant_chassis.calls import Caller
from octant_chassis.database import Database, Notifications
from octant_contracts.calls import REWARDS_STATUS, Nothing
from octant_contracts.errors import Refusal
from octant_contracts.values import EpochNumber

from octant_allocations.budgets import repository

PATIENCE = 1.0  # seconds


class BudgetArrivals:
    """Knows whether an epoch's budgets are here, or about to be."""

    def __init__(self, database: Database, caller: Caller, notifications: Notifications) -> None:
        self._database = database
        self._caller = caller
        self._notifications = notifications

    async def have_come(self, epoch: EpochNumber) -> bool:
        """True when they are here, maybe since a moment; False when rewards has none yet.

        Refusal NotLoadedYet when they stay away although rewards has them.
        """
        deadline = time.monotonic() + PATIENCE
        while not await self._are_here(epoch):
            rewards = await self._caller.ask(REWARDS_STATUS, Nothing())
            if rewards.last_pending_snapshot < epoch:
                return False
            if time.monotonic() > deadline:
                raise Refusal("NotLoadedYet", what=f"The budget of epoch {epoch}")
            await self._notifications.wait("applied", 0.05)
        return True

    async def _are_here(self, epoch: EpochNumber) -> bool:
        async with self._database.reading() as connection:
            return await repository.has_snapshot(connection, epoch)
