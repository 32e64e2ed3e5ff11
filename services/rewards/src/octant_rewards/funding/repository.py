"""SQL of the funding sums: per project what its live allocations add up to."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from octant_chassis.database import AddressColumn, WeiColumn
from octant_contracts.values import Address
from octant_protocol.funding import ProjectSum
from octant_protocol.live_funding import LiveFunding
from octant_protocol.running_sum import Key
from sqlalchemy import (
    BigInteger,
    Integer,
    Numeric,
    Select,
    any_,
    bindparam,
    delete,
    func,
    literal,
    select,
)
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


def _write_sums() -> Select[int]:
    epoch = bindparam("given_epoch", type_=Integer)
    gone = (
        delete(S)
        .where(
            S.c.epoch == epoch,
            S.c.project == any_(bindparam("gone", type_=ARRAY(AddressColumn))),
        )
        .cte("gone_sums")
    )
    names = ("project", "first_sequence", "first_place", "roots", "amount")
    kinds = (AddressColumn, BigInteger, Integer, Numeric, WeiColumn)
    given = func.unnest(
        *(
            bindparam(f"given_{name}", type_=ARRAY(kind))
            for name, kind in zip(names, kinds, strict=True)
        )
    )
    rows = given.table_valued(*names).render_derived()
    upsert = insert(S).from_select(["epoch", *names], select(epoch, *(rows.c[n] for n in names)))
    written = upsert.on_conflict_do_update(
        index_elements=["epoch", "project"], set_={n: upsert.excluded[n] for n in names[1:]}
    ).cte("written_sums")
    return select(literal(1)).add_cte(gone, written)


_WRITE_SUMS = _write_sums()


async def write_sums(
    connection: AsyncConnection, epoch: int, changed: Mapping[bytes, tuple[Key, ProjectSum] | None]
) -> None:
    """Stores what changed; None: the project has no rows any more."""
    known = [found for found in changed.values() if found is not None]
    await connection.execute(
        _WRITE_SUMS,
        {
            "given_epoch": epoch,
            "gone": [Address(project) for project, found in changed.items() if found is None],
            "given_project": [Address(sums.project) for _, sums in known],
            "given_first_sequence": [key[0] for key, _ in known],
            "given_first_place": [key[1] for key, _ in known],
            "given_roots": [sums.roots for _, sums in known],
            "given_amount": [int(sums.amount) for _, sums in known],
        },
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
