"""SQL of the calendar: the head, the epoch props, and what has been announced."""

from collections.abc import Iterable
from typing import Any

from octant_chassis.database import AsyncConnection
from octant_contracts.events import (
    EpochEnded,
    EpochPropsSet,
    EpochStarted,
    Event,
    WindowClosed,
    WindowOpened,
)
from octant_contracts.values import BlockRef, EpochNumber
from octant_protocol.calendar import EpochProps
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from octant_epochs.calendar.model import Announced, View
from octant_epochs.tables import epoch_props, epochs, head, settlements


async def set_head(connection: AsyncConnection, block: BlockRef, final_block: int) -> None:
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


async def move_head_back(connection: AsyncConnection, block: BlockRef) -> None:
    await connection.execute(
        update(head).values(
            number=block.number,
            hash=block.hash,
            timestamp=block.timestamp,
            final_block=func.least(head.c.final_block, block.number),
        )
    )


async def view(connection: AsyncConnection) -> View | None:
    """None until the first block is known."""
    row = (await connection.execute(select(head.c.number, head.c.timestamp))).first()
    if row is None:
        return None
    return View(number=row.number, timestamp=row.timestamp, props=await props(connection))


async def props(connection: AsyncConnection) -> tuple[EpochProps, ...]:
    rows = await connection.execute(
        select(
            epoch_props.c.index,
            epoch_props.c.from_epoch,
            epoch_props.c.to_epoch,
            epoch_props.c.from_ts,
            epoch_props.c.duration,
            epoch_props.c.decision_window,
        ).order_by(epoch_props.c.index)
    )
    return tuple(EpochProps(*row) for row in rows)


async def set_props(connection: AsyncConnection, event: EpochPropsSet) -> None:
    values = {
        "from_epoch": event.from_epoch,
        "to_epoch": event.to_epoch,
        "from_ts": event.from_ts,
        "duration": event.duration,
        "decision_window": event.decision_window,
    }
    await connection.execute(
        insert(epoch_props)
        .values(index=event.index, **values)
        .on_conflict_do_update(index_elements=["index"], set_=values)
    )


async def drop_props_after(connection: AsyncConnection, index: int) -> None:
    await connection.execute(delete(epoch_props).where(epoch_props.c.index > index))


async def last_started(connection: AsyncConnection) -> EpochNumber:
    """0 when no epoch has been announced."""
    return await connection.scalar(select(func.max(epochs.c.epoch))) or 0


async def announced(connection: AsyncConnection) -> list[Announced]:
    """Epochs in order whose window was not announced as closed: the last two at most."""
    rows = await connection.execute(
        select(epochs, settlements.c.epoch.is_not(None).label("settled"))
        .outerjoin(settlements, settlements.c.epoch == epochs.c.epoch)
        .where(~epochs.c.window_closed)
        .order_by(epochs.c.epoch)
    )
    return [
        Announced(
            started=EpochStarted(
                epoch=row.epoch,
                start=row.starts_at,
                end=row.ends_at,
                decision_window=row.decision_window,
            ),
            ended=row.ended,
            window=_window(row),
            settled=row.settled,
        )
        for row in rows
    ]


async def open_window(connection: AsyncConnection) -> WindowOpened | None:
    """The window announced as open and not yet as closed."""
    row = (
        await connection.execute(
            select(epochs.c.epoch, epochs.c.window_opens_at, epochs.c.window_closes_at).where(
                epochs.c.window_opens_at.is_not(None), ~epochs.c.window_closed
            )
        )
    ).one_or_none()
    return None if row is None else _window(row)


def _window(row: Any) -> WindowOpened | None:
    if row.window_opens_at is None:
        return None
    return WindowOpened(
        epoch=row.epoch, opens_at=row.window_opens_at, closes_at=row.window_closes_at
    )


async def record(connection: AsyncConnection, events: Iterable[Event]) -> None:
    """Remembers announcements, so that none is made again unless it has changed."""
    for event in events:
        match event:
            case EpochStarted():
                span = {
                    "starts_at": event.start,
                    "ends_at": event.end,
                    "decision_window": event.decision_window,
                }
                await connection.execute(
                    insert(epochs)
                    .values(epoch=event.epoch, ended=False, window_closed=False, **span)
                    .on_conflict_do_update(index_elements=["epoch"], set_=span)
                )
            case EpochEnded():
                await _update(connection, event.epoch, ended=True)
            case WindowOpened():
                await _update(
                    connection,
                    event.epoch,
                    window_opens_at=event.opens_at,
                    window_closes_at=event.closes_at,
                )
            case WindowClosed():
                await _update(connection, event.epoch, window_closed=True)


async def _update(connection: AsyncConnection, epoch: EpochNumber, **values: int) -> None:
    await connection.execute(update(epochs).where(epochs.c.epoch == epoch).values(**values))
