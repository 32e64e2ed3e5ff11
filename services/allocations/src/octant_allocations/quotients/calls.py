"""Answers about uniqueness quotients."""

from octant_chassis.database import Database
from octant_contracts.calls import (
    PAGE,
    OfUserEpoch,
    Quotients,
    QuotientsRequest,
    UniquenessAnswer,
    UniquenessQuotient,
)

from octant_allocations import locks
from octant_allocations.antisybil import repository as antisybil
from octant_allocations.antisybil.service import stale_for
from octant_allocations.chain import repository as chain
from octant_allocations.quotients import repository
from octant_allocations.quotients.model import Scale, uniqueness_quotient

EPOCH_LIMIT = 2**31  # what the database can hold; beyond it nothing exists
SEQUENCE_LIMIT = 2**63


async def of_user(database: Database, scale: Scale, request: OfUserEpoch) -> UniquenessAnswer:
    """The frozen one, or what an allocation would be weighed with if it came now."""
    user = request.user
    async with database.reading() as connection:
        if 0 <= request.epoch < EPOCH_LIMIT:
            frozen = await repository.score_of(connection, request.epoch, user)
            kept = await antisybil.kept(connection, user, request.epoch)
        else:
            frozen, kept = None, await antisybil.kept(connection, user, None)
        now = await chain.head_timestamp(connection) or 0
    if frozen is not None:
        return UniquenessAnswer(
            quotient=UniquenessQuotient(uniqueness_quotient=frozen), stale_for=None
        )
    score = uniqueness_quotient(scale, user, kept.record if kept else None, now)
    return UniquenessAnswer(
        quotient=UniquenessQuotient(uniqueness_quotient=score),
        stale_for=stale_for(kept, now) if kept else None,
    )


async def of_epoch(database: Database, request: QuotientsRequest) -> Quotients:
    """A page of the stored ones. The first page tells `as_of`, which pins the later pages."""
    if not 0 <= request.epoch < EPOCH_LIMIT or not 0 <= request.cursor < SEQUENCE_LIMIT:
        return Quotients(uqs_info=[], next_cursor=None, as_of=request.as_of or 0)
    as_of = request.as_of
    async with database.reading() as connection:
        rows = await repository.of_epoch(connection, request.epoch, request.cursor, as_of)
    if as_of is None and len(rows) > PAGE:
        # Smaller sequences may still be on their way into the database.
        as_of = await locks.settled_sequence(database, repository.HIGHEST_SEQUENCE)
        async with database.reading() as connection:
            rows = await repository.of_epoch(connection, request.epoch, request.cursor, as_of)
    return Quotients(
        uqs_info=[row for _, row in rows[:PAGE]],
        next_cursor=rows[PAGE - 1][0] if len(rows) > PAGE else None,
        as_of=as_of or 0,
    )
