"""SQL of the seals."""

from collections.abc import Sequence

from octant_contracts.values import Address, BlockRef
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_chain_sync.tables import blocks, deposit_facts, seals


async def last_sealed(connection: AsyncConnection) -> int:
    """0 before the first seal."""
    return await connection.scalar(select(func.max(seals.c.epoch))) or 0


async def newest_before(connection: AsyncConnection, time: int) -> int | None:
    """Number of our newest block with a timestamp below `time`."""
    query = select(func.max(blocks.c.number)).where(blocks.c.timestamp < time)
    number: int | None = await connection.scalar(query)
    return number


async def oldest_from(connection: AsyncConnection, time: int) -> int | None:
    """Number of our oldest block with a timestamp of `time` or later."""
    query = select(func.min(blocks.c.number)).where(blocks.c.timestamp >= time)
    number: int | None = await connection.scalar(query)
    return number


async def deposit_facts_between(
    connection: AsyncConnection, start: int, end: int
) -> Sequence[tuple[int, int, str, Address, int, int]]:
    """(block, log index, kind, user, wei, time) with start ≤ time < end, in chain order."""
    f = deposit_facts.c
    rows = await connection.execute(
        select(f.block_number, f.log_index, f.kind, f.user, f.amount, f.timestamp)
        .where(f.timestamp >= start, f.timestamp < end)
        .order_by(f.block_number, f.log_index)
    )
    return [tuple(row) for row in rows]


async def add(
    connection: AsyncConnection,
    *,
    epoch: int,
    to_block: BlockRef,
    sealed_at: int,
    count: int,
    digest: str,
) -> None:
    await connection.execute(
        insert(seals).values(
            epoch=epoch, to_block=to_block.number, sealed_at=sealed_at, count=count, digest=digest
        )
    )
