"""How far this service's view of the chain has come."""

from octant_chassis.database import Database
from octant_contracts.calls import Nothing, ServiceStatus

from octant_allocations.chain import repository


async def status(database: Database, _: Nothing) -> ServiceStatus:
    async with database.reading() as connection:
        number, timestamp, epoch = await repository.status(connection)
    return ServiceStatus(head_number=number, head_timestamp=timestamp, current_epoch=epoch)
