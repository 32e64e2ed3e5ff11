"""Multisig requests: a contract wallet's message is registered before all owners have signed it."""

import asyncio

from octant_chassis import outbox
from octant_chassis.calls import Written
from octant_chassis.database import AsyncConnection, Database
from octant_contracts.calls import (
    AllocateRequest,
    Nothing,
    OfUserType,
    PendingMultisig,
    RegisterMultisig,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import MultisigChanged
from octant_contracts.values import Address, EpochNumber, Hex
from octant_protocol.messages import terms_of_service_text

from octant_allocations import locks
from octant_allocations.allocations import model as allocations_model
from octant_allocations.allocations import repository as allocations
from octant_allocations.budgets.arrivals import BudgetArrivals
from octant_allocations.consents import repository as consents
from octant_allocations.multisig import model, repository
from octant_allocations.multisig.safe import Safes
from octant_allocations.signing import digest_of_allocation, digest_of_terms

LOOKS = 3  # for a message that its owner has just proposed


async def pending(database: Database, request: OfUserType) -> PendingMultisig:
    async with database.reading() as connection:
        return await repository.newest(connection, request.user, request.type)


class Registrar:
    """The use case and what it works with."""

    def __init__(
        self,
        database: Database,
        safes: Safes,
        arrivals: BudgetArrivals,
        chain_id: int,
        *,
        pause: float = 0.5,
    ) -> None:
        self._database = database
        self._safes = safes
        self._arrivals = arrivals
        self._chain_id = chain_id
        self._pause = pause

    async def register(self, request: RegisterMultisig) -> Written[Nothing]:
        """Stores the message or raises the Refusal of the first check that fails.

        Outsiders are asked when nothing that we know ourselves is in the way.
        """
        allocation = self._allocation_in(request)
        await self._check_before(request.user, allocation)
        digest = self._digest(request.user, allocation)
        message_hash = await self._known_message(request.user, digest)
        text = request.message if request.payload is None else model.text_of(request.payload)
        assert text is not None
        async with self._database.transaction("register-multisig") as connection:
            await locks.lock_user(connection, request.user)
            epoch = await self._check(connection, request.user, allocation)
            await repository.add(
                connection,
                request.user,
                request.type,
                epoch=epoch,
                message=text,
                digest=digest,
                message_hash=message_hash,
                ip=request.ip,
            )
            event_ids = await outbox.append(
                connection,
                MultisigChanged(user=request.user, type=request.type, status="pending"),
            )
        return Written(Nothing(), event_ids)

    def _allocation_in(self, request: RegisterMultisig) -> AllocateRequest | None:
        """None in a request about the terms, whose text must be the one that people sign."""
        if request.type == "allocation" and request.payload is not None:
            return model.request_of(request.user, request.payload)
        if request.type == "tos" and request.message == terms_of_service_text(request.user):
            return None
        raise Refusal("InvalidMultisigSignatureRequest")

    def _digest(self, user: Address, allocation: AllocateRequest | None) -> Hex:
        if allocation is None:
            return Hex(digest_of_terms(user))
        digest = digest_of_allocation(self._chain_id, allocation)
        if digest is None:  # numbers that no check let through
            raise Refusal("InvalidMultisigSignatureRequest")
        return Hex(digest)

    async def _check_before(self, user: Address, allocation: AllocateRequest | None) -> None:
        """Nobody is told "no budget" while the budgets are on their way."""
        try:
            await self._check_now(user, allocation)
        except Refusal as refusal:
            if refusal.code != "BudgetNotFound":
                raise
            if not await self._arrivals.have_come(int(refusal.details["epoch"])):
                raise
            await self._check_now(user, allocation)

    async def _check_now(self, user: Address, allocation: AllocateRequest | None) -> None:
        async with self._database.transaction("check-multisig") as connection:
            await self._check(connection, user, allocation)

    async def _check(
        self, connection: AsyncConnection, user: Address, allocation: AllocateRequest | None
    ) -> EpochNumber | None:
        """The epoch of an allocation, when it could be granted now but for its signature."""
        if allocation is None:
            if await consents.is_given(connection, user):
                raise Refusal("DuplicateConsent", user=user)
            return None
        standing = await allocations.lock_and_read(connection, user)
        if standing.window is None:
            raise Refusal("InvalidEpoch")
        allocations_model.check(allocation, standing, standing.window)
        return standing.window.epoch

    async def _known_message(self, user: Address, digest: Hex) -> Hex:
        """The wallet's own hash of a message that the service knows as the user's."""
        message_hash = await self._safes.message_hash(user, digest)
        if message_hash is None:
            raise Refusal("InvalidMultisigAddress")
        for look in range(LOOKS):
            if look:
                await asyncio.sleep(self._pause)
            message = await self._safes.message(message_hash)
            if message is not None:
                if message.safe != user:
                    raise Refusal("InvalidMultisigAddress")
                return message_hash
        raise Refusal("UpstreamNotFound")
