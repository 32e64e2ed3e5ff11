"""What epochs announces: an epoch's bounds, its window's opening and closing."""

from octant_chassis.database import AsyncConnection
from octant_contracts.events import EpochStarted, WindowClosed, WindowOpened

from octant_allocations.windows import repository, service


async def epoch_started(connection: AsyncConnection, event: EpochStarted) -> None:
    await repository.put_epoch(connection, event)


async def window_opened(connection: AsyncConnection, event: WindowOpened) -> None:
    await repository.put_window(connection, event)


async def window_closed(connection: AsyncConnection, event: WindowClosed) -> None:
    await service.seal(connection, event.epoch, event.closes_at)
