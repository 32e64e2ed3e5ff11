"""Antisybil scores: what is stored of a user, and a refresh that asks the score provider."""

from octant_chassis.calls import Written
from octant_chassis.database import AsyncConnection, Database
from octant_contracts.calls import AntisybilAnswer, AntisybilStatus, Nothing, OfUser
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, EpochNumber, Timestamp
from octant_protocol.numeric import double_text

from octant_allocations import locks
from octant_allocations.antisybil import repository
from octant_allocations.antisybil.model import Lists, adjusted_score, make_record
from octant_allocations.antisybil.provider import ScoreProvider, fetch
from octant_allocations.chain import repository as chain
from octant_allocations.chain.service import require_time
from octant_allocations.consents.known import KnownUsers
from octant_allocations.delegation import repository as delegations
from octant_allocations.delegation.model import Salts
from octant_allocations.windows import repository as windows


async def status(database: Database, lists: Lists, request: OfUser) -> AntisybilAnswer:
    """The stored score as it counts now. Refusal GPStampsNotFound without one."""
    user = request.user
    async with database.reading() as connection:
        now = await chain.head_timestamp(connection) or 0
        epoch = await windows.deciding_epoch(connection)
        kept = await repository.kept(connection, user, epoch)
    if kept is None:
        raise Refusal("GPStampsNotFound")
    return AntisybilAnswer(
        status=AntisybilStatus(
            status="Known",
            score=double_text(adjusted_score(user, kept.record, lists, now)),
            expires_at=str(kept.record.expires_at),
            is_on_time_out_list=user in lists.timeouts,
        ),
        stale_for=stale_for(kept, now),
    )


def stale_for(kept: repository.Kept, now: Timestamp) -> int | None:
    """Seconds since the last good refresh, when stamps expired or the next one failed."""
    expired = kept.record.expires_at < now
    return kept.age if expired or kept.refresh_failed else None


class Refresher:
    """The use case and what it works with."""

    def __init__(
        self,
        database: Database,
        provider: ScoreProvider,
        known: KnownUsers,
        lists: Lists,
        salts: Salts,
        *,
        timeout: float,
        pause: float,
    ) -> None:
        self._database = database
        self._provider = provider
        self._known = known
        self._lists = lists
        self._salts = salts
        self._timeout = timeout
        self._pause = pause

    async def refresh(self, request: OfUser) -> Written[Nothing]:
        """Stores what the provider knows now, unless it was asked within the pause.

        Refusals: AddressAlreadyDelegated, UserNotFound, what kept the provider from answering,
        NotLoadedYet before the first block. A refusal changes no score.
        """
        user = request.user
        async with self._database.reading() as connection:
            epoch = await windows.deciding_epoch(connection)
            await self._require_undelegated(connection, user, epoch)
            kept = await repository.kept(connection, user, epoch)
        if not await self._known.include(user):
            raise Refusal("UserNotFound", user=user)
        if kept is not None and not kept.refresh_failed and kept.age < self._pause:
            return Written(Nothing(), [])
        try:
            passport = await fetch(self._provider, user, self._timeout)
        except Refusal:
            async with self._database.transaction("antisybil-failed") as connection:
                await repository.note_failure(connection, user)
            raise
        async with self._database.transaction("refresh-antisybil") as connection:
            await locks.lock_user(connection, user)
            now = await require_time(connection)
            epoch = await windows.deciding_epoch(connection)
            await self._require_undelegated(connection, user, epoch)
            score = 0.0 if user in self._lists.timeouts else passport.score
            record = make_record(score, passport.stamps, now)
            await repository.add(connection, user, record, now)
            await locks.note_change(connection, user)
        return Written(Nothing(), [])

    async def _require_undelegated(
        self, connection: AsyncConnection, user: Address, epoch: EpochNumber | None
    ) -> None:
        if await delegations.stored(connection, epoch, self._salts.of_one(user)):
            raise Refusal("AddressAlreadyDelegated")
