"""Answers about allocations."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from octant_chassis.database import Database
from octant_contracts.calls import (
    PAGE,
    AllocationNonce,
    AllocationTerms,
    EpochAllocations,
    EpochAllocationsRequest,
    EpochDonors,
    EpochDonorsRequest,
    OfUser,
    OfUserEpoch,
    ProjectDonors,
    ProjectDonorsRequest,
    RequestStored,
    StoredRequest,
    UserAllocations,
)

from octant_allocations import locks
from octant_allocations.allocations import reading, repository
from octant_allocations.antisybil import repository as antisybil
from octant_allocations.quotients.model import Scale, uniqueness_quotient

EPOCH_LIMIT = 2**31  # what the database can hold; beyond it nothing exists
CURSOR_LIMIT = 2**63

R = TypeVar("R")
Rows = list[tuple[reading.Position, R]]


async def of_epoch(database: Database, request: EpochAllocationsRequest) -> EpochAllocations:
    """A page of the epoch's live allocations.

    The first page tells `as_of`; with it later pages show the state of that moment.
    """
    read = partial(reading.of_epoch, zeros=request.include_zero_allocations)
    rows, next_cursor, as_of = await _page(database, request, read)
    return EpochAllocations(allocations=rows, next_cursor=next_cursor, as_of=as_of)


async def donors_of_epoch(database: Database, request: EpochDonorsRequest) -> EpochDonors:
    """A page of the users with live allocations of the epoch."""
    rows, next_cursor, as_of = await _page(database, request, reading.donors)
    return EpochDonors(donors=rows, next_cursor=next_cursor, as_of=as_of)


async def donors_of_project(database: Database, request: ProjectDonorsRequest) -> ProjectDonors:
    """A page of the live allocations to a project."""
    read = partial(reading.of_project, project=request.project)
    rows, next_cursor, as_of = await _page(database, request, read)
    return ProjectDonors(donors=rows, next_cursor=next_cursor, as_of=as_of)


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


async def terms(database: Database, scale: Scale, request: OfUser) -> AllocationTerms:
    """The open window's epoch, and what an allocation of the user would be weighed with in it."""
    async with database.reading() as connection:
        window, score = await reading.terms(connection, request.user)
        if window is None:
            return AllocationTerms(epoch=None, uniqueness_quotient=None)
        if score is None:
            kept = await antisybil.kept(connection, request.user, window.epoch)
            record = kept.record if kept else None
            score = uniqueness_quotient(scale, request.user, record, window.now)
    return AllocationTerms(epoch=window.epoch, uniqueness_quotient=score)


async def nonce(database: Database, request: OfUser) -> AllocationNonce:
    async with database.reading() as connection:
        return AllocationNonce(
            allocation_nonce=await repository.next_nonce(connection, request.user)
        )


async def request_stored(database: Database, request: StoredRequest) -> RequestStored:
    """Whether exactly this request was granted, however long ago."""
    async with database.reading() as connection:
        signature = await repository.signature_of(connection, request.user, request.nonce)
    return RequestStored(stored=signature == request.signature)


def _exists(epoch: int) -> bool:
    return 0 <= epoch < EPOCH_LIMIT


async def _page(
    database: Database,
    request: EpochAllocationsRequest | EpochDonorsRequest | ProjectDonorsRequest,
    read: Callable[..., Awaitable[Rows[R]]],
) -> tuple[list[R], int | None, int]:
    """Rows, next cursor and `as_of` of a page; nothing for what cannot exist."""
    if not _exists(request.epoch) or not 0 <= request.cursor < CURSOR_LIMIT:
        return [], None, request.as_of or 0
    after = reading.position_of(request.cursor)
    as_of = request.as_of
    if as_of is None:
        async with database.reading() as connection:
            rows = await read(connection, None, epoch=request.epoch, after=after)
            highest = await reading.highest_sequence(connection)
        if len(rows) <= PAGE:
            return _cut(rows, highest)
        # Smaller numbers may still be on their way into the database: wait for them, or
        # they would turn up in the middle of the later pages.
        as_of = await locks.settled_sequence(database)
    async with database.reading() as connection:
        rows = await read(connection, as_of, epoch=request.epoch, after=after)
    return _cut(rows, as_of)


def _cut(rows: Rows[R], as_of: int) -> tuple[list[R], int | None, int]:
    shown = rows[:PAGE]
    more = len(rows) > PAGE
    return [row for _, row in shown], reading.cursor_of(shown[-1][0]) if more else None, as_of
