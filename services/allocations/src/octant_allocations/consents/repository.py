"""SQL of consents to the terms of service, and of who is a known user."""

from datetime import timedelta

from octant_chassis.database import AsyncConnection
from octant_contracts.values import Address, EpochNumber, Hex, Timestamp
from sqlalchemy import and_, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from octant_allocations.private_tables import consents
from octant_allocations.tables import budgets, snapshots


async def is_given(connection: AsyncConnection, user: Address) -> bool:
    return bool(await connection.scalar(select(exists().where(consents.c.user == user))))


async def add(
    connection: AsyncConnection, user: Address, ip: str, text_hash: Hex, time: Timestamp
) -> None:
    await connection.execute(
        insert(consents).values(user=user, ip=ip, text_hash=text_hash, time=time)
    )


async def forget_ips(connection: AsyncConnection, older_than_days: float) -> int:
    """How many there were."""
    oldest = func.now() - timedelta(days=older_than_days)
    result = await connection.execute(
        update(consents)
        .where(consents.c.ip.is_not(None), consents.c.accepted_at < oldest)
        .values(ip=None)
    )
    return result.rowcount


async def has_budget_or_consent(connection: AsyncConnection, user: Address) -> bool:
    budget = and_(budgets.c.epoch == snapshots.c.epoch, budgets.c.user == user)
    has_budget = exists().select_from(snapshots.join(budgets, budget))
    consented = exists().where(consents.c.user == user)
    return bool(await connection.scalar(select(consented | has_budget)))


async def last_snapshot(connection: AsyncConnection) -> EpochNumber:
    """The newest epoch with budgets, 0 without one."""
    return await connection.scalar(select(func.max(snapshots.c.epoch))) or 0
