"""What rewards tells about an allocation."""

from octant_chassis.database import AsyncConnection
from octant_chassis.telemetry import log
from octant_contracts.events import LeverageComputed

from octant_allocations.allocations import repository


async def leverage_computed(connection: AsyncConnection, event: LeverageComputed) -> None:
    """Kept with the request. It informs and decides nothing, so nothing stops for it."""
    if not await repository.note_leverage(connection, event):
        log.warning("leverage of an unknown request", sequence=event.sequence, user=str(event.user))
