"""SQL of delegations."""

from collections.abc import Iterable

from octant_chassis.database import AsyncConnection
from octant_contracts.values import EpochNumber, Timestamp
from octant_protocol.messages import DelegationHashes
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from octant_allocations.private_tables import delegations


async def stored(
    connection: AsyncConnection, epoch: EpochNumber | None, hashes: Iterable[str]
) -> set[str]:
    """Those of the hashes that are stored in the epoch."""
    if epoch is None:
        return set()
    rows = await connection.scalars(
        select(delegations.c.hash).where(
            delegations.c.epoch == epoch, delegations.c.hash.in_(list(hashes))
        )
    )
    return set(rows)


async def add(
    connection: AsyncConnection, epoch: EpochNumber, hashes: DelegationHashes, now: Timestamp
) -> None:
    """IntegrityError when one of them is stored in the epoch."""
    await connection.execute(
        insert(delegations),
        [
            {"epoch": epoch, "hash": value, "role": role, "time": now}
            for role, value in (
                ("primary", hashes.primary),
                ("secondary", hashes.secondary),
                ("both", hashes.both),
            )
        ],
    )
