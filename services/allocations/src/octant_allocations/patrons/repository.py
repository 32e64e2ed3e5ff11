"""SQL of patron mode."""

from collections.abc import Sequence

from octant_chassis.database import AddressColumn, AsyncConnection
from octant_contracts.values import Address, EpochNumber, Timestamp
from sqlalchemy import ARRAY, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from octant_allocations.tables import budgets, patron_events


async def is_enabled(connection: AsyncConnection, user: Address) -> bool:
    """By the user's latest event; false without one."""
    enabled = await connection.scalar(
        select(patron_events.c.enabled)
        .where(patron_events.c.user == user)
        .order_by(patron_events.c.sequence.desc())
        .limit(1)
    )
    return bool(enabled)


async def latest_time(connection: AsyncConnection, user: Address) -> int:
    """Of the user's events; 0 without one."""
    time = func.max(patron_events.c.time)
    return await connection.scalar(select(time).where(patron_events.c.user == user)) or 0


async def with_budget(
    connection: AsyncConnection, epoch: EpochNumber, users: Sequence[Address]
) -> list[Address]:
    """Those of the users whose budget of the epoch is above zero."""
    given = bindparam("given", list(users), type_=ARRAY(AddressColumn))
    rows = await connection.scalars(
        select(budgets.c.user).where(
            budgets.c.epoch == epoch, budgets.c.user == any_(given), budgets.c.budget > 0
        )
    )
    return list(rows)


async def insert_event(
    connection: AsyncConnection,
    sequence: int,
    user: Address,
    *,
    enabled: bool,
    time: Timestamp,
    revoked_epoch: EpochNumber | None,
) -> None:
    await connection.execute(
        insert(patron_events).values(
            sequence=sequence, user=user, enabled=enabled, time=time, revoked_epoch=revoked_epoch
        )
    )
