"""SQL of the indexed chain: head, blocks, facts, props and project lists."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from octant_contracts.events import Locked, MerkleRootSet, Unlocked, Withdrawn
from octant_contracts.values import BlockRef, Hex
from octant_protocol.calendar import EpochProps
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_chain_sync.contracts import Fact
from octant_chain_sync.indexer.model import ProjectList
from octant_chain_sync.node import Header
from octant_chain_sync.tables import (
    blocks,
    deposit_facts,
    epoch_props,
    head,
    merkle_roots,
    projects,
    seals,
    withdrawals,
)

FACT_TABLES = {
    Locked: deposit_facts,
    Unlocked: deposit_facts,
    Withdrawn: withdrawals,
    MerkleRootSet: merkle_roots,
}


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The last indexed block."""

    block: BlockRef
    final_block: int


async def read_head(connection: AsyncConnection, *, lock: bool = False) -> Head | None:
    query = select(head)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    if row is None:
        return None
    block = BlockRef(number=row.number, hash=row.hash, timestamp=row.timestamp)
    return Head(block=block, final_block=row.final_block)


async def write_head(connection: AsyncConnection, block: BlockRef, final_block: int) -> None:
    values = {
        "number": block.number,
        "hash": block.hash,
        "timestamp": block.timestamp,
        "final_block": final_block,
    }
    await connection.execute(
        insert(head)
        .values(id=1, **values)
        .on_conflict_do_update(index_elements=["id"], set_=values)
    )


async def notify(connection: AsyncConnection, channel: str) -> None:
    """Wakes the listeners of `channel` in all replicas, once this is committed."""
    await connection.execute(select(func.pg_notify(channel, "")))


async def known_hashes(
    connection: AsyncConnection, below: int, limit: int
) -> Sequence[tuple[int, Hex]]:
    """Numbers and hashes of our blocks under `below`, newest first."""
    rows = await connection.execute(
        select(blocks.c.number, blocks.c.hash)
        .where(blocks.c.number < below)
        .order_by(blocks.c.number.desc())
        .limit(limit)
    )
    return [(row.number, row.hash) for row in rows]


async def add_blocks(connection: AsyncConnection, headers: Iterable[Header]) -> None:
    rows = [msgspec.structs.asdict(h) for h in headers]
    if rows:
        await connection.execute(insert(blocks).on_conflict_do_nothing(), rows)


async def add_facts(connection: AsyncConnection, facts: Iterable[Fact]) -> None:
    by_table: dict[str, list[dict[str, Any]]] = {}
    for fact in facts:
        by_table.setdefault(FACT_TABLES[type(fact)].name, []).append(_row(fact))
    for table in (deposit_facts, withdrawals, merkle_roots):
        if rows := by_table.get(table.name):
            await connection.execute(insert(table), rows)


async def read_props(
    connection: AsyncConnection, up_to_block: int | None = None
) -> dict[int, EpochProps]:
    """Entries by index; of blocks up to `up_to_block` only, when given."""
    e = epoch_props.c
    query = select(e["index"], e.from_epoch, e.to_epoch, e.from_ts, e.duration, e.decision_window)
    if up_to_block is not None:
        query = query.where(e.block_number <= up_to_block)
    entries = (EpochProps(*row) for row in await connection.execute(query))
    return {entry.index: entry for entry in entries}


async def write_props(
    connection: AsyncConnection, entries: Iterable[EpochProps], block_number: int
) -> None:
    for entry in entries:
        values = {
            "from_epoch": entry.from_epoch,
            "to_epoch": entry.to_epoch,
            "from_ts": entry.from_ts,
            "duration": entry.duration,
            "decision_window": entry.decision_window,
            "block_number": block_number,
        }
        await connection.execute(
            insert(epoch_props)
            .values(index=entry.index, **values)
            .on_conflict_do_update(index_elements=["index"], set_=values)
        )


async def drop_props_after(connection: AsyncConnection, newest: int) -> None:
    """Forgets entries that a reorganisation took back before we indexed their block."""
    await connection.execute(delete(epoch_props).where(epoch_props.c["index"] > newest))


async def read_projects(
    connection: AsyncConnection, up_to_block: int | None = None
) -> dict[int, ProjectList]:
    """Lists by epoch; of blocks up to `up_to_block` only, when given."""
    query = select(projects)
    if up_to_block is not None:
        query = query.where(projects.c.block_number <= up_to_block)
    return {
        row.epoch: ProjectList(projects=tuple(row.addresses), cid=row.cid)
        for row in await connection.execute(query)
    }


async def write_projects(
    connection: AsyncConnection, lists: Mapping[int, ProjectList], block_number: int
) -> None:
    for epoch, one in lists.items():
        values = {"addresses": list(one.projects), "cid": one.cid, "block_number": block_number}
        await connection.execute(
            insert(projects)
            .values(epoch=epoch, **values)
            .on_conflict_do_update(index_elements=["epoch"], set_=values)
        )


async def delete_above(connection: AsyncConnection, number: int) -> None:
    """Forgets what was read from blocks above `number`."""
    await connection.execute(delete(blocks).where(blocks.c.number > number))
    for table in (deposit_facts, withdrawals, merkle_roots, epoch_props, projects):
        await connection.execute(delete(table).where(table.c.block_number > number))


async def sealed_above(connection: AsyncConnection, number: int) -> list[int]:
    """Epochs that were sealed by the finality of a block above `number`."""
    query = select(seals.c.epoch).where(seals.c.sealed_at > number).order_by(seals.c.epoch)
    return list(await connection.scalars(query))


def _row(fact: Fact) -> dict[str, Any]:
    row: dict[str, Any] = {
        "block_number": fact.block.number,
        "log_index": fact.log_index,
        "block_hash": fact.block.hash,
        "timestamp": fact.block.timestamp,
        "transaction_hash": fact.transaction_hash,
    }
    match fact:
        case Locked() | Unlocked():
            return row | {
                "kind": type(fact).__name__,
                "user": fact.user,
                "amount": fact.amount,
                "deposit_before": fact.deposit_before,
            }
        case Withdrawn():
            return row | {"user": fact.user, "amount": fact.amount, "epoch": fact.epoch}
        case MerkleRootSet():
            return row | {"epoch": fact.epoch, "root": fact.root}
