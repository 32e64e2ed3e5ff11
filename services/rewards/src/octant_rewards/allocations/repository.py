"""SQL of live allocations, patrons and seals, as the allocations service announced them."""

from decimal import Decimal

from octant_chassis.database import AddressColumn, WeiColumn
from octant_contracts.events import Allocated, AllocationsSealed, PatronModeSet
from octant_contracts.values import Address
from octant_protocol.funding import AllocationRow
from sqlalchemy import (
    BigInteger,
    Integer,
    Select,
    Text,
    bindparam,
    delete,
    func,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards import tables

T = tables.allocations


def _replace() -> Select[int]:
    epoch = bindparam("given_epoch", type_=Integer)
    user = bindparam("given_user", type_=AddressColumn)
    old = delete(T).where(T.c.epoch == epoch, T.c.user == user).cte("old")
    items = (
        func.unnest(
            bindparam("given_projects", type_=ARRAY(AddressColumn)),
            bindparam("given_amounts", type_=ARRAY(WeiColumn)),
        )
        .table_valued("project", "amount", with_ordinality="position")
        .render_derived()
    )
    sequence = bindparam("given_sequence", type_=BigInteger)
    uq = bindparam("given_uq", type_=Text)
    nonce = bindparam("given_nonce", type_=BigInteger)
    new = (
        insert(T)
        .from_select(
            ["epoch", "sequence", "place", "user", "project", "amount", "uq", "nonce"],
            select(
                epoch, sequence, items.c.position - 1, user, items.c.project, items.c.amount,
                uq, nonce,
            ),
        )
        .cte("new")
    )  # fmt: skip
    return select(literal(1)).add_cte(old, new)


_REPLACE = _replace()


async def replace(connection: AsyncConnection, event: Allocated) -> None:
    """The user's whole new set for the epoch."""
    await connection.execute(
        _REPLACE,
        {
            "given_epoch": event.epoch,
            "given_user": event.user,
            "given_sequence": event.sequence,
            "given_uq": f"{event.uniqueness_quotient:f}",
            "given_nonce": event.nonce,
            "given_projects": [item.project for item in event.allocations],
            "given_amounts": [item.amount for item in event.allocations],
        },
    )


async def revoke(connection: AsyncConnection, epoch: int, user: Address) -> None:
    await connection.execute(delete(T).where(T.c.epoch == epoch, T.c.user == user))


async def set_uq(connection: AsyncConnection, epoch: int, user: Address, score: Decimal) -> bool:
    """True when the user has live rows to weigh."""
    result = await connection.execute(
        update(T).where(T.c.epoch == epoch, T.c.user == user).values(uq=f"{score:f}")
    )
    return result.rowcount > 0


async def last_sequence(connection: AsyncConnection, epoch: int) -> int:
    """The highest sequence applied that can have changed the epoch's estimate; 0 for none."""
    allocated = select(func.max(T.c.sequence)).where(T.c.epoch == epoch).scalar_subquery()
    switched = select(func.max(tables.patron_events.c.sequence)).scalar_subquery()
    return await connection.scalar(select(func.greatest(allocated, switched))) or 0


async def count_changes(connection: AsyncConnection, epoch: int) -> int:
    """A number that every change of the epoch's live rows or of a patron counts up."""
    revision = (
        select(tables.fundings.c.revision).where(tables.fundings.c.epoch == epoch).scalar_subquery()
    )
    switches = select(func.count()).select_from(tables.patron_events).scalar_subquery()
    return int(await connection.scalar(select(func.coalesce(revision, 0) + switches)) or 0)


async def add_patron_event(connection: AsyncConnection, event: PatronModeSet) -> None:
    await connection.execute(
        insert(tables.patron_events).values(
            sequence=event.sequence, user=event.user, enabled=event.enabled, time=event.time
        )
    )


async def sealable(
    connection: AsyncConnection, epoch: int
) -> list[tuple[int, Address, Address, int, Decimal, int]]:
    """Rows of the seal's digest: (sequence, user, project, wei, UQ, nonce), in order."""
    rows = await connection.execute(
        select(T).where(T.c.epoch == epoch).order_by(T.c.sequence, T.c.place)
    )
    return [(r.sequence, r.user, r.project, r.amount, Decimal(r.uq), r.nonce) for r in rows]


async def live_rows(connection: AsyncConnection, epoch: int) -> list[AllocationRow]:
    """Live allocations in summation order."""
    rows = await connection.execute(
        select(*T.c["project", "amount", "uq", "user"])
        .where(T.c.epoch == epoch)
        .order_by(T.c.sequence, T.c.place)
    )
    quotients: dict[str, Decimal] = {}
    return [
        AllocationRow(r.project, r.amount, quotients.setdefault(r.uq, Decimal(r.uq)), bytes(r.user))
        for r in rows
    ]


async def sum_of_user(connection: AsyncConnection, epoch: int, user: Address) -> int | None:
    """Σ of the user's live rows; None without a row (a row of 0 counts)."""
    found: int | None = await connection.scalar(
        select(func.sum(T.c.amount)).where(T.c.epoch == epoch, T.c.user == user)
    )
    return None if found is None else int(found)


def patrons(instant: int, last_sequence: int | None) -> Select[tuple[Address]]:
    """Users whose latest event (by time, then sequence) up to `instant` enables.

    `last_sequence` bounds the events of a sealed epoch.
    """
    P = tables.patron_events  # noqa: N806 - a table
    latest = (
        select(*P.c["user", "enabled"])
        .where(P.c.time <= instant)
        .ext(distinct_on(P.c.user))
        .order_by(P.c.user, P.c.time.desc(), P.c.sequence.desc())
    )
    if last_sequence is not None:
        latest = latest.where(P.c.sequence <= last_sequence)
    newest = latest.subquery()
    return select(newest.c.user).where(newest.c.enabled)


async def patrons_at(
    connection: AsyncConnection, instant: int, last_sequence: int | None
) -> list[Address]:
    """`patrons`, by address."""
    users = patrons(instant, last_sequence).subquery()
    return list((await connection.execute(select(users.c.user).order_by(users.c.user))).scalars())


async def add_seal(connection: AsyncConnection, event: AllocationsSealed) -> None:
    await connection.execute(
        insert(tables.seals).values(
            epoch=event.epoch,
            last_sequence=event.last_sequence,
            count=event.count,
            digest=event.digest,
            patrons_count=event.patrons_count,
            patrons_digest=event.patrons_digest,
        )
    )


async def seal(connection: AsyncConnection, epoch: int) -> AllocationsSealed | None:
    row = (
        await connection.execute(select(tables.seals).where(tables.seals.c.epoch == epoch))
    ).first()
    return None if row is None else AllocationsSealed(**row._mapping)
