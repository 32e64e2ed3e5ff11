"""SQL of snapshots, budgets, rewards and leaves."""

from collections.abc import Sequence
from typing import Any

from octant_chassis.database import AddressColumn, Database, copy_rows
from octant_contracts.calls import BudgetRow, MerkleLeaf, ProjectRewardsRow
from octant_contracts.values import Address, Hex, Wei
from octant_protocol.finalization import Finalization
from sqlalchemy import Row, any_, bindparam, func, insert, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards import tables

LAST = 2**31 - 1  # the highest epoch or place a column holds; beyond it nothing exists


def _exists(epoch: int) -> bool:
    return 0 < epoch <= LAST


async def one_at_a_time(connection: AsyncConnection, database: Database) -> None:
    """Until the transaction ends nobody else takes a snapshot; the next one finds it taken."""
    await connection.execute(
        select(func.pg_advisory_xact_lock(database.lock_key("taking a snapshot")))
    )


async def settlement(connection: AsyncConnection, epoch: int) -> Row[Any] | None:
    t = tables.settlements
    return (await connection.execute(select(t).where(t.c.epoch == epoch))).first()


async def deposits(connection: AsyncConnection, epoch: int) -> list[tuple[Address, int]]:
    """(user, effective deposit) above zero."""
    t = tables.deposits
    rows = await connection.execute(
        select(*t.c["user", "effective_deposit"]).where(t.c.epoch == epoch)
    )
    return [(r.user, r.effective_deposit) for r in rows]


async def pending(connection: AsyncConnection, epoch: int) -> Row[Any] | None:
    t = tables.pending_snapshots
    if not _exists(epoch):
        return None
    return (await connection.execute(select(t).where(t.c.epoch == epoch))).first()


async def finalized(connection: AsyncConnection, epoch: int) -> Row[Any] | None:
    t = tables.finalized_snapshots
    if not _exists(epoch):
        return None
    return (await connection.execute(select(t).where(t.c.epoch == epoch))).first()


async def last_epochs(connection: AsyncConnection) -> tuple[int, int]:
    """Highest epochs with a pending and a finalized snapshot; 0 for none."""
    row = (
        await connection.execute(
            select(
                select(func.max(tables.pending_snapshots.c.epoch)).scalar_subquery(),
                select(func.max(tables.finalized_snapshots.c.epoch)).scalar_subquery(),
            )
        )
    ).one()
    return row[0] or 0, row[1] or 0


async def next_to_settle(connection: AsyncConnection) -> list[int]:
    """Settled epochs without a pending snapshot, ascending."""
    t = tables.settlements
    rows = await connection.execute(
        select(t.c.epoch)
        .where(t.c.epoch.not_in(select(tables.pending_snapshots.c.epoch)))
        .order_by(t.c.epoch)
    )
    return list(rows.scalars())


async def next_to_finalize(connection: AsyncConnection) -> list[int]:
    """Epochs with a pending snapshot and sealed allocations, not finalized, ascending."""
    t = tables.pending_snapshots
    rows = await connection.execute(
        select(t.c.epoch)
        .where(
            t.c.epoch.in_(select(tables.seals.c.epoch)),
            t.c.epoch.not_in(select(tables.finalized_snapshots.c.epoch)),
        )
        .order_by(t.c.epoch)
    )
    return list(rows.scalars())


async def add_pending(
    connection: AsyncConnection, values: dict[str, Any], budgets: Sequence[tuple[Address, int]]
) -> None:
    """The snapshot's row and its budgets, given in their final order."""
    await connection.execute(insert(tables.pending_snapshots).values(values))
    await copy_rows(
        connection,
        tables.budgets,
        ("epoch", "user", "position", "amount"),
        (
            (values["epoch"], bytes(user), position, amount)
            for position, (user, amount) in enumerate(budgets)
        ),
    )


