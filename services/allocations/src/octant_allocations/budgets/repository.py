"""SQL of snapshots and budgets."""

from collections.abc import Sequence

from octant_chassis.database import AddressColumn, AsyncConnection, WeiColumn
from octant_contracts.calls import BudgetRow
from octant_contracts.values import EpochNumber
from sqlalchemy import ARRAY, bindparam, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from octant_allocations.tables import budgets, snapshots, users


async def insert_snapshot(
    connection: AsyncConnection, epoch: EpochNumber, count: int, digest: str
) -> None:
    await connection.execute(
        insert(snapshots).values(
            epoch=epoch, budgets_count=count, budgets_digest=digest, finalized=False
        )
    )


async def insert_budgets(
    connection: AsyncConnection, epoch: EpochNumber, rows: Sequence[BudgetRow]
) -> None:
    """Everybody with a budget becomes a user."""
    pairs = (
        func.unnest(
            bindparam("addresses", [row.address for row in rows], type_=ARRAY(AddressColumn)),
            bindparam("amounts", [row.amount for row in rows], type_=ARRAY(WeiColumn)),
        )
        .table_valued("address", "amount")
        .render_derived()
    )
    await connection.execute(
        insert(users)
        .from_select(["address"], select(pairs.c.address).order_by(pairs.c.address))
        .on_conflict_do_nothing()
    )
    await connection.execute(
        insert(budgets).from_select(
            ["epoch", "user", "budget"],
            select(literal(epoch), pairs.c.address, pairs.c.amount),
        )
    )


async def has_snapshot(connection: AsyncConnection, epoch: EpochNumber) -> bool:
    return bool(await connection.scalar(select(exists().where(snapshots.c.epoch == epoch))))


async def mark_finalized(connection: AsyncConnection, epoch: EpochNumber) -> bool:
    """False when the epoch has no pending snapshot here."""
    result = await connection.execute(
        update(snapshots).where(snapshots.c.epoch == epoch).values(finalized=True)
    )
    return bool(result.rowcount)
