"""Seals: when an epoch's last block is final, announce how many facts it had, and their digest."""

from octant_chassis.database import Database
from octant_chassis.outbox import append
from octant_contracts.events import FactsSealed
from octant_contracts.seals import facts_digest
from octant_contracts.values import BlockRef
from octant_protocol.calendar import EpochBounds, EpochProps, bounds

from octant_chain_sync.indexer.repository import read_head, read_props
from octant_chain_sync.node import ChainMoved, Header, Node
from octant_chain_sync.seals import repository


async def seal_due(database: Database, node: Node, start_block: int) -> None:
    """Seals every epoch that ended at or before the final block's time, in order, once each."""
    async with database.reading() as connection:
        head = await read_head(connection)
        props = list((await read_props(connection)).values())
        epoch = await repository.last_sealed(connection) + 1
    if head is None or not _covers(props) or bounds(props, epoch).end > head.block.timestamp:
        return
    final = head.block
    if head.final_block != head.block.number:
        final = (await _header(node, head.final_block)).ref
    while (epoch_bounds := bounds(props, epoch)).end <= final.timestamp:
        to_block = await _last_block_before(database, node, epoch_bounds.end, start_block)
        await _seal(database, epoch_bounds, to_block, final.number)
        epoch += 1


def _covers(props: list[EpochProps]) -> bool:
    return any(p.index == 0 for p in props)


async def _seal(database: Database, of: EpochBounds, to_block: BlockRef, sealed_at: int) -> None:
    async with database.transaction("seal") as connection:
        facts = await repository.deposit_facts_between(connection, of.start, of.end)
        digest = facts_digest(facts)
        await repository.add(
            connection,
            epoch=of.epoch,
            to_block=to_block,
            sealed_at=sealed_at,
            count=len(facts),
            digest=digest,
        )
        sealed = FactsSealed(
            epoch=of.epoch,
            start=of.start,
            end=of.end,
            to_block=to_block,
            count=len(facts),
            digest=digest,
        )
        await append(connection, sealed)


async def _last_block_before(
    database: Database, node: Node, end: int, start_block: int
) -> BlockRef:
    """The last block with a timestamp below `end`, searched between two blocks of ours.

    A fresh index and one that followed the head find the same block. When the chain itself is
    younger than `end`, its first indexed block.
    """
    async with database.reading() as connection:
        low = await repository.newest_before(connection, end)
        high = await repository.oldest_from(connection, end)
    if low is None:
        low = max(start_block - 1, 0)
    if high is None:
        raise ChainMoved("the blocks after the epoch's end are not indexed")
    while high - low > 1:
        middle = (low + high) // 2
        if (await _header(node, middle)).timestamp < end:
            low = middle
        else:
            high = middle
    return (await _header(node, low)).ref


async def _header(node: Node, number: int) -> Header:
    found = (await node.headers([number])).get(number)
    if found is None:
        raise ChainMoved(f"the node does not know block {number}")
    return found
