"""SQL of the GLM claims."""

import msgspec
from octant_chassis.database import AsyncConnection
from octant_contracts.values import Address
from sqlalchemy import func, select, update

from octant_chain_sync.tables import epoch_zero_claims

QUEUED = "queued"


class Claim(msgspec.Struct, frozen=True):
    """Who is in the table may claim once."""

    is_claimed: bool


async def find(
    connection: AsyncConnection, address: Address, *, lock: bool = False
) -> Claim | None:
    query = select(epoch_zero_claims.c.status).where(epoch_zero_claims.c.address == address)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    return None if row is None else Claim(row.status is not None)


async def highest_nonce(connection: AsyncConnection, lock_key: int) -> int | None:
    """Of all claims so far; nobody else takes one until the end of the transaction."""
    await connection.execute(select(func.pg_advisory_xact_lock(lock_key)))
    highest: int | None = await connection.scalar(select(func.max(epoch_zero_claims.c.claim_nonce)))
    return highest


async def queue(connection: AsyncConnection, address: Address, nonce: int) -> None:
    await connection.execute(
        update(epoch_zero_claims)
        .where(epoch_zero_claims.c.address == address)
        .values(claim_nonce=nonce, status=QUEUED)
    )
