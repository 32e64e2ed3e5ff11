"""SQL of the chain's facts that rewards needs: head, calendar, projects, roots, withdrawals."""

from octant_contracts.events import EpochPropsSet, MerkleRootSet, ProjectsSet, Withdrawn
from octant_contracts.values import Address, BlockRef, Hex
from octant_protocol.calendar import EpochProps
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards import tables


async def set_head(connection: AsyncConnection, block: BlockRef, final_block: int | None) -> None:
    """`final_block` None keeps the known one (it never goes back)."""
    values = {"number": block.number, "hash": block.hash, "timestamp": block.timestamp}
    update = values if final_block is None else {**values, "final_block": final_block}
    await connection.execute(
        insert(tables.head)
        .values(id=1, **values, final_block=final_block or 0)
        .on_conflict_do_update(index_elements=["id"], set_=update)
    )


async def head(connection: AsyncConnection) -> BlockRef | None:
    row = (await connection.execute(select(tables.head))).first()
    return (
        None if row is None else BlockRef(number=row.number, hash=row.hash, timestamp=row.timestamp)
    )


async def final_block(connection: AsyncConnection) -> int:
    """The newest block that no reorganisation reaches; 0 while none is known."""
    return await connection.scalar(select(tables.head.c.final_block)) or 0


async def set_props(connection: AsyncConnection, event: EpochPropsSet) -> None:
    """An open-ended entry is the last: what a reorganisation left above it goes."""
    if event.to_epoch == 0:
        higher = tables.epoch_props.c.index > event.index
        await connection.execute(delete(tables.epoch_props).where(higher))
    values = {
        "from_epoch": event.from_epoch,
        "to_epoch": event.to_epoch,
        "from_ts": event.from_ts,
        "duration": event.duration,
        "decision_window": event.decision_window,
    }
    await connection.execute(
        insert(tables.epoch_props)
        .values(index=event.index, **values)
        .on_conflict_do_update(index_elements=["index"], set_=values)
    )


async def props(connection: AsyncConnection) -> list[EpochProps]:
    rows = await connection.execute(select(tables.epoch_props).order_by(tables.epoch_props.c.index))
    return [EpochProps(*row) for row in rows]


async def set_projects(connection: AsyncConnection, event: ProjectsSet) -> None:
    await connection.execute(delete(tables.projects).where(tables.projects.c.epoch == event.epoch))
    if event.projects:
        await connection.execute(
            insert(tables.projects),
            [
                {"epoch": event.epoch, "position": i, "address": project}
                for i, project in enumerate(event.projects)
            ],
        )


async def projects(connection: AsyncConnection, epoch: int) -> list[Address]:
    """The epoch's list in contract order."""
    rows = await connection.execute(
        select(tables.projects.c.address)
        .where(tables.projects.c.epoch == epoch)
        .order_by(tables.projects.c.position)
    )
    return list(rows.scalars())


async def add_root(connection: AsyncConnection, event: MerkleRootSet) -> None:
    await connection.execute(
        insert(tables.merkle_roots)
        .values(epoch=event.epoch, root=event.root, block_number=event.block.number)
        .on_conflict_do_nothing()
    )


async def roots(connection: AsyncConnection) -> dict[int, Hex]:
    """Roots on chain by epoch."""
    rows = await connection.execute(select(*tables.merkle_roots.c["epoch", "root"]))
    return {row.epoch: row.root for row in rows}


async def add_withdrawn(connection: AsyncConnection, event: Withdrawn) -> None:
    await connection.execute(
        insert(tables.withdrawn)
        .values(
            block_number=event.block.number,
            log_index=event.log_index,
            user=event.user,
            epoch=event.epoch,
            amount=event.amount,
        )
        .on_conflict_do_nothing()
    )


async def last_claimed_epoch(connection: AsyncConnection, user: Address) -> int:
    """As the Vault's `lastClaimedEpoch`; 0 before the first claim."""
    return (
        await connection.scalar(
            select(func.max(tables.withdrawn.c.epoch)).where(tables.withdrawn.c.user == user)
        )
        or 0
    )


async def revert(connection: AsyncConnection, to_block: BlockRef) -> None:
    """Facts above `to_block` never happened."""
    for table in (tables.merkle_roots, tables.withdrawn):
        await connection.execute(delete(table).where(table.c.block_number > to_block.number))
    await set_head(connection, to_block, None)