async def add_finalized(
    connection: AsyncConnection, values: dict[str, Any], result: Finalization
) -> None:
    """The snapshot's row, everybody's rewards, and the leaves of the tree in order."""
    epoch = values["epoch"]
    await connection.execute(insert(tables.finalized_snapshots).values(values))
    await copy_rows(
        connection,
        tables.rewards,
        ("epoch", "address", "of_project", "amount", "matched"),
        [(epoch, bytes(user), False, amount, None) for user, amount in result.claims.items()]
        + [
            (epoch, bytes(p.project), True, p.allocated + p.matched, p.matched)
            for p in result.rewarded
        ],
    )
    await copy_rows(
        connection,
        tables.leaves,
        ("epoch", "position", "address", "amount"),
        (
            (epoch, position, bytes(address), amount)
            for position, (address, amount) in enumerate(result.leaves)
        ),
    )


async def budget(connection: AsyncConnection, user: Address, epoch: int) -> int | None:
    t = tables.budgets
    if not _exists(epoch):
        return None
    found: int | None = await connection.scalar(
        select(t.c.amount).where(t.c.epoch == epoch, t.c.user == user)
    )
    return found


async def budgets(
    connection: AsyncConnection, epoch: int, first: int = 0, limit: int | None = None
) -> list[BudgetRow]:
    """Budgets in address order from place `first`."""
    t = tables.budgets
    if not _exists(epoch):
        return []
    rows = await connection.execute(
        select(*t.c["user", "amount"])
        .where(t.c.epoch == epoch, t.c.position >= min(first, LAST))
        .order_by(t.c.position)
        .limit(limit)
    )
    return [BudgetRow(r.user, Wei(r.amount)) for r in rows]


async def budgets_of_participants(
    connection: AsyncConnection, epoch: int, patrons: Sequence[Address]
) -> dict[bytes, int]:
    """Budgets of those whose budgets count in a finalization: who allocated, and patrons."""
    t, a = tables.budgets, tables.allocations
    if not _exists(epoch):
        return {}
    donors = select(a.c.user).where(a.c.epoch == epoch)
    given = bindparam("patrons", list(patrons), ARRAY(AddressColumn))
    rows = await connection.execute(
        select(*t.c["user", "amount"]).where(
            t.c.epoch == epoch, or_(t.c.user.in_(donors), t.c.user == any_(given))
        )
    )
    return {bytes(r.user): r.amount for r in rows}


async def project_rewards(connection: AsyncConnection, epoch: int) -> list[ProjectRewardsRow]:
    """Finalized rewards of projects in EIP-55 code-point order."""
    t = tables.rewards
    if not _exists(epoch):
        return []
    rows = await connection.execute(
        select(*t.c["address", "amount", "matched"]).where(t.c.epoch == epoch, t.c.of_project)
    )
    found = [ProjectRewardsRow(r.address, Wei(r.amount - r.matched), Wei(r.matched)) for r in rows]
    return sorted(found, key=lambda row: row.address.text)


async def leaves(
    connection: AsyncConnection, epoch: int, first: int = 0, limit: int | None = None
) -> list[MerkleLeaf]:
    """Leaves in address order from place `first`."""
    t = tables.leaves
    rows = await connection.execute(
        select(*t.c["address", "amount"])
        .where(t.c.epoch == epoch, t.c.position >= min(first, LAST))
        .order_by(t.c.position)
        .limit(limit)
    )
    return [MerkleLeaf(r.address, Wei(r.amount)) for r in rows]


async def rewards_sum(connection: AsyncConnection, epoch: int) -> int:
    t = tables.leaves
    return int(await connection.scalar(select(func.sum(t.c.amount)).where(t.c.epoch == epoch)) or 0)


async def leaves_of(
    connection: AsyncConnection, address: Address, after_epoch: int
) -> list[tuple[int, int, int, Hex]]:
    """(epoch, position, wei, our root) of an address in epochs above `after_epoch`, ascending."""
    t, f = tables.leaves, tables.finalized_snapshots
    rows = await connection.execute(
        select(*t.c["epoch", "position", "amount"], f.c.merkle_root)
        .join(f, f.c.epoch == t.c.epoch)
        .where(t.c.address == address, t.c.epoch > after_epoch)
        .order_by(t.c.epoch)
    )
    return [(r.epoch, r.position, r.amount, r.merkle_root) for r in rows]
