"""Answers what a user allocated and gave as a patron: allocations' part of the history."""

from octant_chassis.database import Database
from octant_contracts.calls import (
    ALLOCATION,
    HistoryAllocation,
    HistoryCounts,
    HistoryCountsRequest,
    HistoryEventData,
    HistoryItem,
    HistoryPage,
    HistoryPosition,
    HistoryRequest,
)
from octant_contracts.values import Hex, Wei
from octant_protocol.numeric import double_text

from octant_allocations.history import repository
from octant_allocations.history.repository import Deed

MOST = 500  # items of one answer,
MOST_ROWS = 1500  # and allocation rows in them: about 150 KB

Rows = dict[int, list[HistoryAllocation]]


async def history(database: Database, request: HistoryRequest) -> HistoryPage:
    """A page of requests and donations, ended allocations included."""
    limit = min(request.limit, MOST)
    async with database.reading() as connection:
        found = await repository.deeds(connection, request, limit + 1)
        sequences = [deed.number for deed in found[:limit] if deed.kind == ALLOCATION]
        rows = await repository.rows_of(connection, sequences)
    shown = _fitting(found[:limit], rows)
    return HistoryPage(
        items=[_item(deed, rows) for deed in shown],
        following=_position(shown[-1]) if len(found) > len(shown) else None,
    )


async def history_counts(database: Database, request: HistoryCountsRequest) -> HistoryCounts:
    async with database.reading() as connection:
        return HistoryCounts(counts=await repository.counts(connection, request))


def _fitting(deeds: list[Deed], rows: Rows) -> list[Deed]:
    """As many as one answer holds, at least one."""
    count = 0
    for place, deed in enumerate(deeds):
        count += len(rows[deed.number]) if deed.kind == ALLOCATION else 0
        if count > MOST_ROWS:
            return deeds[: max(place, 1)]
    return deeds


def _position(deed: Deed) -> HistoryPosition:
    return HistoryPosition(
        timestamp=deed.time,
        type=deed.kind,
        amount=Wei(0),
        transaction_hash=Hex(b""),
        place=(deed.number, 0),
    )


def _item(deed: Deed, rows: Rows) -> HistoryItem:
    if deed.kind == ALLOCATION:
        data = HistoryEventData(
            is_manually_edited=deed.is_manually_edited,
            leverage=None if deed.leverage is None else double_text(deed.leverage),
            allocations=rows[deed.number],
        )
    else:
        data = HistoryEventData(amount=Wei(deed.budget or 0), epoch=deed.number)
    return HistoryItem(type=deed.kind, timestamp=str(deed.time), event_data=data)
