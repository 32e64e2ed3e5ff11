"""Calls between services: request and reply over NATS, registered with its service framework.

A deadline travels with each call. An answer of a write names its events; the caller passes
them on as `after`, and the callee answers only when it has applied them (read your own
writes). Refusals travel as a code in the headers.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import msgspec
from nats import micro
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionClosedError, NoRespondersError, OutboundBufferLimitError
from nats.micro.request import Request
from octant_contracts.calls import Call
from octant_contracts.errors import Refusal
from octant_contracts.events import CONSUMES
from octant_contracts.values import decode, encode
from sqlalchemy import func, select, tuple_

from octant_chassis import telemetry
from octant_chassis.database import Database, Notifications, is_away
from octant_chassis.outbox import CORRELATION_ID
from octant_chassis.tables import inbox
from octant_chassis.telemetry import log

Q = TypeVar("Q")
A = TypeVar("A")

DEADLINE = "Octant-Deadline-Ms"
AFTER = "Octant-After"
WROTE = "Octant-Wrote"
ERROR = "Octant-Error"
AFTER_PATIENCE = 1.0  # seconds a callee waits for the caller's own writes

# An event as callers name it: ("allocations", 42)
EventToken = tuple[str, int]

# What the call being answered had to be after; what it asks others must be after that too.
inherited: ContextVar[tuple[EventToken, ...]] = ContextVar("inherited", default=())


class Written(Generic[A]):
    """The answer of a write, and the outbox ids of its events."""

    __slots__ = ("answer", "event_ids")

    def __init__(self, answer: A, event_ids: Sequence[int]) -> None:
        self.answer = answer
        self.event_ids = tuple(event_ids)


class Applied:
    """Tells whether this service's projections have applied given events."""

    def __init__(self, database: Database, notifications: Notifications) -> None:
        self._database = database
        self._notifications = notifications

    async def wait(self, tokens: Sequence[EventToken], timeout: float) -> None:
        """Returns when all are applied; Refusal NotLoadedYet when that takes too long."""
        deadline = time.monotonic() + timeout
        while not await self._all_applied(tokens):
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise Refusal("NotLoadedYet", what="Your last change")
            # The notification may come between the look and the wait: look again soon.
            await self._notifications.wait("applied", min(remaining, 0.05))

    async def _all_applied(self, tokens: Sequence[EventToken]) -> bool:
        async with self._database.engine.connect() as connection:
            count = await connection.scalar(
                select(func.count())
                .select_from(inbox)
                .where(tuple_(inbox.c.source, inbox.c.event_id).in_(list(tokens)))
            )
        return bool(count == len(set(tokens)))


