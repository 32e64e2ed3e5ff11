"""SQL of the funding sums: per project what its live allocations add up to."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from octant_chassis.database import AddressColumn
from octant_contracts.values import Address
from octant_protocol.funding import ProjectSum
from octant_protocol.live_funding import LiveFunding
from octant_protocol.running_sum import Key
from sqlalchemy import any_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards import tables

A = tables.allocations
S = tables.funding_sums


async def next_revision(connection: AsyncConnection, epoch: int) -> int:
    """Counts the changes of the epoch's sums, from 1 on."""
    t = tables.fundings
    revision = await connection.scalar(
        insert(t)
        .values(epoch=epoch, revision=1)
        .on_conflict_do_update(index_elements=["epoch"], set_={"revision": t.c.revision + 1})
        .returning(t.c.revision)
    )
    return int(revision or 0)


async def load(
    connection: AsyncConnection,
    epoch: int,
    *,
    projects: Sequence[Address] | None = None,
    without: Address | None = None,
) -> LiveFunding:
    """From the live rows: all of them, or those of some projects without one user's."""
    query = select(*A.c["sequence", "place", "user", "project", "amount", "uq"]).where(
        A.c.epoch == epoch
    )
    if projects is not None:
        query = query.where(A.c.project.in_(projects))
    if without is not None:
        query = query.where(A.c.user != without)
    rows = await connection.execute(query.order_by(A.c.sequence, A.c.place))
    quotients: dict[str, Decimal] = {}
    return LiveFunding.of(
        (
            (r.sequence, r.place),
            bytes(r.user),
            bytes(r.project),
            r.amount,
            quotients.setdefault(r.uq, Decimal(r.uq)),
        )
        for r in rows
    )


async def projects_of(connection: AsyncConnection, epoch: int, user: Address) -> list[Address]:
    """Where the user's live rows go."""
    rows = await connection.execute(
        select(A.c.project).distinct().where(A.c.epoch == epoch, A.c.user == user)
    )
    return list(rows.scalars())


async def write_sums(
    connection: AsyncConnection, epoch: int, changed: Mapping[bytes, tuple[Key, ProjectSum] | None]
) -> None:
    """Stores what changed; None: the project has no rows any more."""
    gone = [Address(project) for project, known in changed.items() if known is None]
    if gone:
        projects = bindparam("gone", gone, ARRAY(AddressColumn))
        await connection.execute(delete(S).where(S.c.epoch == epoch, S.c.project == any_(projects)))
    rows = [
        {
            "epoch": epoch,
            "project": Address(known.project),
            "first_sequence": key[0],
            "first_place": key[1],
            "roots": known.roots,
            "amount": int(known.amount),
        }
        for key, known in filter(None, changed.values())
    ]
    if rows:
        statement = insert(S).values(rows)
        given = statement.excluded
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=["epoch", "project"],
                set_={
                    name: given[name]
                    for name in ("first_sequence", "first_place", "roots", "amount")
                },
            )
        )


async def sums(connection: AsyncConnection, epoch: int) -> list[ProjectSum]:
    """Projects with live rows, in order of their first ones."""
    return [known for _, known in await keyed_sums(connection, epoch)]


async def keyed_sums(
    connection: AsyncConnection, epoch: int, *, without: Sequence[Address] = ()
) -> list[tuple[Key, ProjectSum]]:
    """`sums` with the keys of the first rows, `without` some projects."""
    rows = await connection.execute(
        select(*S.c["project", "first_sequence", "first_place", "roots", "amount"])
        .where(S.c.epoch == epoch, S.c.project.not_in(without))
        .order_by(S.c.first_sequence, S.c.first_place)
    )
    return [
        (
            (r.first_sequence, r.first_place),
            ProjectSum(bytes(r.project), r.roots, Decimal(r.amount)),
        )
        for r in rows
    ]


async def total(connection: AsyncConnection, epoch: int) -> int:
    """Σ live allocations, wei."""
    return int(await connection.scalar(select(func.sum(S.c.amount)).where(S.c.epoch == epoch)) or 0)
