"""SQL of epochs, windows and the rows of a seal."""

from decimal import Decimal

from octant_chassis.database import AsyncConnection
from octant_contracts.events import EpochStarted, WindowOpened
from octant_contracts.values import Address, EpochNumber, Timestamp
from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on, insert

from octant_allocations.tables import (
    allocations,
    epochs,
    head,
    patron_events,
    requests,
    uniqueness_quotients,
    windows,
)

# Open by chain time, and not sealed.
IS_OPEN = and_(
    windows.c.opens_at <= head.c.timestamp,
    windows.c.closes_at >= head.c.timestamp,
    windows.c.sealed_at_sequence.is_(None),
)


async def put_epoch(connection: AsyncConnection, event: EpochStarted) -> None:
    """The latest bounds count, until a seal was made with them."""
    sealed = exists().where(
        windows.c.epoch == event.epoch, windows.c.sealed_at_sequence.is_not(None)
    )
    values = {
        "start_at": event.start,
        "end_at": event.end,
        "decision_window": event.decision_window,
        "finalized_at": event.end + event.decision_window,
    }
    await connection.execute(
        insert(epochs)
        .values(epoch=event.epoch, **values)
        .on_conflict_do_update(index_elements=["epoch"], set_=values, where=~sealed)
    )


async def put_window(connection: AsyncConnection, event: WindowOpened) -> None:
    """The latest bounds count; a sealed window stays as it is."""
    values = {"opens_at": event.opens_at, "closes_at": event.closes_at}
    await connection.execute(
        insert(windows)
        .values(epoch=event.epoch, **values)
        .on_conflict_do_update(
            index_elements=["epoch"],
            set_=values,
            where=windows.c.sealed_at_sequence.is_(None),
        )
    )


async def open_epoch(connection: AsyncConnection) -> EpochNumber | None:
    """The epoch whose budgets may be allocated now."""
    return await connection.scalar(
        select(windows.c.epoch).join(head, IS_OPEN).order_by(windows.c.epoch.desc()).limit(1)
    )


async def deciding_epoch(connection: AsyncConnection) -> EpochNumber | None:
    """The epoch whose window is the next to close; None before the calendar is known."""
    epoch: EpochNumber | None = await connection.scalar(
        select(func.min(epochs.c.epoch)).join(head, epochs.c.finalized_at >= head.c.timestamp)
    )
    return epoch


async def has_closed(connection: AsyncConnection, epoch: EpochNumber) -> bool:
    """Whether the epoch's window will never be open again."""
    closed = or_(windows.c.sealed_at_sequence.is_not(None), windows.c.closes_at < head.c.timestamp)
    found = select(windows.c.epoch).join(head, closed).where(windows.c.epoch == epoch)
    return await connection.scalar(found) is not None


async def finalized_at(connection: AsyncConnection, epoch: EpochNumber) -> Timestamp | None:
    return await connection.scalar(select(epochs.c.finalized_at).where(epochs.c.epoch == epoch))


async def sealed_sequence(connection: AsyncConnection, epoch: EpochNumber) -> int | None:
    """The last one in the epoch's seal; None before it."""
    sequence: int | None = await connection.scalar(
        select(windows.c.sealed_at_sequence).where(windows.c.epoch == epoch)
    )
    return sequence


async def is_sealed(connection: AsyncConnection, epoch: EpochNumber) -> bool:
    return await sealed_sequence(connection, epoch) is not None


async def mark_sealed(
    connection: AsyncConnection, epoch: EpochNumber, closes_at: Timestamp, sequence: int
) -> None:
    """Also for an epoch whose window was never announced."""
    await connection.execute(
        insert(windows)
        .values(epoch=epoch, opens_at=closes_at, closes_at=closes_at, sealed_at_sequence=sequence)
        .on_conflict_do_update(index_elements=["epoch"], set_={"sealed_at_sequence": sequence})
    )


async def sealed_rows(
    connection: AsyncConnection, epoch: EpochNumber
) -> list[tuple[int, Address, Address, int, Decimal, int]]:
    """Live rows (sequence, user, project, wei, UQ, nonce) by (sequence, place)."""
    result = await connection.execute(
        select(
            allocations.c.sequence,
            allocations.c.user,
            allocations.c.project,
            allocations.c.amount,
            uniqueness_quotients.c.score,
            requests.c.nonce,
        )
        .join(requests, requests.c.sequence == allocations.c.sequence)
        .join(
            uniqueness_quotients,
            and_(
                uniqueness_quotients.c.epoch == allocations.c.epoch,
                uniqueness_quotients.c.user == allocations.c.user,
            ),
        )
        .where(allocations.c.epoch == epoch, allocations.c.deleted_sequence.is_(None))
        .order_by(allocations.c.sequence, allocations.c.place)
    )
    return [(r[0], r[1], r[2], r[3], r[4], r[5]) for r in result]


async def patrons(connection: AsyncConnection, at: Timestamp, last_sequence: int) -> list[Address]:
    """Whose latest event up to `at` and `last_sequence` is enabled, ascending bytes."""
    latest = (
        select(patron_events.c.user, patron_events.c.enabled)
        .ext(distinct_on(patron_events.c.user))
        .where(patron_events.c.time <= at, patron_events.c.sequence <= last_sequence)
        .order_by(
            patron_events.c.user, patron_events.c.time.desc(), patron_events.c.sequence.desc()
        )
        .subquery()
    )
    result = await connection.execute(
        select(latest.c.user).where(latest.c.enabled).order_by(latest.c.user)
    )
    return [row.user for row in result]
