"""The chain's time for decisions."""

from octant_chassis.database import AsyncConnection
from octant_contracts.errors import Refusal
from octant_contracts.values import Timestamp

from octant_allocations.chain import repository


async def require_time(connection: AsyncConnection) -> Timestamp:
    """Refusal NotLoadedYet before the first block."""
    now = await repository.head_timestamp(connection)
    if now is None:
        raise Refusal("NotLoadedYet", what="The chain")
    return now
