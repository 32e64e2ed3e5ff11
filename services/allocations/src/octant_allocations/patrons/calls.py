"""Who are the patrons of an epoch."""

from octant_chassis.database import Database
from octant_contracts.calls import PAGE, Patrons, PatronsRequest
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, EpochNumber

from octant_allocations import locks
from octant_allocations.patrons import repository
from octant_allocations.windows import repository as windows

EPOCH_LIMIT = 2**31  # what the database can hold; beyond it nothing exists
UNBOUNDED = 2**63 - 1


async def of_epoch(database: Database, request: PatronsRequest) -> Patrons:
    """A page of the patrons with a budget, by EIP-55 text; `cursor` is the first one's place.

    The first of several pages tells `as_of`; with it later pages show the state of that moment.
    Refusal EpochNotIndexed.
    """
    as_of = request.as_of
    patrons = await _all(database, request.epoch, as_of)
    if as_of is None and len(patrons) > PAGE:
        # Smaller sequences may still be on their way into the database.
        as_of = await locks.settled_sequence(database)
        patrons = await _all(database, request.epoch, as_of)
    first = max(request.cursor, 0)
    following = first + PAGE
    return Patrons(
        patrons=patrons[first:following],
        next_cursor=following if following < len(patrons) else None,
        as_of=as_of or 0,
    )


async def _all(database: Database, epoch: EpochNumber, as_of: int | None) -> list[Address]:
    async with database.reading() as connection:
        decided_at = None
        if 0 <= epoch < EPOCH_LIMIT:
            decided_at = await windows.finalized_at(connection, epoch)
        if decided_at is None:
            raise Refusal("EpochNotIndexed", epoch=epoch)
        sealed = await windows.sealed_sequence(connection, epoch)
        last = min(s for s in (as_of, sealed, UNBOUNDED) if s is not None)
        patrons = await windows.patrons(connection, decided_at, last)
        funded = await repository.with_budget(connection, epoch, patrons)
    return sorted(funded, key=lambda user: user.text)
