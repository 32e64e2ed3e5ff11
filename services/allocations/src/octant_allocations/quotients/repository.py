"""SQL of uniqueness quotients."""

from decimal import Decimal

from octant_chassis.database import AsyncConnection
from octant_contracts.calls import PAGE, UserQuotient
from octant_contracts.values import Address, EpochNumber
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from octant_allocations import locks
from octant_allocations.tables import uniqueness_quotients

HIGHEST_SEQUENCE = select(func.max(uniqueness_quotients.c.sequence))


async def score_of(
    connection: AsyncConnection, epoch: EpochNumber, user: Address
) -> Decimal | None:
    """The stored one; None: it is not frozen yet."""
    score: Decimal | None = await connection.scalar(
        select(uniqueness_quotients.c.score).where(
            uniqueness_quotients.c.epoch == epoch, uniqueness_quotients.c.user == user
        )
    )
    return score


async def put_score(
    connection: AsyncConnection, epoch: EpochNumber, user: Address, score: Decimal
) -> None:
    sequence = await locks.take_sequence(connection)
    await connection.execute(
        insert(uniqueness_quotients)
        .values(epoch=epoch, user=user, score=score, sequence=sequence)
        .on_conflict_do_update(index_elements=["epoch", "user"], set_={"score": score})
    )


async def of_epoch(
    connection: AsyncConnection, epoch: EpochNumber, after: int, as_of: int | None
) -> list[tuple[int, UserQuotient]]:
    """Sequences and rows in their order, after a sequence: one more than a page."""
    table = uniqueness_quotients.c
    query = (
        select(table.sequence, table.user, table.score)
        .where(table.epoch == epoch, table.sequence > after)
        .order_by(table.sequence)
        .limit(PAGE + 1)
    )
    if as_of is not None:
        query = query.where(table.sequence <= as_of)
    return [
        (row.sequence, UserQuotient(user_address=row.user, uniqueness_quotient=row.score))
        for row in await connection.execute(query)
    ]
