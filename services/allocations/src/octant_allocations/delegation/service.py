"""Score delegation: a user without GLM gives its antisybil score to another one, for an epoch."""

from octant_chassis import outbox
from octant_chassis.calls import Caller, Written
from octant_chassis.database import AsyncConnection, Database
from octant_contracts.calls import (
    USER_DEPOSIT_UNTIL,
    AmongAddresses,
    DelegateScore,
    DelegationPair,
    Nothing,
    OfUser,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import ScoreDelegated
from octant_contracts.values import Address, EpochNumber
from octant_protocol.messages import DelegationHashes

from octant_allocations import locks
from octant_allocations.antisybil import repository as antisybil
from octant_allocations.antisybil.model import Lists, make_record
from octant_allocations.antisybil.provider import Passport, ScoreProvider, fetch
from octant_allocations.chain.service import require_time
from octant_allocations.consents.known import KnownUsers
from octant_allocations.delegation import repository
from octant_allocations.delegation.model import MINIMUM_SCORE, Salts
from octant_allocations.signing import Verifier, digest_of_delegation, require
from octant_allocations.windows import repository as windows


class Delegator:
    """The use case and what it works with."""

    def __init__(
        self,
        database: Database,
        caller: Caller,
        verifier: Verifier,
        provider: ScoreProvider,
        known: KnownUsers,
        lists: Lists,
        salts: Salts,
        *,
        timeout: float,
    ) -> None:
        self._database = database
        self._caller = caller
        self._verifier = verifier
        self._provider = provider
        self._known = known
        self._lists = lists
        self._salts = salts
        self._timeout = timeout

    async def delegate(self, request: DelegateScore) -> Written[Nothing]:
        """The primary gets the secondary's score; raises the Refusal of the first failing check.

        The provider is asked when nothing that we know ourselves is in the way.
        """
        primary, secondary = request.primary, request.secondary
        digest = digest_of_delegation(primary, secondary)
        for user, signature in (
            (primary, request.primary_signature),
            (secondary, request.secondary_signature),
        ):
            require(await self._verifier.verify(user, digest, signature), user, signature)
        if primary == secondary or secondary in self._lists.timeouts:
            raise Refusal("InvalidDelegationRequest")
        async with self._database.reading() as connection:
            await self._require_new(
                connection, await windows.deciding_epoch(connection), primary, secondary
            )
        if not await self._known.include(primary):
            raise Refusal("UserNotFound", user=primary)
        passport = await self._passport_of_nobody_who_locks(secondary)
        hashes = self._salts.hashes(primary, secondary)
        async with self._database.transaction("delegate-score") as connection:
            event_ids = await self._store(connection, primary, secondary, hashes, passport)
        return Written(Nothing(), event_ids)

    async def _passport_of_nobody_who_locks(self, secondary: Address) -> Passport:
        """The score is judged first, the deposit second; the latter is known without outsiders."""
        locks_glm = await self._deposit_is_in_the_way(secondary)
        try:
            passport = await fetch(self._provider, secondary, self._timeout)
        except Refusal:
            if locks_glm is not None:
                raise locks_glm from None
            raise
        if passport.score < MINIMUM_SCORE:
            raise Refusal("AntisybilScoreTooLow", score=passport.score, minimum=int(MINIMUM_SCORE))
        if locks_glm is not None:
            raise locks_glm
        return passport

    async def _deposit_is_in_the_way(self, user: Address) -> Refusal | None:
        try:
            deposit = await self._caller.ask(USER_DEPOSIT_UNTIL, OfUser(user))
        except Refusal as refusal:
            return refusal
        if deposit.effective_deposit > 0:
            return Refusal("InvalidDelegationForLockingAddress")
        return None

    async def _store(
        self,
        connection: AsyncConnection,
        primary: Address,
        secondary: Address,
        hashes: DelegationHashes,
        passport: Passport,
    ) -> list[int]:
        for user in sorted((primary, secondary)):
            await locks.lock_user(connection, user)
        now = await require_time(connection)
        epoch = await windows.deciding_epoch(connection)
        if epoch is None:
            raise Refusal("NotLoadedYet", what="The calendar")
        await self._require_new(connection, epoch, primary, secondary)
        await repository.add(connection, epoch, hashes, now)
        record = make_record(passport.score, passport.stamps, now)
        await antisybil.add(connection, primary, record, now, delegated_epoch=epoch)
        await locks.note_change(connection, primary)
        return await outbox.append(connection, ScoreDelegated(user=primary, time=now))

    async def _require_new(
        self,
        connection: AsyncConnection,
        epoch: EpochNumber | None,
        primary: Address,
        secondary: Address,
    ) -> None:
        """Neither of the two is part of a delegation of the epoch, on either side."""
        hashes = (*self._salts.of_one(primary), *self._salts.of_one(secondary))
        if await repository.stored(connection, epoch, hashes):
            raise Refusal("DelegationAlreadyExists")


async def recalculate(database: Database, salts: Salts, request: DelegationPair) -> Nothing:
    """Never granted: DelegationDoesNotExist or InvalidRecalculationRequest."""
    both = salts.hashes(request.primary, request.secondary).both
    async with database.reading() as connection:
        epoch = await windows.deciding_epoch(connection)
        exists = await repository.stored(connection, epoch, [both])
    raise Refusal("InvalidRecalculationRequest" if exists else "DelegationDoesNotExist")


async def find(database: Database, salts: Salts, request: AmongAddresses) -> DelegationPair:
    """The first pair, in the order of the addresses. Refusal DelegationDoesNotExist."""
    pairs = salts.of_pairs(request.addresses)
    async with database.reading() as connection:
        epoch = await windows.deciding_epoch(connection)
        found = await repository.stored(connection, epoch, pairs)
    for hashed, (primary, secondary) in pairs.items():
        if hashed in found:
            return DelegationPair(primary=primary, secondary=secondary)
    raise Refusal("DelegationDoesNotExist")
