"""Handles DepositsSettled: copies the settled deposits, page by page, and checks them."""

from functools import partial

from octant_chassis.calls import Caller
from octant_chassis.database import copy_rows
from octant_chassis.projection import Handler, NotYet
from octant_contracts.calls import SETTLED_DEPOSITS, PageOfEpoch, SettledDeposit
from octant_contracts.errors import Refusal
from octant_contracts.events import DepositsSettled
from octant_contracts.seals import deposits_digest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards import tables


class DepositsMismatch(Exception):
    """The pages are not what epochs announced."""


async def deposits_settled(
    caller: Caller, connection: AsyncConnection, event: DepositsSettled
) -> None:
    rows = await _read_all(caller, event.epoch)
    digest = deposits_digest((r.user, r.effective_deposit, r.end_balance) for r in rows)
    if (len(rows), digest) != (event.count, event.digest):
        raise DepositsMismatch(
            f"epoch {event.epoch}: announced {event.count} rows {event.digest}, "
            f"read {len(rows)} rows {digest}"
        )
    await connection.execute(
        insert(tables.settlements).values(
            epoch=event.epoch,
            finalized_at=event.finalized_at,
            to_block=event.to_block.number,
            total_effective_deposit=event.total_effective_deposit,
            count=event.count,
            digest=event.digest,
        )
    )
    await copy_rows(
        connection,
        tables.deposits,
        ("epoch", "user", "effective_deposit"),
        ((event.epoch, bytes(r.user), r.effective_deposit) for r in rows if r.effective_deposit),
    )


async def _read_all(caller: Caller, epoch: int) -> list[SettledDeposit]:
    rows: list[SettledDeposit] = []
    cursor: int | None = 0
    while cursor is not None:
        try:
            page = await caller.ask(SETTLED_DEPOSITS, PageOfEpoch(epoch, cursor))
        except Refusal as refusal:
            raise NotYet(f"deposits of epoch {epoch}: {refusal}") from None
        rows += page.deposits
        cursor = page.next_cursor
    return rows


def handlers(caller: Caller) -> dict[type, Handler]:
    return {DepositsSettled: partial(deposits_settled, caller)}
