"""SQL of what a user allocated and gave as a patron, in the order of the history."""

from collections.abc import Sequence
from typing import Any

import msgspec
from octant_chassis.database import AsyncConnection
from octant_contracts.calls import (
    ALLOCATION,
    PAGE,
    PATRON_MODE_DONATION,
    HistoryAllocation,
    HistoryCount,
    HistoryCountsRequest,
    HistoryRequest,
)
from octant_contracts.values import Address, Timestamp, Wei
from sqlalchemy import Select, and_, func, literal, null, select, tuple_, union_all

from octant_allocations.tables import (
    allocations,
    budgets,
    epochs,
    patron_events,
    requests,
    snapshots,
    windows,
)


class Deed(msgspec.Struct, frozen=True):
    """A granted request, whose number is its sequence; or a donation, with its epoch's."""

    time: Timestamp
    kind: str
    number: int
    budget: int | None
    is_manually_edited: bool | None
    leverage: float | None


def _donations(user: Address) -> Select[Any]:
    """Budgets of finalized epochs in which the user was a patron.

    By the events that counted when the epoch was sealed.
    """
    event = patron_events.c
    was_patron = (
        select(event.enabled)
        .where(
            event.user == user,
            event.time <= epochs.c.finalized_at,
            event.sequence <= func.coalesce(windows.c.sealed_at_sequence, event.sequence),
        )
        .order_by(event.time.desc(), event.sequence.desc())
        .limit(1)
        .correlate(epochs, windows)
        .scalar_subquery()
    )
    return (
        select(
            epochs.c.finalized_at.label("time"),
            literal(PATRON_MODE_DONATION).label("kind"),
            epochs.c.epoch.label("number"),
            budgets.c.budget.label("budget"),
            null().label("is_manually_edited"),
            null().label("leverage"),
        )
        .join(snapshots, and_(snapshots.c.epoch == epochs.c.epoch, snapshots.c.finalized))
        .outerjoin(windows, windows.c.epoch == epochs.c.epoch)
        .join(budgets, and_(budgets.c.epoch == epochs.c.epoch, budgets.c.user == user))
        .where(was_patron)
    )


def _deeds(user: Address) -> Any:
    request = requests.c
    granted = select(
        request.time,
        literal(ALLOCATION).label("kind"),
        request.sequence.label("number"),
        null().label("budget"),
        request.is_manually_edited,
        request.leverage,
    ).where(request.user == user)
    return union_all(_donations(user), granted).subquery().c


async def deeds(connection: AsyncConnection, request: HistoryRequest, limit: int) -> list[Deed]:
    """At most `limit` within the request's bounds; of one second the later request first."""
    deed = _deeds(request.user)
    order = (deed.time, deed.kind, deed.number)
    query = select(*order, deed.budget, deed.is_manually_edited, deed.leverage).order_by(
        *(column.desc() for column in order)
    )
    if request.until is not None:
        query = query.where(deed.time <= request.until)
    if (after := request.after) is not None:
        query = query.where(tuple_(*order) < (after.timestamp, after.type, after.place[0]))
    query = query.offset(request.skip).limit(limit)
    return [Deed(*row) for row in await connection.execute(query)]


async def counts(connection: AsyncConnection, request: HistoryCountsRequest) -> list[HistoryCount]:
    """The newest page of them."""
    deed = _deeds(request.user)
    query = (
        select(deed.time, deed.kind, func.count())
        .where(deed.time <= request.until)
        .group_by(deed.time, deed.kind)
        .order_by(deed.time.desc(), deed.kind.desc())
        .limit(PAGE)
    )
    return [
        HistoryCount(timestamp=time, type=kind, count=count)
        for time, kind, count in await connection.execute(query)
    ]


async def rows_of(
    connection: AsyncConnection, sequences: Sequence[int]
) -> dict[int, list[HistoryAllocation]]:
    """The rows of requests in their order, whatever ended them since."""
    query = (
        select(allocations.c.sequence, allocations.c.project, allocations.c.amount)
        .where(allocations.c.sequence.in_(sequences))
        .order_by(allocations.c.sequence, allocations.c.place)
    )
    found: dict[int, list[HistoryAllocation]] = {sequence: [] for sequence in sequences}
    for sequence, project, amount in await connection.execute(query):
        found[sequence].append(HistoryAllocation(project_address=project, amount=Wei(amount)))
    return found
