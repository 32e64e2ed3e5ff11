"""SQL of sums and selections over everybody's budgets."""

from octant_contracts.values import Address
from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards import tables
from octant_rewards.allocations import repository as allocations

B = tables.budgets


async def patrons_rewards(connection: AsyncConnection, epoch: int, instant: int) -> int:
    """Σ budgets of the epoch's patrons, wei: as of now, or as sealed."""
    bound = await _last_sequence(connection, epoch)
    users = allocations.patrons(instant, bound)
    total = select(func.sum(B.c.amount)).where(B.c.epoch == epoch, B.c.user.in_(users))
    return int(await connection.scalar(total) or 0)


async def sum_of_claims(connection: AsyncConnection, epoch: int) -> int:
    """Σ of what those who allocated keep of their budgets, wei."""
    t = tables.allocations
    given = (
        select(t.c.user, func.sum(t.c.amount).label("amount"))
        .where(t.c.epoch == epoch)
        .group_by(t.c.user)
        .subquery()
    )
    kept = func.greatest(B.c.amount - given.c.amount, 0)
    total = select(func.sum(kept)).join(given, B.c.user == given.c.user).where(B.c.epoch == epoch)
    return int(await connection.scalar(total) or 0)


async def sum_of_unused(connection: AsyncConnection, epoch: int, instant: int) -> int:
    """Σ budgets that `unused` lists, wei."""
    chosen = await _is_unused(connection, epoch, instant)
    return int(await connection.scalar(select(func.sum(B.c.amount)).where(chosen)) or 0)


async def unused(
    connection: AsyncConnection, epoch: int, instant: int, first: int, limit: int
) -> list[Address]:
    """Users with a budget but neither a live row nor patron mode, in address order."""
    chosen = await _is_unused(connection, epoch, instant)
    rows = await connection.execute(
        select(B.c.user).where(chosen).order_by(B.c.position).offset(first).limit(limit)
    )
    return list(rows.scalars())


async def _is_unused(connection: AsyncConnection, epoch: int, instant: int) -> ColumnElement[bool]:
    t = tables.allocations
    donors = select(t.c.user).where(t.c.epoch == epoch)
    patrons = allocations.patrons(instant, await _last_sequence(connection, epoch))
    return and_(B.c.epoch == epoch, B.c.user.not_in(donors), B.c.user.not_in(patrons))


async def _last_sequence(connection: AsyncConnection, epoch: int) -> int | None:
    """The seal's bound on patron events, once there is one."""
    seals = tables.seals
    found: int | None = await connection.scalar(
        select(seals.c.last_sequence).where(seals.c.epoch == epoch)
    )
    return found
