"""Requests of contract wallets, their owners' signatures, and what a client sees of them."""

from typing import Any

from octant_allocations.multisig.safe import SafeMessage
from octant_contracts.calls import (
    APPROVE_MULTISIGS,
    PENDING_MULTISIG,
    REGISTER_MULTISIG,
    AllocationInput,
    MultisigPayload,
    Nothing,
    OfUserType,
    PendingMultisig,
    RegisterMultisig,
)
from octant_contracts.events import MultisigChanged
from octant_contracts.values import Address, Hex, Wei
from octant_protocol.messages import terms_of_service_text
from octant_protocol.signatures import allocation_digest, personal_digest
from octant_protocol.wallets import safe_domain_separator, safe_message_hash
from sqlalchemy import text

from .world import CHAIN_ID, person

SAFE, OTHER, ALICE = Address(b"\x5a" * 20), Address(b"\x5b" * 20), person(1)
P = [Address(bytes([n]) * 20) for n in range(1, 4)]
IP = "203.0.113.77"
UNKNOWN = "404 Request to an external service failed."


def terms(safe: Address = SAFE, message: str | None = None) -> RegisterMultisig:
    message = terms_of_service_text(safe) if message is None else message
    return RegisterMultisig(user=safe, type="tos", message=message, payload=None, ip=IP)


def gift(
    items: list[tuple[Address, int]], nonce: int = 0, *, safe: Address = SAFE
) -> RegisterMultisig:
    payload = MultisigPayload(
        allocations=[AllocationInput(p, Wei(a)) for p, a in items],
        nonce=Wei(nonce),
        is_manually_edited=True,
    )
    return RegisterMultisig(user=safe, type="allocation", message=None, payload=payload, ip=IP)


def digest_of(request: RegisterMultisig) -> Hex:
    if request.payload is None:
        return Hex(personal_digest(terms_of_service_text(request.user)))
    items = [(a.project, a.amount) for a in request.payload.allocations]
    return Hex(allocation_digest(CHAIN_ID, items, request.payload.nonce))


def proposed(world: Any, request: RegisterMultisig, *, confirmations: int = 1) -> Hex:
    """An owner has proposed the message; the key it is known by."""
    digest = digest_of(request)
    known_by = Hex(safe_message_hash(safe_domain_separator(request.user, CHAIN_ID), digest))
    world.safes.hashes[(request.user, digest)] = known_by
    world.safes.messages[known_by] = SafeMessage(
        safe=request.user, confirmations=confirmations, prepared_signature="0xab"
    )
    world.safes.thresholds[request.user] = 2
    return known_by


def confirmed(world: Any, request: RegisterMultisig) -> None:
    proposed(world, request, confirmations=2)
    world.wallet_answer = True


async def register(world: Any, request: RegisterMultisig) -> None:
    await world.caller.ask(REGISTER_MULTISIG, request)


async def approve(world: Any) -> None:
    await world.caller.ask(APPROVE_MULTISIGS, Nothing())


async def pending(world: Any, kind: str, safe: Address = SAFE) -> PendingMultisig:
    return await world.caller.ask(PENDING_MULTISIG, OfUserType(safe, kind))


async def statuses(world: Any) -> list[tuple[str, str]]:
    return [(e.type, e.status) for e in await world.events(MultisigChanged)]


async def rows(world: Any) -> list[dict[str, Any]]:
    async with world.database.engine.connect() as connection:
        found = await connection.execute(text("SELECT * FROM multisig_requests ORDER BY id"))
        return [dict(row._mapping) for row in found]


NOTHING = PendingMultisig(message=None, hash=None)
