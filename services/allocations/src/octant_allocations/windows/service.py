"""The seal: when a window has closed, its allocations and patrons are frozen and announced."""

from octant_chassis import outbox
from octant_chassis.database import AsyncConnection
from octant_chassis.telemetry import log
from octant_contracts.events import AllocationsSealed
from octant_contracts.seals import allocations_digest, patrons_digest
from octant_contracts.values import EpochNumber, Timestamp
from sqlalchemy import select

from octant_allocations import locks
from octant_allocations.windows import repository


async def seal(connection: AsyncConnection, epoch: EpochNumber, closes_at: Timestamp) -> None:
    """Waits for changes under way, then announces what is live; nothing changes afterwards.

    Sealing again does nothing. LookupError when the epoch was never announced.
    """
    await locks.hold_all_windows(connection)
    if await repository.is_sealed(connection, epoch):
        return
    finalized_at = await repository.finalized_at(connection, epoch)
    if finalized_at is None:
        raise LookupError(f"the window of epoch {epoch} closed, but the epoch never started")
    last_sequence = int(await connection.scalar(select(locks.highest_sequence())) or 0)
    rows = await repository.sealed_rows(connection, epoch)
    patrons = await repository.patrons(connection, finalized_at, last_sequence)
    await repository.mark_sealed(connection, epoch, closes_at, last_sequence)
    event = AllocationsSealed(
        epoch=epoch,
        last_sequence=last_sequence,
        count=len(rows),
        digest=allocations_digest(rows),
        patrons_count=len(patrons),
        patrons_digest=patrons_digest(patrons),
    )
    await outbox.append(connection, event)
    log.info("allocations sealed", epoch=epoch, count=event.count, patrons=event.patrons_count)
