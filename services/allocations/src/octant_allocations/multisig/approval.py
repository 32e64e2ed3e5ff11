"""Approving multisig requests: when enough owners have signed, the message is applied."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from octant_chassis import outbox
from octant_chassis.calls import Written
from octant_chassis.database import AsyncConnection, Database
from octant_chassis.telemetry import log
from octant_contracts.calls import Nothing
from octant_contracts.errors import ERRORS, Refusal
from octant_contracts.events import MultisigChanged

from octant_allocations.allocations.service import Allocator
from octant_allocations.consents import service as consents
from octant_allocations.multisig import model, repository
from octant_allocations.multisig.repository import Pending
from octant_allocations.multisig.safe import Safes
from octant_allocations.signing import Verifier, digest_of_terms
from octant_allocations.windows import repository as windows

ONE_REQUEST = 45.0  # seconds for it; less than a lease
ONE_PASS_PER = 0.5  # seconds: anybody may ask for one
PATIENCE = 25.0  # seconds that who asked for a pass waits; less than the call's deadline
DAY = 86_400

Apply = Callable[[AsyncConnection], Awaitable[list[int]]]


class Approver:
    """One request at a time: look whether it is signed, apply it, or leave it for later."""

    def __init__(
        self,
        database: Database,
        safes: Safes,
        verifier: Verifier,
        allocator: Allocator,
        *,
        patience_days: float,
    ) -> None:
        self._database = database
        self._safes = safes
        self._verifier = verifier
        self._allocator = allocator
        self._patience = patience_days * DAY

    async def one_pass(self, *, also_not_due: bool) -> list[int]:
        """Looks at every request that waits, once; the ids of the events of all."""
        event_ids: list[int] = []
        seen: set[int] = set()
        while True:
            async with self._database.transaction("lease-multisig") as connection:
                request = await repository.lease(
                    connection, also_not_due=also_not_due, not_these=seen
                )
            if request is None:
                return event_ids
            seen.add(request.id)
            event_ids += await self._look(request)

    async def _look(self, request: Pending) -> list[int]:
        """Whatever goes wrong, the request stays pending, and the next one gets its turn."""
        try:
            async with asyncio.timeout(ONE_REQUEST):
                return await self._decide(request)
        except Exception as error:
            reason = error.code if isinstance(error, Refusal) else type(error).__name__
            log.warning("multisig request left pending", request=request.id, reason=reason)
            pause = min(2.0**request.failures, 300.0)
            await self._postpone(request, pause, failed=True)
            return []

    async def _decide(self, request: Pending) -> list[int]:
        if request.epoch is not None and await self._is_too_late(request.epoch):
            return await self._end(request, "rejected")
        if request.age > self._patience:
            return await self._end(request, "failed")
        signature = await self._collected(request)
        if signature is None:
            # The longer it has waited, the longer it can wait.
            await self._postpone(request, min(max(request.age / 10, 2.0), 300.0), failed=False)
            return []
        apply = await self._application(request, signature)
        try:
            async with self._database.transaction("approve-multisig") as connection:
                event_ids = await apply(connection)
                event_ids += await self._finish(connection, request, "approved", signature)
            return event_ids
        except Refusal as refusal:
            if ERRORS[refusal.code].status >= 500:
                raise
            log.info("multisig request rejected", request=request.id, reason=refusal.code)
        return await self._end(request, "rejected", signature)

    async def _is_too_late(self, epoch: int) -> bool:
        async with self._database.reading() as connection:
            return await windows.has_closed(connection, epoch)

    async def _collected(self, request: Pending) -> str | None:
        """The owners' signatures; None while there are not enough of them."""
        message = await self._safes.message(request.message_hash)
        if message is None or message.prepared_signature is None:
            return None
        threshold = await self._safes.threshold(request.user)
        if threshold is None or message.confirmations < threshold:
            return None
        return message.prepared_signature

    async def _application(self, request: Pending, signature: str) -> Apply:
        """The same as people's own requests, within a transaction that the caller begins."""
        user, ip = request.user, request.ip or ""
        if request.type == "tos":
            signed = await self._verifier.verify(user, digest_of_terms(user), signature)
            return lambda c: consents.grant(c, user, signature, ip, signed)
        allocation = model.request_of(user, model.payload_of(request.message), signature)
        signed = await self._verifier.verify(user, request.digest, signature)
        return lambda c: self._allocator.grant(c, allocation, signed, epoch=request.epoch)

    async def _end(
        self, request: Pending, status: repository.Outcome, signature: str | None = None
    ) -> list[int]:
        async with self._database.transaction("end-multisig") as connection:
            return await self._finish(connection, request, status, signature)

    async def _finish(
        self,
        connection: AsyncConnection,
        request: Pending,
        status: repository.Outcome,
        signature: str | None,
    ) -> list[int]:
        if not await repository.finish(connection, request.id, status, signature):
            raise _EndedMeanwhile
        event = MultisigChanged(user=request.user, type=request.type, status=status)
        return await outbox.append(connection, event)

    async def _postpone(self, request: Pending, seconds: float, *, failed: bool) -> None:
        async with self._database.transaction("postpone-multisig") as connection:
            await repository.postpone(connection, request.id, seconds, failed=failed)


class _EndedMeanwhile(Exception):
    """Another one took the request's place, or a second process had its lease."""


class Passes:
    """Passes one after the other: at intervals, and when somebody asks for one."""

    def __init__(self, approver: Approver, interval: float) -> None:
        self._approver = approver
        self._interval = interval
        self._wanted = asyncio.Event()
        self._next: asyncio.Future[list[int]] | None = None

    async def approve(self, _: Nothing) -> Written[Nothing]:
        """After a pass that began after this; all who ask meanwhile share it."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        self._wanted.set()
        event_ids: list[int] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                event_ids = await asyncio.shield(self._next)
        return Written(Nothing(), event_ids)

    async def run(self) -> None:
        """Never returns."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._interval):
                    await self._wanted.wait()
            asked, self._next = self._next, None
            self._wanted.clear()
            event_ids: list[int] = []
            try:
                event_ids = await self._approver.one_pass(also_not_due=asked is not None)
            except Exception as error:  # the database is away
                log.warning("approval pass ended early", reason=type(error).__name__)
            if asked is not None:
                asked.set_result(event_ids)
            await asyncio.sleep(ONE_PASS_PER)
