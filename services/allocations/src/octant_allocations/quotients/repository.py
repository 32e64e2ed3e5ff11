"""SQL of uniqueness quotients."""

from decimal import Decimal

from octant_chassis.database import AsyncConnection
from octant_contracts.values import Address, EpochNumber
from sqlalchemy.dialects.postgresql import insert

from octant_allocations.tables import uniqueness_quotients


async def put_score(
    connection: AsyncConnection, epoch: EpochNumber, user: Address, score: Decimal
) -> None:
    await connection.execute(
        insert(uniqueness_quotients)
        .values(epoch=epoch, user=user, score=score)
        .on_conflict_do_update(index_elements=["epoch", "user"], set_={"score": score})
    )
