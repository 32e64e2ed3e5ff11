"""Terms of service: a signed text, once. IP addresses stay in our table and end with their time."""

import asyncio

from octant_chassis import outbox
from octant_chassis.calls import Written
from octant_chassis.database import AsyncConnection, Database
from octant_chassis.telemetry import log
from octant_contracts.calls import AcceptTerms, Consent, OfUser
from octant_contracts.errors import Refusal
from octant_contracts.events import TosAccepted
from octant_contracts.values import Address, Hex

from octant_allocations import locks
from octant_allocations.chain import service as chain
from octant_allocations.consents import repository
from octant_allocations.signing import Verification, Verifier, digest_of_terms, require

LOOK_FOR_OLD_IPS_EVERY = 3600.0  # seconds


async def consent(database: Database, request: OfUser) -> Consent:
    async with database.reading() as connection:
        return Consent(accepted=await repository.is_given(connection, request.user))


async def accept(database: Database, verifier: Verifier, request: AcceptTerms) -> Written[Consent]:
    """Refusals: DuplicateConsent, InvalidSignature or what kept the chain from answering,
    NotLoadedYet before the first block."""
    user, signature = request.user, request.signature
    signed = await verifier.verify(user, digest_of_terms(user), signature)
    async with database.transaction("accept-terms") as connection:
        event_ids = await grant(connection, user, signature, request.ip, signed)
    return Written(Consent(accepted=True), event_ids)


async def grant(
    connection: AsyncConnection, user: Address, signature: str, ip: str, signed: Verification
) -> list[int]:
    """The checks and effects of `accept`; the ids of its events."""
    await locks.lock_user(connection, user)
    if await repository.is_given(connection, user):
        raise Refusal("DuplicateConsent", user=user)
    require(signed, user, signature)
    now = await chain.require_time(connection)
    await repository.add(connection, user, ip, Hex(digest_of_terms(user)), now)
    return await outbox.append(connection, TosAccepted(user=user, time=now))


async def forget_old_ips(database: Database, days: float) -> None:
    """Never returns."""
    while True:
        try:
            async with database.transaction("forget-ips") as connection:
                count = await repository.forget_ips(connection, days)
            log.info("old IP addresses forgotten", count=count)
        except Exception as error:  # the database is away: later is soon enough
            log.warning("old IP addresses stay for now", reason=type(error).__name__)
        await asyncio.sleep(LOOK_FOR_OLD_IPS_EVERY)
