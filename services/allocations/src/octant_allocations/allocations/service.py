"""Allocate: one signed request replaces everything the user had allocated in the epoch."""

from octant_chassis import outbox
from octant_chassis.calls import Written
from octant_chassis.database import AsyncConnection, Database
from octant_contracts.calls import AllocateRequest, Nothing
from octant_contracts.errors import Refusal
from octant_contracts.events import Allocated, AllocationItem
from octant_contracts.values import EpochNumber
from sqlalchemy.exc import IntegrityError

from octant_allocations.allocations import model, repository
from octant_allocations.budgets.arrivals import BudgetArrivals
from octant_allocations.quotients.model import Scale, uniqueness_quotient
from octant_allocations.signing import Verification, Verifier, digest_of_allocation


class Allocator:
    """The use case and what it works with."""

    def __init__(
        self,
        database: Database,
        verifier: Verifier,
        arrivals: BudgetArrivals,
        chain_id: int,
        scale: Scale,
    ) -> None:
        self._database = database
        self._verifier = verifier
        self._arrivals = arrivals
        self._chain_id = chain_id
        self._scale = scale

    async def allocate(self, request: AllocateRequest) -> Written[Nothing]:
        """Grants the request or raises the Refusal of the first check that fails.

        A refusal leaves nothing behind.
        """
        digest = digest_of_allocation(self._chain_id, request)
        signed = await self._verifier.verify(request.user, digest, request.signature)
        try:
            return await self._try(request, signed)
        except Refusal as refusal:
            if refusal.code != "BudgetNotFound":
                raise
            if not await self._arrivals.have_come(int(refusal.details["epoch"])):
                raise
        return await self._try(request, signed)

    async def _try(self, request: AllocateRequest, signed: Verification) -> Written[Nothing]:
        try:
            async with self._database.transaction("allocate") as connection:
                event_ids = await self.grant(connection, request, signed)
        except IntegrityError:
            # The user's lock makes this impossible, as long as the stored nonce is right.
            async with self._database.reading() as connection:
                used = await repository.highest_used_nonce(connection, request.user)
            if used is None or used < request.nonce:
                raise
            raise model.wrong_nonce(request, used + 1) from None
        return Written(Nothing(), event_ids)

    async def grant(
        self,
        connection: AsyncConnection,
        request: AllocateRequest,
        signed: Verification,
        epoch: EpochNumber | None = None,
    ) -> list[int]:
        """The checks and effects within the caller's transaction; the ids of its events.

        Refusal InvalidEpoch when it would not fall into `epoch`.
        """
        standing = await repository.lock_and_read(connection, request.user)
        window = model.decide(request, standing, signed)
        if epoch is not None and window.epoch != epoch:
            raise Refusal("InvalidEpoch")
        score = standing.frozen_score
        if score is None:
            score = uniqueness_quotient(self._scale, request.user, standing.record, window.now)
        sequence = await repository.replace(connection, request, window, score)
        return await outbox.append(
            connection,
            Allocated(
                sequence=sequence,
                epoch=window.epoch,
                user=request.user,
                nonce=int(request.nonce),
                time=window.now,
                uniqueness_quotient=score,
                is_manually_edited=request.is_manually_edited,
                allocations=[
                    AllocationItem(project=a.project, amount=a.amount) for a in request.allocations
                ],
            ),
        )
