"""Budgets of an epoch: one user's, everybody's, and what nobody used."""

from octant_chassis.database import Database
from octant_contracts.calls import (
    PAGE,
    Budget,
    Budgets,
    OfUserEpoch,
    PageOfEpoch,
    UnusedBudgets,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Wei
from octant_protocol.calendar import bounds

from octant_rewards.budgets import repository
from octant_rewards.chain.calendar import chain_state
from octant_rewards.paging import next_cursor
from octant_rewards.snapshots import repository as snapshots


async def budget(database: Database, request: OfUserEpoch) -> Budget:
    async with database.reading() as connection:
        amount = await snapshots.budget(connection, request.user, request.epoch)
    return Budget(None if amount is None else Wei(amount))


async def budgets(database: Database, request: PageOfEpoch) -> Budgets:
    first = max(request.cursor, 0)
    async with database.reading() as connection:
        rows = await snapshots.budgets(connection, request.epoch, first, PAGE)
    return Budgets(budgets=rows, next_cursor=next_cursor(first, rows))


async def unused(database: Database, request: PageOfEpoch) -> UnusedBudgets:
    """Budgets of those who neither allocated nor were patrons; any epoch that has started."""
    first = max(request.cursor, 0)
    async with database.reading() as connection:
        chain = await chain_state(connection)
        if not 0 < request.epoch <= chain.current:
            raise Refusal("EpochNotIndexed", epoch=request.epoch)
        instant = bounds(chain.props, request.epoch).finalized_at
        value = await repository.sum_of_unused(connection, request.epoch, instant)
        users = await repository.unused(connection, request.epoch, instant, first, PAGE)
    return UnusedBudgets(addresses=users, value=Wei(value), next_cursor=next_cursor(first, users))