class CallServer:
    """Answers the calls of one service; replicas share the queue group."""

    def __init__(self, client: Client, service: str, applied: Applied | None, limit: int) -> None:
        self._client = client
        self._service = service
        self._applied = applied
        self._slots = asyncio.Semaphore(limit)
        self._handlers: list[tuple[Call[Any, Any], Callable[[Any], Awaitable[Any]]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._micro: micro.service.Service | None = None

    def answer(self, call: Call[Q, A], handler: Callable[[Q], Awaitable[A | Written[A]]]) -> None:
        """Registers the handler of a call; before `start`."""
        if call.service != self._service:
            raise ValueError(f"{call} belongs to {call.service}")
        self._handlers.append((call, handler))

    async def start(self) -> None:
        self._micro = await micro.add_service(
            self._client, name=f"octant-{self._service}", version="1.0.0"
        )
        for call, handler in self._handlers:
            await self._micro.add_endpoint(
                name=call.name,
                subject=call.subject,
                queue_group=self._service,
                handler=self._spawn(call, handler),
            )
        await self._client.flush()

    async def stop(self) -> None:
        """Takes no more calls, then finishes those under way."""
        if self._micro is not None:
            await self._micro.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)

    def _spawn(
        self, call: Call[Any, Any], handler: Callable[[Any], Awaitable[Any]]
    ) -> Callable[[Request], Awaitable[None]]:
        # nats.micro handles requests one after the other; a task each lets them overlap.
        async def receive(request: Request) -> None:
            await self._slots.acquire()
            task = asyncio.create_task(self._handle(call, handler, request))
            self._tasks.add(task)
            task.add_done_callback(self._done)

        return receive

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._slots.release()

    async def _handle(
        self, call: Call[Any, Any], handler: Callable[[Any], Awaitable[Any]], request: Request
    ) -> None:
        headers = request.headers or {}
        telemetry.correlation_id.set(headers.get(CORRELATION_ID, ""))
        started = time.perf_counter()
        outcome = "ok"
        reply_headers: dict[str, str] = {}
        telemetry.calls_in_flight.inc()
        try:
            seconds = int(headers.get(DEADLINE, "5000")) / 1000
            async with asyncio.timeout(seconds):
                await self._wait_for_writes(_parse_tokens(headers.get(AFTER, "")), seconds)
                result = await handler(decode(request.data, call.request))
            if isinstance(result, Written):
                reply_headers[WROTE] = ",".join(f"{self._service}:{i}" for i in result.event_ids)
                result = result.answer
            body = encode(result)
        except Refusal as refusal:
            outcome, body = refusal.code, json.dumps(refusal.details).encode()
        except TimeoutError:
            outcome, body = "ServiceUnavailable", _details(service=self._service)
            log.warning("call passed its deadline", operation=call.name)
        except msgspec.ValidationError as error:
            outcome, body = "InternalError", b"{}"
            log.error("call does not fit its contract", operation=call.name, reason=str(error))
        except Exception as error:
            if is_away(error):
                outcome, body = "ServiceUnavailable", _details(service=self._service)
                log.warning("no database to answer from", operation=call.name, reason=str(error))
            else:
                outcome, body = "InternalError", b"{}"
                log.exception("call failed", operation=call.name)
        finally:
            telemetry.calls_in_flight.dec()
        if outcome != "ok":
            reply_headers[ERROR] = outcome
        telemetry.calls_seconds.labels(call.name, outcome).observe(time.perf_counter() - started)
        await request.respond(body, headers=reply_headers or None)

    async def _wait_for_writes(self, tokens: tuple[EventToken, ...], seconds: float) -> None:
        inherited.set(tokens)
        ours = [token for token in tokens if token[0] in CONSUMES[self._service]]
        if self._applied is not None and ours:
            await self._applied.wait(ours, min(AFTER_PATIENCE, seconds))


class Reply:
    """The raw answer of a call: JSON bytes, and the events it wrote."""

    __slots__ = ("data", "wrote")

    def __init__(self, data: bytes, wrote: tuple[EventToken, ...]) -> None:
        self.data = data
        self.wrote = wrote


class Caller:
    """Asks other services. A service that is away is a Refusal, never a hang."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._under_way: set[asyncio.Timeout] = set()

    def lost(self) -> None:
        """The bus is gone, and with it every answer: ends the calls under way."""
        now = asyncio.get_running_loop().time()
        under_way, self._under_way = self._under_way, set()
        for call in under_way:
            call.reschedule(now)

    async def ask(self, call: Call[Q, A], request: Q, *, timeout: float | None = None) -> A:
        """The decoded answer; Refusal as the callee raised it, or ServiceUnavailable."""
        reply = await self.ask_raw(call, request, timeout=timeout)
        return decode(reply.data, call.answer)

    async def ask_raw(
        self,
        call: Call[Q, A],
        request: Q,
        *,
        timeout: float | None = None,
        after: Sequence[EventToken] = (),
    ) -> Reply:
        """The answer's bytes, for passing on."""
        if not self._client.is_connected:
            # A request while disconnected would burn its whole time-out.
            raise Refusal("ServiceUnavailable", service=call.service)
        seconds = timeout or call.timeout
        headers = {DEADLINE: str(int(seconds * 1000))}
        if correlation := telemetry.correlation_id.get():
            headers[CORRELATION_ID] = correlation
        if tokens := dict.fromkeys((*after, *inherited.get())):
            headers[AFTER] = ",".join(f"{s}:{i}" for s, i in tokens)
        try:
            message = await self._request(call.subject, encode(request), seconds + 0.2, headers)
        except (
            NoRespondersError,
            TimeoutError,
            ConnectionClosedError,
            OutboundBufferLimitError,
        ) as error:
            log.warning("service does not answer", operation=call.name, reason=str(error))
            raise Refusal("ServiceUnavailable", service=call.service) from None
        reply_headers = message.headers or {}
        if code := reply_headers.get(ERROR):
            raise Refusal(code, **json.loads(message.data))
        return Reply(message.data, _parse_tokens(reply_headers.get(WROTE, "")))

    async def _request(
        self, subject: str, data: bytes, seconds: float, headers: dict[str, str]
    ) -> Msg:
        async with asyncio.timeout(None) as until_lost:
            self._under_way.add(until_lost)
            try:
                return await self._client.request(subject, data, timeout=seconds, headers=headers)
            finally:
                self._under_way.discard(until_lost)


def _parse_tokens(text: str) -> tuple[EventToken, ...]:
    """`allocations:41,allocations:42` → tokens."""
    pairs = (part.rpartition(":") for part in text.split(",") if part)
    return tuple((source, int(event_id)) for source, _, event_id in pairs)


def _details(**values: str) -> bytes:
    return json.dumps(values).encode()
