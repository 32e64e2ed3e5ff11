"""The locks of the service, in the order everybody takes them: user, window, numbering.

- A user's row FOR UPDATE: one change of one user at a time.
- A window's row FOR SHARE by those who change an epoch, FOR UPDATE by its seal.
- The numbering lock, shared from the taking of a sequence number until the commit: who holds
  it alone knows that no smaller number is still to come.
"""

from typing import Any

from octant_chassis.database import AsyncConnection, Database
from octant_contracts.values import Address
from sqlalchemy import ColumnElement, Select, func, select, update
from sqlalchemy.dialects.postgresql import insert

from octant_allocations.tables import (
    allocation_sequence,
    patron_events,
    requests,
    users,
    windows,
)

_NUMBERING = 0x6F63746E  # any constant: advisory locks of the chassis are 64-bit hashes


async def lock_user(connection: AsyncConnection, user: Address) -> None:
    """Locks the user's row until the end of the transaction; makes it when it is new."""
    await connection.execute(insert(users).values(address=user).on_conflict_do_nothing())
    await connection.execute(
        select(users.c.address).where(users.c.address == user).with_for_update()
    )


async def note_change(connection: AsyncConnection, user: Address) -> None:
    """Tells those who wait for the user's lock that what they read meanwhile is old."""
    await connection.execute(
        update(users).where(users.c.address == user).values(revision=users.c.revision + 1)
    )


async def hold_newest_window(connection: AsyncConnection) -> None:
    """No epoch is sealed before the transaction ends."""
    await connection.execute(
        select(windows.c.epoch).order_by(windows.c.epoch.desc()).limit(1).with_for_update(read=True)
    )


async def hold_all_windows(connection: AsyncConnection) -> None:
    """Waits for everybody who is changing an epoch, and keeps others waiting.

    All of them, because a slow patron toggle may hold a window that was the newest before.
    """
    await connection.execute(select(windows.c.epoch).order_by(windows.c.epoch).with_for_update())


def shared_numbering() -> ColumnElement[None]:
    """Select it before `next_sequence()`, in one select."""
    return func.pg_advisory_xact_lock_shared(_NUMBERING)


def next_sequence() -> ColumnElement[int]:
    return allocation_sequence.next_value()


async def take_sequence(connection: AsyncConnection) -> int:
    row = (await connection.execute(select(shared_numbering(), next_sequence()))).one()
    return int(row[1])


def highest_sequence() -> ColumnElement[int]:
    """The highest sequence stored, 0 when there is none."""
    return func.greatest(
        select(func.max(requests.c.sequence)).scalar_subquery(),
        select(func.max(patron_events.c.sequence)).scalar_subquery(),
        0,
    )


async def settled_sequence(database: Database, highest: Select[Any] | None = None) -> int:
    """The highest sequence stored, when no smaller one can appear any more."""
    async with database.transaction("settle") as connection:
        await connection.execute(select(func.pg_advisory_xact_lock(_NUMBERING)))
        query = select(highest_sequence()) if highest is None else highest
        return int(await connection.scalar(query) or 0)
