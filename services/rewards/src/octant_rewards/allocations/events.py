"""Handles the events of allocations: live rows, patrons, and the seal that freezes them."""

from functools import partial

from octant_chassis.outbox import append
from octant_chassis.projection import Handler, NotYet
from octant_contracts.events import (
    Allocated,
    AllocationsSealed,
    EstimatesChanged,
    PatronModeSet,
    UqScoreSet,
)
from octant_contracts.seals import allocations_digest, patrons_digest
from octant_protocol.calendar import bounds
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards.allocations import repository
from octant_rewards.chain import repository as chain
from octant_rewards.funding.keeper import FundingKeeper


class SealMismatch(Exception):
    """What allocations sealed is not what was projected here: a number would be wrong."""


async def allocated(keeper: FundingKeeper, connection: AsyncConnection, event: Allocated) -> None:
    leverage = await keeper.allocate(connection, event)
    await repository.replace(connection, event)
    changed = EstimatesChanged(epoch=event.epoch, sequence=event.sequence)
    await append(connection, changed, *([leverage] if leverage else []))


async def patron_mode_set(
    keeper: FundingKeeper, connection: AsyncConnection, event: PatronModeSet
) -> None:
    await repository.add_patron_event(connection, event)
    keeper.forget_pool()
    if event.revoked_epoch is not None:
        await keeper.revoke(connection, event.revoked_epoch, bytes(event.user))
        await repository.revoke(connection, event.revoked_epoch, event.user)
        await append(
            connection, EstimatesChanged(epoch=event.revoked_epoch, sequence=event.sequence)
        )


async def uq_score_set(
    keeper: FundingKeeper, connection: AsyncConnection, event: UqScoreSet
) -> None:
    """Weighs anew what is allocated already; the event has no sequence of its own."""
    await keeper.weigh(connection, event.epoch, bytes(event.user), event.score)
    if await repository.set_uq(connection, event.epoch, event.user, event.score):
        sequence = await repository.last_sequence(connection, event.epoch)
        await append(connection, EstimatesChanged(epoch=event.epoch, sequence=sequence))


async def allocations_sealed(connection: AsyncConnection, event: AllocationsSealed) -> None:
    """Stores the seal when our rows are exactly the sealed ones; stops loudly otherwise."""
    props = await chain.props(connection)
    if not props:
        raise NotYet("the calendar")
    rows = await repository.sealable(connection, event.epoch)
    patrons = await repository.patrons_at(
        connection, bounds(props, event.epoch).finalized_at, event.last_sequence
    )
    ours = (len(rows), allocations_digest(rows), len(patrons), patrons_digest(patrons))
    theirs = (event.count, event.digest, event.patrons_count, event.patrons_digest)
    if ours != theirs:
        raise SealMismatch(f"epoch {event.epoch}: sealed {theirs}, projected {ours}")
    await repository.add_seal(connection, event)


def handlers(keeper: FundingKeeper) -> dict[type, Handler]:
    return {
        Allocated: partial(allocated, keeper),
        PatronModeSet: partial(patron_mode_set, keeper),
        UqScoreSet: partial(uq_score_set, keeper),
        AllocationsSealed: allocations_sealed,
    }
