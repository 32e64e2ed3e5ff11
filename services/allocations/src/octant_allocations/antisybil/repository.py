"""SQL of antisybil records."""

from typing import Any

import msgspec
from octant_chassis.database import AsyncConnection
from octant_contracts.values import Address, EpochNumber, Timestamp
from sqlalchemy import BigInteger, ColumnElement, Select, cast, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from octant_allocations.antisybil.model import Record, Stamp
from octant_allocations.private_tables import antisybil_records as records

KEPT = 10  # records of a user; the newest is the one that counts

_stamps = msgspec.json.Decoder(list[Stamp])


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A stored record, how old it is in seconds, and whether a newer one could not be had."""

    record: Record
    age: int
    refresh_failed: bool


def newest(user: Any, epoch: ColumnElement[int] | EpochNumber | None) -> Select[Any]:
    """The row that counts for the user in an epoch: what was given in other epochs does not."""
    counts: ColumnElement[bool] = records.c.delegated_epoch.is_(None)
    if epoch is not None:
        counts = or_(counts, records.c.delegated_epoch == epoch)
    return (
        select(records).where(records.c.user == user, counts).order_by(records.c.id.desc()).limit(1)
    )


def record_of(row: Any) -> Record:
    """From a row's score, stamps and expires_at."""
    return Record(score=row.score, stamps=_stamps.decode(row.stamps), expires_at=row.expires_at)


async def kept(
    connection: AsyncConnection, user: Address, epoch: EpochNumber | None
) -> Kept | None:
    found = newest(user, epoch).subquery()
    age = func.extract("epoch", func.now() - found.c.refreshed_at)
    row = (
        await connection.execute(select(found, cast(age, BigInteger).label("age")))
    ).one_or_none()
    if row is None:
        return None
    return Kept(record=record_of(row), age=row.age, refresh_failed=row.refresh_failed)


async def add(
    connection: AsyncConnection,
    user: Address,
    record: Record,
    now: Timestamp,
    delegated_epoch: EpochNumber | None = None,
) -> None:
    """The newest record of the user; old ones go."""
    await connection.execute(
        insert(records).values(
            user=user,
            score=record.score,
            expires_at=record.expires_at,
            stamps=msgspec.json.encode(record.stamps).decode(),
            delegated_epoch=delegated_epoch,
            time=now,
        )
    )
    of_user = select(records.c.id).where(records.c.user == user).order_by(records.c.id.desc())
    await connection.execute(
        delete(records).where(records.c.id.in_(of_user.offset(KEPT).scalar_subquery()))
    )


async def note_failure(connection: AsyncConnection, user: Address) -> None:
    """The newest record could not be replaced by a newer one."""
    last = select(func.max(records.c.id)).where(records.c.user == user).scalar_subquery()
    await connection.execute(
        update(records).where(records.c.id == last).values(refresh_failed=True)
    )
