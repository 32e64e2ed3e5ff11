"""The calendar: follow the head and the epoch props, announce what chain time brings."""

from octant_chassis import outbox
from octant_chassis.database import AsyncConnection, Database
from octant_contracts.calls import CurrentEpoch, IndexedEpoch, Nothing, ServiceStatus
from octant_contracts.errors import Refusal
from octant_contracts.events import BlockAdvanced, EpochPropsSet

from octant_epochs.calendar import repository
from octant_epochs.calendar.model import View, announcements, corrections


async def advance(connection: AsyncConnection, event: BlockAdvanced) -> None:
    """The head moves on; every epoch and window it passed is announced.

    Once, unless a reorganisation changed the calendar of what was announced.
    """
    await repository.set_head(connection, event.block, event.final_block)
    props = await repository.props(connection)
    corrected = corrections(props, await repository.announced(connection))
    await repository.record(connection, corrected)
    due = announcements(
        props,
        await repository.last_started(connection),
        await repository.open_window(connection),
        event.block.timestamp,
    )
    await repository.record(connection, due)
    await outbox.append(connection, *corrected, *due)


async def set_props(connection: AsyncConnection, event: EpochPropsSet) -> None:
    """One entry of the contract's epochProps as it is now."""
    await repository.set_props(connection, event)
    if event.to_epoch == 0:
        # Only the newest entry is open-ended: what we hold beyond it was reverted.
        await repository.drop_props_after(connection, event.index)


async def view(connection: AsyncConnection) -> View:
    """Head and calendar; Refusal NotLoadedYet before the first block."""
    known = await repository.view(connection)
    if known is None:
        raise Refusal("NotLoadedYet", what="The calendar")
    return known


async def current(database: Database, _: Nothing) -> CurrentEpoch:
    async with database.reading() as connection:
        return CurrentEpoch(current_epoch=(await view(connection)).current_epoch)


async def indexed(database: Database, _: Nothing) -> IndexedEpoch:
    """We serve what is indexed, so both are the epoch of the head."""
    async with database.reading() as connection:
        epoch = (await view(connection)).current_epoch
    if epoch == 0:
        raise Refusal("EpochsNotFound")
    return IndexedEpoch(current_epoch=epoch, indexed_epoch=epoch)


async def status(database: Database, _: Nothing) -> ServiceStatus:
    async with database.reading() as connection:
        known = await repository.view(connection)
    if known is None:
        return ServiceStatus(head_number=0, head_timestamp=0, current_epoch=0)
    return ServiceStatus(
        head_number=known.number,
        head_timestamp=known.timestamp,
        current_epoch=known.current_epoch,
    )
