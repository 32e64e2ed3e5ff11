"""Whether people may allocate now."""

from octant_chassis.database import Database
from octant_contracts.calls import Nothing, Window

from octant_allocations.windows import repository


async def window(database: Database, _: Nothing) -> Window:
    async with database.reading() as connection:
        return Window(pending_epoch=await repository.open_epoch(connection))
