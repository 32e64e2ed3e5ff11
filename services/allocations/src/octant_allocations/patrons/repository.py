"""SQL of patron mode."""

from octant_chassis.database import AsyncConnection
from octant_contracts.values import Address, EpochNumber, Timestamp
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from octant_allocations import locks
from octant_allocations.tables import patron_events


async def is_enabled(connection: AsyncConnection, user: Address) -> bool:
    """By the user's latest event; false without one."""
    enabled = await connection.scalar(
        select(patron_events.c.enabled)
        .where(patron_events.c.user == user)
        .order_by(patron_events.c.sequence.desc())
        .limit(1)
    )
    return bool(enabled)


async def latest_time(connection: AsyncConnection, user: Address) -> int:
    """Of the user's events; 0 without one."""
    time = func.max(patron_events.c.time)
    return await connection.scalar(select(time).where(patron_events.c.user == user)) or 0


async def take_sequence(connection: AsyncConnection) -> int:
    row = (await connection.execute(select(locks.shared_numbering(), locks.next_sequence()))).one()
    return int(row[1])


async def insert_event(
    connection: AsyncConnection,
    sequence: int,
    user: Address,
    *,
    enabled: bool,
    time: Timestamp,
    revoked_epoch: EpochNumber | None,
) -> None:
    await connection.execute(
        insert(patron_events).values(
            sequence=sequence, user=user, enabled=enabled, time=time, revoked_epoch=revoked_epoch
        )
    )
