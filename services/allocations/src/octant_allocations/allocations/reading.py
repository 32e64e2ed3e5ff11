"""SQL of the answers about allocations."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from octant_chassis.database import AsyncConnection
from octant_contracts.calls import PAGE, EpochAllocation, ProjectDonor, UserAllocation
from octant_contracts.values import Address, EpochNumber, Wei
from sqlalchemy import ColumnElement, CompoundSelect, Select, select, tuple_, union_all

from octant_allocations import locks
from octant_allocations.allocations.model import OpenWindow
from octant_allocations.tables import (
    allocations,
    head,
    requests,
    uniqueness_quotients,
    windows,
)
from octant_allocations.windows.repository import IS_OPEN

# A position is a row's (sequence, place); on the wire one number.
PLACE_BITS = 20
Position = tuple[int, int]


def position_of(cursor: int) -> Position:
    """0 lies before the first row."""
    return cursor >> PLACE_BITS, cursor & ((1 << PLACE_BITS) - 1)


def cursor_of(position: Position) -> int:
    return position[0] << PLACE_BITS | position[1]


def _page(
    after: Position,
    as_of: int | None,
    columns: Sequence[ColumnElement[Any]],
    conditions: Sequence[ColumnElement[bool]],
) -> Select[Any] | CompoundSelect[Any]:
    """Live rows, positions first, by position after a position: one more than a page.

    Live now, or in the state right after the sequence `as_of`.
    """
    position = (allocations.c.sequence, allocations.c.place)

    def first(*state: ColumnElement[bool]) -> Select[Any]:
        return (
            select(*position, *columns)
            .where(*conditions, *state, tuple_(*position) > after)
            .order_by(*position)
            .limit(PAGE + 1)
        )

    ended = allocations.c.deleted_sequence
    if as_of is None:
        return first(ended.is_(None))
    # Two searches, each with its index, find nothing of all that ended before.
    known = allocations.c.sequence <= as_of
    both = union_all(first(known, ended.is_(None)), first(known, ended > as_of))
    return both.order_by("sequence", "place").limit(PAGE + 1)


async def of_epoch(
    connection: AsyncConnection,
    as_of: int | None,
    *,
    epoch: EpochNumber,
    after: Position,
    zeros: bool,
) -> list[tuple[Position, EpochAllocation]]:
    """Live rows of an epoch by position, after a position."""
    row = allocations.c
    conditions = [row.epoch == epoch]
    if not zeros:
        conditions.append(row.amount != 0)
    query = _page(after, as_of, (row.amount, row.user, row.project), conditions)
    return [
        ((sequence, place), EpochAllocation(amount=Wei(amount), donor=user, project=project))
        for sequence, place, amount, user, project in await connection.execute(query)
    ]


async def donors(
    connection: AsyncConnection, as_of: int | None, *, epoch: EpochNumber, after: Position
) -> list[tuple[Position, Address]]:
    """Users with live rows, zero amounts included, by their first row's position."""
    row = allocations.c
    # What a user has live in an epoch is one request: its first row stands for all of them.
    query = _page(after, as_of, (row.user,), (row.epoch == epoch, row.place == 1))
    return [((sequence, place), user) for sequence, place, user in await connection.execute(query)]


async def of_project(
    connection: AsyncConnection,
    as_of: int | None,
    *,
    project: Address,
    epoch: EpochNumber,
    after: Position,
) -> list[tuple[Position, ProjectDonor]]:
    """Live rows to a project, zero amounts included, by position."""
    row = allocations.c
    conditions = (row.project == project, row.epoch == epoch)
    query = _page(after, as_of, (row.user, row.amount), conditions)
    return [
        ((sequence, place), ProjectDonor(address=user, amount=Wei(amount)))
        for sequence, place, user, amount in await connection.execute(query)
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


async def terms(
    connection: AsyncConnection, user: Address
) -> tuple[OpenWindow | None, Decimal | None]:
    """The open window, and the user's stored score in it; None for what is not."""
    score = (
        select(uniqueness_quotients.c.score)
        .where(uniqueness_quotients.c.epoch == windows.c.epoch)
        .where(uniqueness_quotients.c.user == user)
        .scalar_subquery()
    )
    row = (
        await connection.execute(
            select(windows.c.epoch, head.c.timestamp, score.label("score"))
            .join(head, IS_OPEN)
            .order_by(windows.c.epoch.desc())
            .limit(1)
        )
    ).one_or_none()
    if row is None:
        return None, None
    return OpenWindow(epoch=row.epoch, now=row.timestamp), row.score


async def highest_sequence(connection: AsyncConnection) -> int:
    return int(await connection.scalar(select(locks.highest_sequence())) or 0)
