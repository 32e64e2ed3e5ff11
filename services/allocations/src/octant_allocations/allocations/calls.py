"""Answers about allocations."""

from octant_chassis.database import AsyncConnection, Database
from octant_contracts.calls import (
    PAGE,
    AllocationNonce,
    EpochAllocation,
    EpochAllocations,
    EpochAllocationsRequest,
    OfUser,
    OfUserEpoch,
    UserAllocations,
)

from octant_allocations import locks
from octant_allocations.allocations import reading, repository

EPOCH_LIMIT = 2**31  # what the database can hold; beyond it nothing exists
CURSOR_LIMIT = 2**63


async def of_epoch(database: Database, request: EpochAllocationsRequest) -> EpochAllocations:
    """A page of the epoch's live allocations.

    The first page tells `as_of`; with it later pages show the state of that moment.
    """
    if not _exists(request.epoch) or not 0 <= request.cursor < CURSOR_LIMIT:
        return EpochAllocations(allocations=[], next_cursor=None, as_of=request.as_of or 0)
    as_of = request.as_of
    if as_of is None:
        async with database.reading() as connection:
            rows = await _rows(connection, request, None)
            highest = await reading.highest_sequence(connection)
        if len(rows) <= PAGE:
            return _page(rows, highest)
        # Smaller numbers may still be on their way into the database: wait for them, or
        # they would turn up in the middle of the later pages.
        as_of = await locks.settled_sequence(database)
    async with database.reading() as connection:
        return _page(await _rows(connection, request, as_of), as_of)


async def of_user(database: Database, request: OfUserEpoch) -> UserAllocations:
    if not _exists(request.epoch):
        return UserAllocations(allocations=[], is_manually_edited=None)
    async with database.reading() as connection:
        return UserAllocations(
            allocations=await reading.of_user(connection, request.user, request.epoch),
            is_manually_edited=await reading.is_manually_edited(
                connection, request.user, request.epoch
            ),
        )


async def nonce(database: Database, request: OfUser) -> AllocationNonce:
    async with database.reading() as connection:
        return AllocationNonce(
            allocation_nonce=await repository.next_nonce(connection, request.user)
        )


def _exists(epoch: int) -> bool:
    return 0 <= epoch < EPOCH_LIMIT


async def _rows(
    connection: AsyncConnection, request: EpochAllocationsRequest, as_of: int | None
) -> list[tuple[reading.Position, EpochAllocation]]:
    return await reading.of_epoch(
        connection,
        request.epoch,
        zeros=request.include_zero_allocations,
        after=reading.position_of(request.cursor),
        as_of=as_of,
        limit=PAGE + 1,
    )


def _page(rows: list[tuple[reading.Position, EpochAllocation]], as_of: int) -> EpochAllocations:
    shown = rows[:PAGE]
    more = len(rows) > PAGE
    return EpochAllocations(
        allocations=[row for _, row in shown],
        next_cursor=reading.cursor_of(shown[-1][0]) if more else None,
        as_of=as_of,
    )
