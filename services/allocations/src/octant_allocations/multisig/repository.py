"""SQL of multisig requests. Waiting and leasing go by wall clock."""

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Literal

import msgspec
from octant_chassis.database import AsyncConnection
from octant_contracts.calls import PendingMultisig
from octant_contracts.events import MultisigType
from octant_contracts.values import Address, EpochNumber, Hex
from sqlalchemy import BigInteger, cast, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from octant_allocations.private_tables import multisig_requests as requests

Outcome = Literal["approved", "rejected", "failed"]
LEASE = timedelta(seconds=60)
_COLUMNS = (
    requests.c.id,
    requests.c.user,
    requests.c.type,
    requests.c.epoch,
    requests.c.message,
    requests.c.digest,
    requests.c.message_hash,
    requests.c.ip,
    requests.c.failures,
)


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A request that waits for its owners' signatures; `age` in seconds."""

    id: int
    user: Address
    type: MultisigType
    epoch: EpochNumber | None
    message: str
    digest: Hex
    message_hash: Hex
    ip: str | None
    failures: int
    age: int


async def newest(connection: AsyncConnection, user: Address, kind: MultisigType) -> PendingMultisig:
    row = (
        await connection.execute(
            select(requests.c.message, requests.c.digest)
            .where(requests.c.user == user, requests.c.type == kind, requests.c.status == "pending")
            .order_by(requests.c.id.desc())
            .limit(1)
        )
    ).one_or_none()
    if row is None:
        return PendingMultisig(message=None, hash=None)
    return PendingMultisig(message=row.message, hash=row.digest)


async def add(
    connection: AsyncConnection,
    user: Address,
    kind: MultisigType,
    *,
    epoch: EpochNumber | None,
    message: str,
    digest: Hex,
    message_hash: Hex,
    ip: str,
) -> None:
    """It takes the place of what was pending of the user and the type."""
    await connection.execute(
        update(requests)
        .where(requests.c.user == user, requests.c.type == kind, requests.c.status == "pending")
        .values(status="superseded", ip=null())
    )
    await connection.execute(
        insert(requests).values(
            user=user,
            type=kind,
            epoch=epoch,
            message=message,
            digest=digest,
            message_hash=message_hash,
            ip=ip,
        )
    )


async def lease(
    connection: AsyncConnection, *, also_not_due: bool, not_these: Collection[int]
) -> Pending | None:
    """The next request nobody works on, terms before allocations, oldest first; now it is ours."""
    free = or_(requests.c.leased_until.is_(None), requests.c.leased_until < func.now())
    chosen = select(requests.c.id).where(
        requests.c.status == "pending", free, requests.c.id.not_in(list(not_these))
    )
    if not also_not_due:
        chosen = chosen.where(requests.c.due_at <= func.now())
    chosen = (
        chosen.order_by(requests.c.type == "allocation", requests.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    age = cast(func.extract("epoch", func.now() - requests.c.created_at), BigInteger)
    row: Any = (
        await connection.execute(
            update(requests)
            .where(requests.c.id == chosen.scalar_subquery())
            .values(leased_until=func.now() + LEASE)
            .returning(*_COLUMNS, age.label("age"))
        )
    ).one_or_none()
    return None if row is None else Pending(**row._mapping)


async def postpone(
    connection: AsyncConnection, request: int, seconds: float, *, failed: bool
) -> None:
    """Gives the lease back; the request is due again after `seconds`."""
    await connection.execute(
        update(requests)
        .where(requests.c.id == request, requests.c.status == "pending")
        .values(
            leased_until=null(),
            due_at=func.now() + timedelta(seconds=seconds),
            failures=requests.c.failures + 1 if failed else 0,
        )
    )


async def finish(
    connection: AsyncConnection,
    request: int,
    status: Outcome,
    signature: str | None,
) -> bool:
    """False when somebody else has ended it before. The IP address is of no more use then."""
    result = await connection.execute(
        update(requests)
        .where(requests.c.id == request, requests.c.status == "pending")
        .values(status=status, confirmed_signature=signature, ip=null(), leased_until=null())
    )
    return bool(result.rowcount)
