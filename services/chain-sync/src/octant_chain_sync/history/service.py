"""Locks, unlocks and withdrawals of a user, streams included: chain-sync's part of the history."""

from octant_chassis.database import Database
from octant_contracts.calls import (
    HistoryCounts,
    HistoryCountsRequest,
    HistoryEventData,
    HistoryItem,
    HistoryPage,
    HistoryPosition,
    HistoryRequest,
)

from octant_chain_sync.history import repository

MOST = 500  # items of one answer: about 150 KB


async def history(database: Database, request: HistoryRequest, *, streams: bool) -> HistoryPage:
    """A page of what is indexed. `streams`: whether GLM streams count on this installation."""
    limit = min(request.limit, MOST)
    async with database.reading() as connection:
        found = await repository.facts(connection, request, limit + 1, streams=streams)
    shown = found[:limit]
    return HistoryPage(
        items=[_item(fact) for fact in shown],
        following=shown[-1] if shown and len(found) > limit else None,
    )


async def history_counts(
    database: Database, request: HistoryCountsRequest, *, streams: bool
) -> HistoryCounts:
    async with database.reading() as connection:
        return HistoryCounts(counts=await repository.counts(connection, request, streams=streams))


def _item(fact: HistoryPosition) -> HistoryItem:
    return HistoryItem(
        type=fact.type,
        timestamp=str(fact.timestamp),
        event_data=HistoryEventData(amount=fact.amount, transaction_hash=fact.transaction_hash),
    )
