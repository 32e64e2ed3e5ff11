"""SQL of the answers about allocations."""

from octant_chassis.database import AsyncConnection
from octant_contracts.calls import EpochAllocation, UserAllocation
from octant_contracts.values import Address, EpochNumber, Wei
from sqlalchemy import ColumnElement, or_, select, tuple_

from octant_allocations import locks
from octant_allocations.tables import allocations, requests

# A position is a row's (sequence, place); on the wire one number.
PLACE_BITS = 20
Position = tuple[int, int]


def position_of(cursor: int) -> Position:
    """0 lies before the first row."""
    return cursor >> PLACE_BITS, cursor & ((1 << PLACE_BITS) - 1)


def cursor_of(position: Position) -> int:
    return position[0] << PLACE_BITS | position[1]


def _live(as_of: int | None) -> ColumnElement[bool]:
    """Live now, or in the state right after the sequence `as_of`."""
    if as_of is None:
        return allocations.c.deleted_sequence.is_(None)
    return (allocations.c.sequence <= as_of) & or_(
        allocations.c.deleted_sequence.is_(None), allocations.c.deleted_sequence > as_of
    )


async def of_epoch(
    connection: AsyncConnection,
    epoch: EpochNumber,
    *,
    zeros: bool,
    after: Position,
    as_of: int | None,
    limit: int,
) -> list[tuple[Position, EpochAllocation]]:
    """Live rows with their positions, by (sequence, place), after a position."""
    query = (
        select(
            allocations.c.sequence,
            allocations.c.place,
            allocations.c.amount,
            allocations.c.user,
            allocations.c.project,
        )
        .where(
            allocations.c.epoch == epoch,
            _live(as_of),
            tuple_(allocations.c.sequence, allocations.c.place) > after,
        )
        .order_by(allocations.c.sequence, allocations.c.place)
        .limit(limit)
    )
    if not zeros:
        query = query.where(allocations.c.amount != 0)
    return [
        (
            (row.sequence, row.place),
            EpochAllocation(amount=Wei(row.amount), donor=row.user, project=row.project),
        )
        for row in await connection.execute(query)
    ]


async def of_user(
    connection: AsyncConnection, user: Address, epoch: EpochNumber
) -> list[UserAllocation]:
    """The user's live rows of the epoch, zero amounts included."""
    result = await connection.execute(
        select(allocations.c.project, allocations.c.amount)
        .where(
            allocations.c.user == user,
            allocations.c.epoch == epoch,
            allocations.c.deleted_sequence.is_(None),
        )
        .order_by(allocations.c.sequence, allocations.c.place)
    )
    return [UserAllocation(address=row.project, amount=Wei(row.amount)) for row in result]


async def is_manually_edited(
    connection: AsyncConnection, user: Address, epoch: EpochNumber
) -> bool | None:
    """Of the epoch's request with the highest nonce, even if revoked; None without one."""
    return await connection.scalar(
        select(requests.c.is_manually_edited)
        .where(requests.c.user == user, requests.c.epoch == epoch)
        .order_by(requests.c.nonce.desc())
        .limit(1)
    )


async def highest_sequence(connection: AsyncConnection) -> int:
    return int(await connection.scalar(select(locks.highest_sequence())) or 0)
