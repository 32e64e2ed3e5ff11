"""SQL of the deposits ledger: facts of the chain, settled deposits, settlements."""

from collections.abc import Sequence

from octant_chassis.database import AsyncConnection, copy_rows
from octant_contracts.events import FactsSealed, Locked, Unlocked
from octant_contracts.values import Address, BlockNumber, EpochNumber, Hex, Timestamp
from sqlalchemy import case, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert

from octant_epochs.deposits.model import Deposit, Everybody, Fact, Seal, Settlement
from octant_epochs.tables import deposits, facts, settlements

_FACT = (
    facts.c.block_number,
    facts.c.log_index,
    facts.c.kind,
    facts.c.user,
    facts.c.amount,
    facts.c.timestamp,
)
# Asked of the database only for epochs that can have a row.
LAST_EPOCH = 2**31 - 1
PART = 1000


async def add_fact(connection: AsyncConnection, event: Locked | Unlocked) -> bool:
    """False when a fact is already at this place of the chain."""
    inserted = await connection.execute(
        insert(facts)
        .values(
            block_number=event.block.number,
            log_index=event.log_index,
            block_hash=event.block.hash,
            transaction_hash=event.transaction_hash,
            kind=type(event).__name__,
            user=event.user,
            amount=event.amount,
            timestamp=event.block.timestamp,
        )
        .on_conflict_do_nothing()
        .returning(facts.c.log_index)
    )
    return inserted.first() is not None


async def block_hash_at(connection: AsyncConnection, block: BlockNumber, log_index: int) -> Hex:
    """Of the fact at this place, which must exist."""
    result = await connection.execute(
        select(facts.c.block_hash).where(
            facts.c.block_number == block, facts.c.log_index == log_index
        )
    )
    block_hash: Hex = result.scalar_one()
    return block_hash


async def delete_facts_above(
    connection: AsyncConnection, block: BlockNumber
) -> Sequence[Timestamp]:
    """The block times of the facts that never happened."""
    rows = await connection.execute(
        delete(facts).where(facts.c.block_number > block).returning(facts.c.timestamp)
    )
    return rows.scalars().all()


async def facts_between(
    connection: AsyncConnection, start: Timestamp, end: Timestamp, user: Address | None = None
) -> list[Fact]:
    """Facts with start ≤ block time < end in chain order, of one user or of all."""
    query = (
        select(*_FACT)
        .where(facts.c.timestamp >= start, facts.c.timestamp < end)
        .order_by(facts.c.block_number, facts.c.log_index)
    )
    if user is not None:
        query = query.where(facts.c.user == user)
        return [Fact(*row) for row in await connection.execute(query)]
    # Hundreds of thousands of rows: in parts, so that other calls go on between them.
    result = await connection.stream(query)
    return [Fact(*row) async for part in result.partitions(PART) for row in part]


async def last_fact_before(connection: AsyncConnection, end: Timestamp) -> tuple[Hex, int] | None:
    """Block hash and log index of the newest fact with block time < end.

    A block's hash stands for everything before it, so this names all facts up to here.
    """
    row = (
        await connection.execute(
            select(facts.c.block_hash, facts.c.log_index)
            .where(facts.c.timestamp < end)
            .order_by(facts.c.block_number.desc(), facts.c.log_index.desc())
            .limit(1)
        )
    ).one_or_none()
    return None if row is None else (row.block_hash, row.log_index)


async def balances(
    connection: AsyncConnection, start: Timestamp, end: Timestamp, user: Address | None = None
) -> dict[Address, int]:
    """Wei that [start, end) left in Octant, by user; without zeros."""
    signed = case((facts.c.kind == "Locked", facts.c.amount), else_=-facts.c.amount)
    balance = func.sum(signed)
    query = (
        select(facts.c.user, balance)
        .where(facts.c.timestamp >= start, facts.c.timestamp < end)
        .group_by(facts.c.user)
        .having(balance != 0)
    )
    if user is not None:
        query = query.where(facts.c.user == user)
    return {owner: int(amount) for owner, amount in await connection.execute(query)}


async def settlement(connection: AsyncConnection, epoch: EpochNumber) -> Settlement | None:
    """None while the epoch is not settled."""
    if not 0 < epoch <= LAST_EPOCH:
        return None
    row = (
        await connection.execute(select(settlements).where(settlements.c.epoch == epoch))
    ).one_or_none()
    if row is None:
        return None
    return Settlement(
        Seal(row.starts_at, row.ends_at, row.facts_count, row.facts_digest),
        row.total_effective_deposit,
        row.deposits_count,
    )


async def settled_until(connection: AsyncConnection) -> Timestamp:
    """The end of the last settled epoch, 0 without one."""
    return await connection.scalar(select(func.max(settlements.c.ends_at))) or 0


async def end_balances(
    connection: AsyncConnection, epoch: EpochNumber, user: Address | None = None
) -> dict[Address, int]:
    """Wei with which the users left a settled epoch; without zeros."""
    query = select(deposits.c.user, deposits.c.end_balance).where(
        deposits.c.epoch == epoch, deposits.c.end_balance != 0
    )
    if user is not None:
        query = query.where(deposits.c.user == user)
    return {row.user: row.end_balance for row in await connection.execute(query)}


async def effective_deposit(
    connection: AsyncConnection, epoch: EpochNumber, user: Address
) -> int | None:
    """The settled row's, None without a row."""
    if not 0 < epoch <= LAST_EPOCH:
        return None
    value: int | None = await connection.scalar(
        select(deposits.c.effective_deposit).where(
            deposits.c.epoch == epoch, deposits.c.user == user
        )
    )
    return value


async def first_epoch(connection: AsyncConnection, user: Address) -> EpochNumber | None:
    """The first settled epoch that has a row of the user."""
    row = exists().where(deposits.c.epoch == settlements.c.epoch, deposits.c.user == user)
    first: EpochNumber | None = await connection.scalar(
        select(func.min(settlements.c.epoch)).where(row)
    )
    return first


async def page(
    connection: AsyncConnection, epoch: EpochNumber, offset: int, limit: int
) -> list[Deposit]:
    """Settled rows in ascending address bytes."""
    rows = await connection.execute(
        select(deposits.c.user, deposits.c.effective_deposit, deposits.c.end_balance)
        .where(deposits.c.epoch == epoch)
        .order_by(deposits.c.user)
        .offset(offset)
        .limit(limit)
    )
    return [Deposit(*row) for row in rows]


async def add_settlement(
    connection: AsyncConnection,
    seal: FactsSealed,
    everybody: Everybody,
    rules: str,
) -> None:
    await connection.execute(
        insert(settlements).values(
            epoch=seal.epoch,
            starts_at=seal.start,
            ends_at=seal.end,
            to_block=seal.to_block.number,
            to_block_hash=seal.to_block.hash,
            facts_count=seal.count,
            facts_digest=seal.digest,
            rules=rules,
            total_effective_deposit=everybody.total_effective_deposit,
            deposits_count=len(everybody.deposits),
            deposits_digest=everybody.digest,
        )
    )
    await copy_rows(
        connection,
        deposits,
        ("epoch", "user", "effective_deposit", "end_balance"),
        ((seal.epoch, *row) for row in everybody.deposits),
    )
