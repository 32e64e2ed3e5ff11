"""Projections: apply the events of other services, in order, each exactly once.

The position in a stream is stored in the same transaction as the effects; the inbox knows
every event by its id, so that a rebuilt stream or a message delivered three times changes
nothing. An event that cannot be applied stops the projection loudly: a skipped message is a
wrong number.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from faststream import AckPolicy
from faststream.nats import JStream
from nats.js.api import ConsumerConfig, DeliverPolicy
from octant_contracts.events import BY_SUBJECT, Event, stream_name
from octant_contracts.values import decode
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_chassis import telemetry
from octant_chassis.bus import Bus, ensure_stream, incarnation
from octant_chassis.database import Database
from octant_chassis.outbox import CORRELATION_ID, event_id
from octant_chassis.tables import inbox, positions
from octant_chassis.telemetry import log

BATCH = 200
Handler = Callable[[AsyncConnection, Any], Awaitable[None]]


class NotYet(Exception):
    """The event is fine but something it builds on has not arrived; tried again shortly."""


class _Restart(Exception):
    """The subscription no longer matches the position; subscribe again."""


class _Message:
    __slots__ = ("correlation", "event_id", "payload", "sequence", "subject")

    def __init__(self, raw: Any) -> None:
        headers = raw.headers or {}
        self.sequence: int = raw.metadata.sequence.stream
        self.subject: str = raw.subject
        self.payload: bytes = raw.data
        self.event_id = event_id(headers)  # None: the inbox refuses it, and we stop
        self.correlation: str = headers.get(CORRELATION_ID, "")


class Projection:
    """Applies one service's stream. One process at a time runs it (lock `projections`).

    Handlers get the open transaction and the event. `turn` serialises the projections of a
    process, so handlers of different streams never see each other half done.
    """

    def __init__(
        self,
        database: Database,
        bus: Bus,
        source: str,
        handlers: Mapping[type[Any], Handler],
        turn: asyncio.Lock,
    ) -> None:
        self._database = database
        self._bus = bus
        self._source = source
        self._stream = stream_name(source)
        self._handlers = dict(handlers)
        self._turn = turn
        self._queue: asyncio.Queue[_Message] = asyncio.Queue(maxsize=10_000)
        self._incarnation = ""
        self._position = 0
        self._active = False
        self.trouble: str | None = f"{self._stream} is not read yet"

    async def run(self) -> None:
        """Until cancelled."""
        self._active = True
        try:
            while True:
                try:
                    await self._follow()
                except _Restart as reason:
                    log.info("projection resubscribes", stream=self._stream, reason=str(reason))
                except Exception as error:
                    self.trouble = f"{self._stream}: {str(error) or type(error).__name__}"
                    log.warning("projection interrupted", stream=self._stream, reason=self.trouble)
                    await asyncio.sleep(0.3)
        finally:
            self._active = False

    async def observe(self) -> None:
        """Readiness of a replica that only stands by: how far has the active one come?"""
        if self._active:
            return
        try:
            info = await ensure_stream(self._bus.jetstream, self._source)
            await self._load_position(incarnation(info))
        except Exception as error:
            self.trouble = f"{self._stream}: {str(error) or type(error).__name__}"
            return
        lag = info.state.last_seq - self._position
        self.trouble = f"{self._stream} is {lag} events behind" if lag > 0 else None

    async def _follow(self) -> None:
        info = await ensure_stream(self._bus.jetstream, self._source)
        await self._load_position(incarnation(info))
        self._queue = asyncio.Queue(maxsize=10_000)
        queue = self._queue

        async def receive(message: Any) -> None:
            await queue.put(_Message(message.raw_message))

        async def keep_bytes(message: Any) -> Any:
            return message

        subscriber = self._bus.broker.subscriber(
            f"octant.{self._source}.v1.>",
            stream=JStream(self._stream, declare=False),
            ordered_consumer=True,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            config=ConsumerConfig(opt_start_seq=self._position + 1),
            ack_policy=AckPolicy.MANUAL,
            decoder=keep_bytes,
            no_reply=True,
            persistent=False,
        )
        subscriber(receive)
        await subscriber.start()
        try:
            await self._check_lag()
            while True:
                await self._apply(await self._next_batch())
        finally:
            await subscriber.stop()

    async def _next_batch(self) -> list[_Message]:
        while True:
            try:
                # Not wait_for: on Python 3.11 it loses a cancellation that comes with a message.
                async with asyncio.timeout(1.0):
                    batch = [await self._queue.get()]
                break
            except TimeoutError:
                await self._check_lag()
        while len(batch) < BATCH and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return [m for m in batch if m.sequence > self._position]

    async def _check_lag(self) -> None:
        """Notices what a silent subscription cannot: a new stream, lost messages, lag."""
        info = await ensure_stream(self._bus.jetstream, self._source)
        if incarnation(info) != self._incarnation:
            raise _Restart("the stream was made anew")
        lag = info.state.last_seq - self._position
        telemetry.projection_lag.labels(self._stream).set(max(lag, 0))
        if lag <= 0:
            self.trouble = None
        elif self._queue.empty():
            self.trouble = f"{self._stream} is {lag} events behind"
            delivered = time.monotonic() + 0.5
            while self._queue.empty():
                if time.monotonic() > delivered:
                    raise _Restart(f"{lag} events behind and nothing arrives")
                await asyncio.sleep(0.02)

    async def _apply(self, batch: list[_Message]) -> None:
        """Applies a batch in one transaction; message by message once it failed."""
        if not batch:
            return
        for place, message in enumerate(batch):
            if message.sequence != self._position + 1 + place:
                raise _Restart(f"expected {self._position + 1 + place}, got {message.sequence}")
        delay, failures = 0.02, 0
        while batch:
            part = batch if failures == 0 else batch[:1]
            try:
                async with self._turn:
                    await self._commit(part)
            except NotYet as reason:
                self.trouble = f"{self._stream} waits: {reason}"
                log.debug("event waits", stream=self._stream, reason=str(reason))
            except Exception as error:
                failures += 1
                if failures > 1:
                    self._alarm(part[0], error, failures)
                elif len(batch) > 1:
                    continue
            else:
                batch = batch[len(part) :]
                failures, delay = 0, 0.02
                telemetry.projection_stuck.labels(self._stream).set(0)
                if self._queue.empty():
                    self.trouble = None
                continue
            failures = max(failures, 1)
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5.0)

    def _alarm(self, message: _Message, error: Exception, failures: int) -> None:
        self.trouble = (
            f"{self._stream} stopped at {message.subject} #{message.event_id}: "
            f"{type(error).__name__}: {error}"
        )
        telemetry.projection_stuck.labels(self._stream).set(1)
        log.error(
            "projection stopped at an event it cannot apply",
            stream=self._stream,
            subject=message.subject,
            event_id=message.event_id,
            failures=failures,
            exc_info=error,
        )

    async def _commit(self, part: list[_Message]) -> None:
        async with self._database.transaction(f"project-{self._source}") as connection:
            fresh = await self._not_seen(connection, part)
            for message in part:
                if message.event_id in fresh:
                    await self._handle(connection, message)
            await connection.execute(
                insert(positions)
                .values(
                    stream=self._stream,
                    incarnation=self._incarnation,
                    sequence=part[-1].sequence,
                )
                .on_conflict_do_update(
                    index_elements=["stream"],
                    set_={"incarnation": self._incarnation, "sequence": part[-1].sequence},
                )
            )
        self._position = part[-1].sequence

    async def _not_seen(self, connection: AsyncConnection, part: list[_Message]) -> set[int]:
        """Records the ids in the inbox; those that were not there before."""
        result = await connection.execute(
            insert(inbox).on_conflict_do_nothing().returning(inbox.c.event_id),
            [{"source": self._source, "event_id": m.event_id} for m in part],
        )
        return {row.event_id for row in result}

    async def _handle(self, connection: AsyncConnection, message: _Message) -> None:
        kind = BY_SUBJECT.get(message.subject)
        if kind is None or kind not in self._handlers:
            return
        token = telemetry.correlation_id.set(message.correlation)
        try:
            event: Event = decode(message.payload, kind)
            await self._handlers[kind](connection, event)
            telemetry.events_applied.labels(self._stream, kind.__name__).inc()
        finally:
            telemetry.correlation_id.reset(token)

    async def _load_position(self, current: str) -> None:
        async with self._database.engine.connect() as connection:
            row = (
                await connection.execute(
                    select(positions.c.incarnation, positions.c.sequence).where(
                        positions.c.stream == self._stream
                    )
                )
            ).first()
        self._incarnation = current
        self._position = row.sequence if row is not None and row.incarnation == current else 0
