"""SQL of the indexed head and the projects."""

from collections.abc import Sequence

from octant_chassis.database import AsyncConnection
from octant_contracts.values import Address, BlockRef, EpochNumber, Timestamp
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert

from octant_allocations.tables import epochs, head, projects


async def set_head(connection: AsyncConnection, block: BlockRef, final_block: int | None) -> None:
    """`final_block` None leaves it as it is."""
    values = {"number": block.number, "hash": block.hash, "timestamp": block.timestamp}
    changes = values if final_block is None else {**values, "final_block": final_block}
    await connection.execute(
        insert(head)
        .values(id=1, final_block=final_block or 0, **values)
        .on_conflict_do_update(index_elements=["id"], set_=changes)
    )


async def head_timestamp(connection: AsyncConnection) -> Timestamp | None:
    """None before the first block."""
    return await connection.scalar(select(head.c.timestamp))


async def status(connection: AsyncConnection) -> tuple[int, Timestamp, EpochNumber]:
    """Head number, head timestamp, current epoch there; zeros before they are known."""
    # After a reorganisation an epoch that was announced may begin after the head.
    current = select(func.max(epochs.c.epoch)).join(head, epochs.c.start_at <= head.c.timestamp)
    row = (
        await connection.execute(
            select(
                func.coalesce(select(head.c.number).scalar_subquery(), 0),
                func.coalesce(select(head.c.timestamp).scalar_subquery(), 0),
                func.coalesce(current.scalar_subquery(), 0),
            )
        )
    ).one()
    return row[0], row[1], row[2]


async def replace_projects(
    connection: AsyncConnection, epoch: EpochNumber, addresses: Sequence[Address]
) -> None:
    await connection.execute(delete(projects).where(projects.c.epoch == epoch))
    if addresses:
        await connection.execute(
            insert(projects),
            [
                {"epoch": epoch, "position": position, "address": address}
                for position, address in enumerate(addresses)
            ],
        )
