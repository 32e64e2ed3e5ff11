"""SQL of sums over everybody's budgets, as estimates need them."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards import tables
from octant_rewards.allocations.repository import patrons

B = tables.budgets


async def patrons_rewards(connection: AsyncConnection, epoch: int, instant: int) -> int:
    """Σ budgets of the epoch's patrons as of now, wei; a seal's bound once there is one."""
    bound = select(tables.seals.c.last_sequence).where(tables.seals.c.epoch == epoch)
    users = patrons(instant, await connection.scalar(bound))
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
