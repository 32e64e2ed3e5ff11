"""Patron mode: a signed text turns it on or off, and ends what the user allocated."""

from octant_chassis import outbox
from octant_chassis.calls import Written
from octant_chassis.database import Database
from octant_contracts.calls import OfUser, PatronMode, SetPatronMode
from octant_contracts.errors import Refusal
from octant_contracts.events import PatronModeSet

from octant_allocations import locks
from octant_allocations.allocations import repository as allocations
from octant_allocations.chain import service as chain
from octant_allocations.patrons import repository
from octant_allocations.signing import Verifier, digest_of_patron_mode, require
from octant_allocations.windows import repository as windows


async def patron_mode(database: Database, request: OfUser) -> PatronMode:
    async with database.reading() as connection:
        return PatronMode(status=await repository.is_enabled(connection, request.user))


async def set_patron_mode(
    database: Database, verifier: Verifier, request: SetPatronMode
) -> Written[PatronMode]:
    """Sets the opposite of the current mode if that is what was signed.

    Refusals: InvalidSignature, NotLoadedYet before the first block, or what kept the chain
    from answering.
    """
    user = request.user
    async with database.reading() as connection:
        target = not await repository.is_enabled(connection, user)
    signed = await verifier.verify(user, digest_of_patron_mode(user, target), request.signature)
    require(signed, user, request.signature)
    async with database.transaction("set-patron-mode") as connection:
        await locks.lock_user(connection, user)
        await locks.hold_newest_window(connection)
        if await repository.is_enabled(connection, user) == target:
            # Somebody was faster: the text for a mode that is on already is not valid.
            raise Refusal("InvalidSignature", signature=request.signature, user=user)
        now = await chain.require_time(connection)
        # After a reorganisation the chain's time may be an earlier one; the order of a user's
        # own changes is not.
        now = max(now, await repository.latest_time(connection, user))
        epoch = await windows.open_epoch(connection)
        sequence = await locks.take_sequence(connection)
        await repository.insert_event(
            connection, sequence, user, enabled=target, time=now, revoked_epoch=epoch
        )
        if epoch is not None:
            await allocations.revoke(connection, user, epoch, sequence)
        await locks.note_change(connection, user)
        event_ids = await outbox.append(
            connection,
            PatronModeSet(
                sequence=sequence, user=user, enabled=target, time=now, revoked_epoch=epoch
            ),
        )
    return Written(PatronMode(status=target), event_ids)
