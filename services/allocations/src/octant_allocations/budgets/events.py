"""What rewards announces: budgets exist, an epoch is final."""

from octant_chassis.calls import Caller
from octant_chassis.database import AsyncConnection
from octant_chassis.projection import NotYet
from octant_chassis.telemetry import log
from octant_contracts.calls import BUDGETS, BudgetRow, PageOfEpoch
from octant_contracts.errors import Refusal
from octant_contracts.events import FinalizedSnapshotTaken, PendingSnapshotTaken
from octant_contracts.seals import budgets_digest
from octant_contracts.values import EpochNumber

from octant_allocations.budgets import repository


class BudgetsMismatch(Exception):
    """The rows that rewards gave are not those it announced."""


async def pending_snapshot_taken(
    caller: Caller, connection: AsyncConnection, event: PendingSnapshotTaken
) -> None:
    """Reads all budgets from rewards and stores them if they are what was announced."""
    rows = await _all_budgets(caller, event.epoch)
    digest = budgets_digest((row.address, row.amount) for row in rows)
    if (len(rows), digest) != (event.budgets_count, event.budgets_digest):
        raise BudgetsMismatch(
            f"budgets of epoch {event.epoch}: announced {event.budgets_count} with digest "
            f"{event.budgets_digest}, got {len(rows)} with {digest}"
        )
    await repository.insert_snapshot(connection, event.epoch, len(rows), digest)
    await repository.insert_budgets(connection, event.epoch, rows)
    log.info("budgets loaded", epoch=event.epoch, count=len(rows))


async def finalized_snapshot_taken(
    connection: AsyncConnection, event: FinalizedSnapshotTaken
) -> None:
    """LookupError when the pending snapshot was never announced."""
    if not await repository.mark_finalized(connection, event.epoch):
        raise LookupError(f"epoch {event.epoch} was finalized without a pending snapshot")


async def _all_budgets(caller: Caller, epoch: EpochNumber) -> list[BudgetRow]:
    rows: list[BudgetRow] = []
    cursor: int | None = 0
    while cursor is not None:
        try:
            page = await caller.ask(BUDGETS, PageOfEpoch(epoch=epoch, cursor=cursor))
        except Refusal as refusal:
            raise NotYet(f"budgets of epoch {epoch}: {refusal}") from None
        rows += page.budgets
        cursor = page.next_cursor
    return rows
