"""The outbox: events written with the facts, and the relay that carries them to the bus.

Serial ids do not follow commit order, so the relay takes what is unpublished, never
`id > cursor`. It publishes strictly in order (each message names the sequence it expects
before it), and can rebuild a lost stream in the order of its first life.
"""

import asyncio

from octant_contracts.events import Event, stream_name, subject
from octant_contracts.values import encode
from sqlalchemy import BigInteger, Update, bindparam, func, null, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_chassis import telemetry
from octant_chassis.bus import ASYNC_WINDOW, Bus, ensure_stream, incarnation
from octant_chassis.database import Database, Notifications
from octant_chassis.failpoints import failpoint
from octant_chassis.tables import outbox, relay_state
from octant_chassis.telemetry import log

MESSAGE_ID = "Nats-Msg-Id"
CORRELATION_ID = "Octant-Correlation-Id"


def event_id(headers: dict[str, str] | None) -> int | None:
    """The outbox id that a message names; None: it comes from no outbox."""
    text = (headers or {}).get(MESSAGE_ID, "").rpartition(":")[2]
    return int(text) if text.isdecimal() and len(text) < 19 else None


async def append(connection: AsyncConnection, *events: Event) -> list[int]:
    """Writes events in the caller's transaction; their outbox ids, in order."""
    if not events:
        return []
    correlation = telemetry.correlation_id.get() or telemetry.new_correlation_id()
    rows = [
        {"subject": subject(type(e)), "payload": encode(e), "correlation_id": correlation}
        for e in events
    ]
    result = await connection.execute(
        insert(outbox).returning(outbox.c.id, sort_by_parameter_order=True), rows
    )
    return [row.id for row in result]


class Relay:
    """Publishes one service's outbox, under the lock `relay`. `trouble`: why nothing leaves."""

    def __init__(self, database: Database, bus: Bus, notifications: Notifications) -> None:
        self._database = database
        self._bus = bus
        self._notifications = notifications
        self._service = bus.service
        self._last_sequence = 0
        self.trouble: str | None = None

    async def run(self) -> None:
        """Until cancelled: reconcile with the stream, then publish what comes."""
        try:
            while True:
                try:
                    await self._reconcile()
                    while True:
                        if await self._publish_window() == 0:
                            await self._idle()
                except Exception as error:  # bus or database away, a lost acknowledgement
                    self.trouble = f"not published: {str(error) or type(error).__name__}"
                    log.warning("relay interrupted", reason=self.trouble)
                    await asyncio.sleep(0.2)
        finally:
            self.trouble = None  # another replica's now

    async def _idle(self) -> None:
        """Waits for a notification; a rebuilt or restored bus is noticed within a second."""
        self.trouble = None
        if await self._notifications.wait("outbox", timeout=1.0):
            return
        info = await self._bus.jetstream.stream_info(stream_name(self._service))
        if info.state.last_seq != self._last_sequence:
            raise RuntimeError("the stream is not where the relay left it")

    async def _reconcile(self) -> None:
        """Makes the outbox's idea of the stream true, whatever either of them lost."""
        info = await ensure_stream(self._bus.jetstream, self._service)
        current, last = incarnation(info), info.state.last_seq
        async with self._database.transaction("relay-reconcile") as connection:
            known = await connection.scalar(
                select(relay_state.c.incarnation).where(relay_state.c.stream == info.config.name)
            )
            await connection.execute(_unpublish(last if known == current else 0))
            if known != current:
                await connection.execute(
                    insert(relay_state)
                    .values(stream=info.config.name, incarnation=current)
                    .on_conflict_do_update(index_elements=["stream"], set_={"incarnation": current})
                )
            stored = await connection.scalar(select(func.max(outbox.c.stream_sequence))) or 0
            for sequence in range(stored + 1, last + 1):
                # Published, but the process died before it could note it.
                raw = await self._bus.jetstream.get_msg(info.config.name or "", sequence)
                await connection.execute(
                    update(outbox)
                    .where(outbox.c.id == event_id(raw.headers), outbox.c.stream_sequence.is_(None))
                    .values(stream_sequence=sequence, previous_sequence=null())
                )
        self._last_sequence = last

    async def _publish_window(self) -> int:
        async with self._database.engine.connect() as connection:
            rows = (
                await connection.execute(
                    select(outbox.c.id, outbox.c.subject, outbox.c.payload, outbox.c.correlation_id)
                    .where(outbox.c.stream_sequence.is_(None))
                    .order_by(outbox.c.previous_sequence.nulls_last(), outbox.c.id)
                    .limit(ASYNC_WINDOW)
                )
            ).all()
        telemetry.outbox_pending.set(len(rows))
        if not rows:
            return 0
        acknowledgements = [
            await self._bus.jetstream.publish_async(
                row.subject,
                row.payload,
                stream=stream_name(self._service),
                headers={
                    MESSAGE_ID: f"{self._service}:{row.id}",
                    CORRELATION_ID: row.correlation_id,
                    "Nats-Expected-Last-Sequence": str(self._last_sequence + place),
                },
            )
            for place, row in enumerate(rows)
        ]
        # One refusal breaks the chain of expected sequences, so nothing after it is stored.
        # Not wait_for: on Python 3.11 it loses a cancellation that comes with the last ack.
        async with asyncio.timeout(5):
            acks = await asyncio.gather(*acknowledgements)
        failpoint("after_publish")
        async with self._database.transaction("relay") as connection:
            pairs = (
                func.unnest(
                    bindparam("ids", [r.id for r in rows], ARRAY(BigInteger)),
                    bindparam("sequences", [a.seq for a in acks], ARRAY(BigInteger)),
                )
                .table_valued("id", "sequence")
                .render_derived()
            )
            await connection.execute(
                update(outbox)
                .where(outbox.c.id == pairs.c.id)
                .values(stream_sequence=pairs.c.sequence, previous_sequence=null())
            )
        self._last_sequence = max(a.seq for a in acks)
        telemetry.events_published.inc(len(rows))
        return len(rows)


def _unpublish(after: int) -> Update:
    return (
        update(outbox)
        .where(outbox.c.stream_sequence > after)
        .values(previous_sequence=outbox.c.stream_sequence, stream_sequence=null())
    )
