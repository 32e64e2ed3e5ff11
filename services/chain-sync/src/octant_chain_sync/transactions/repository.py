"""SQL of confirmations and sent transactions."""

from octant_contracts.events import FinalizedSnapshotTaken
from sqlalchemy import insert, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_chain_sync.tables import confirmations, transactions
from octant_chain_sync.transactions.model import Confirmation, Transaction


async def add_confirmation(connection: AsyncConnection, event: FinalizedSnapshotTaken) -> None:
    await connection.execute(
        postgresql.insert(confirmations)
        .values(
            epoch=event.epoch, root=event.merkle_root, total_withdrawals=event.total_withdrawals
        )
        .on_conflict_do_nothing()
    )


async def with_root(connection: AsyncConnection) -> list[Confirmation]:
    """Finalized epochs that have a root, ascending."""
    rows = await connection.execute(
        select(confirmations)
        .where(confirmations.c.root.is_not(None))
        .order_by(confirmations.c.epoch)
    )
    return [
        Confirmation(epoch=row.epoch, root=row.root, total_withdrawals=row.total_withdrawals)
        for row in rows
    ]


async def find(connection: AsyncConnection, epoch: int, step: str) -> Transaction | None:
    row = (
        await connection.execute(
            select(transactions).where(transactions.c.epoch == epoch, transactions.c.step == step)
        )
    ).first()
    return None if row is None else Transaction(**row._mapping)


async def add(connection: AsyncConnection, transaction: Transaction) -> None:
    await connection.execute(
        insert(transactions).values(
            epoch=transaction.epoch,
            step=transaction.step,
            nonce=transaction.nonce,
            hash=transaction.hash,
            raw=transaction.raw,
            succeeded=transaction.succeeded,
        )
    )


async def record_receipt(
    connection: AsyncConnection, transaction: Transaction, succeeded: bool
) -> None:
    await connection.execute(
        update(transactions)
        .where(transactions.c.epoch == transaction.epoch, transactions.c.step == transaction.step)
        .values(succeeded=succeeded)
    )
