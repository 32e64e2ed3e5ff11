"""The cache as ASGI, twice: kept answers go out before anything else looks at the request, and
answers that can be kept are made once for all who ask meanwhile."""

import asyncio
import re
import secrets
from collections.abc import Iterator, Sequence
from itertools import count

from octant_chassis.telemetry import log
from octant_contracts.calls import REWARDS_STATUS, Nothing
from octant_contracts.errors import Refusal
from octant_contracts.events import Event, FinalizedSnapshotTaken

from octant_gateway.announcements import Announcements
from octant_gateway.cache.entry import Entry, Header, Variant
from octant_gateway.cache.reading import Reading, reading
from octant_gateway.cache.store import Key, Making, Store, joined, misses
from octant_gateway.edge import CORS, REQUEST_ID, App, Message, Receive, Send
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation

STALE: Header = (b"x-octant-stale", b"true")


class Response:
    """As the router gave it."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[Header] = []
        self.body = b""

    async def capture(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", ()))
        else:
            self.body += message.get("body", b"")


class Cache:
    def __init__(self, gateway: Gateway, store: Store, catalogue: Sequence[Operation]) -> None:
        self._gateway = gateway
        self._store = store
        self._cacheable = [
            (re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", operation.path)), operation)
            for operation in catalogue
            if is_cacheable(operation) and store.limit > 0
        ]
        self._making: dict[Key, tuple[Making, asyncio.Task[tuple[Response, Entry | None]]]] = {}
        self._finalized: int | None = None
        self._request_ids = _request_ids()

    def listen(self, announcements: Announcements) -> None:
        """First of all listeners: who reads after an event is to read anew."""

        def announced(event: Event) -> None:
            self._gateway.heard.hear(event, announcements.token)
            if isinstance(event, FinalizedSnapshotTaken) and self._finalized is not None:
                self._finalized = max(self._finalized, event.epoch)
            self._store.announced(event)

        def missed() -> None:
            self._gateway.heard.forget()
            self._finalized = None
            self._store.missed()

        announcements.hear(Event, announced)
        announcements.on_missed(missed)
        self._gateway.on_wrote = self._store.wrote

    def before(self, app: App) -> App:
        """`app`, after a look at what is kept."""
        get = self._store.get

        async def respond(scope: Message, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["method"] == "GET":
                entry = get((scope["path"], scope["query_string"]))
                if entry is not None:
                    await self._answer(entry, scope, send)
                    return
            await app(scope, receive, send)

        return respond

    def making(self, app: App) -> App:
        """`app`, asked once for all who want the same; what it answers is kept."""

        async def respond(scope: Message, receive: Receive, send: Send) -> None:
            operation, epoch = self._find(scope)
            if operation is None or not self._store.is_connected():
                await app(scope, receive, send)
                return
            key = (scope["path"], scope["query_string"])
            under_way = self._making.get(key)
            if under_way is not None and under_way[0].joinable:
                joined.inc()
                _, entry = await asyncio.shield(under_way[1])
                if entry is None:  # a refusal is for whom it was made
                    await app(scope, receive, send)
                else:
                    await self._deliver(entry, scope, send)
                return
            misses.inc()
            making = self._store.begin(*_dependencies(operation))
            task = asyncio.create_task(self._make(app, scope, key, operation, epoch, making))
            self._making[key] = (making, task)
            task.add_done_callback(lambda done: self._made(key, done))
            response, entry = await asyncio.shield(task)
            if entry is None:
                start = {"status": response.status, "headers": response.headers}
                await send({"type": "http.response.start", **start})
                await send({"type": "http.response.body", "body": response.body})
            else:
                await self._deliver(entry, scope, send)

        return respond

    def _find(self, scope: Message) -> tuple[Operation | None, int | None]:
        """The operation, and the epoch it is asked about."""
        if scope["type"] == "http" and scope["method"] == "GET":
            for pattern, operation in self._cacheable:
                if match := pattern.fullmatch(scope["path"]):
                    epoch = match.groupdict().get("epoch_number", "")
                    known = epoch.isascii() and epoch.isdigit() and len(epoch) < 10
                    return operation, int(epoch) if known else None
        return None, None

    def _made(self, key: Key, task: "asyncio.Task[tuple[Response, Entry | None]]") -> None:
        if key in self._making and self._making[key][1] is task:
            del self._making[key]
        if not task.cancelled() and task.exception() is not None:
            log.error("answer could not be made", path=key[0], reason=repr(task.exception()))

    async def _make(
        self,
        app: App,
        scope: Message,
        key: Key,
        operation: Operation,
        epoch: int | None,
        making: Making,
    ) -> tuple[Response, Entry | None]:
        """The response, and the entry when others may have it, too."""
        entry: Entry | None = None
        try:
            final = epoch is not None and await self._is_final(operation, epoch)
            noted = Reading()
            reading.set(noted)
            response = Response()
            await app(scope, _nothing, response.capture)
            if not noted.calls <= set(operation.reads):
                log.error("operation reads what it does not list", path=operation.path)
            elif response.status == 200 and noted.calls and (noted.keepable or final):
                max_age = self._gateway.settings.immutable_seconds
                tags = frozenset(noted.tags)
                body = response.body
                hits = self._store.hits.of(operation.path)
                entry = Entry(key, hits, body, tags, final=final, max_age=max_age)
            return response, entry
        finally:
            self._store.end(making, entry)

    async def _is_final(self, operation: Operation, epoch: int) -> bool:
        """Asked before the answer is made: it is about an epoch that was finalized before."""
        if not all(call.final for call in operation.reads) or epoch < 1:
            return False
        if self._finalized is None:
            try:
                status = await self._gateway.ask(REWARDS_STATUS, Nothing())
            except Refusal:
                return False
            self._finalized = status.last_finalized_snapshot
        return epoch <= self._finalized

    async def _answer(self, entry: Entry, scope: Message, send: Send) -> None:
        """The whole response, in place of everything behind."""
        request_id = accepted = condition = b""
        for name, value in scope["headers"]:
            if name == b"accept-encoding":
                accepted = value
            elif name == b"if-none-match":
                condition = value
            elif name == b"x-request-id" and REQUEST_ID.fullmatch(value):
                request_id = value
        own = (b"x-request-id", request_id or next(self._request_ids))
        status, headers, body = await _chosen(entry, condition, accepted)
        if status == 304:
            entry.count.not_modified += 1
        else:
            entry.count.whole += 1
        headers = [*headers, own]
        if not self._gateway.away.isdisjoint(entry.services):
            headers.append(STALE)
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(body)

    async def _deliver(self, entry: Entry, scope: Message, send: Send) -> None:
        """Behind the edge, which adds what every answer has."""
        scope["path_template"] = entry.path
        request = dict(scope["headers"])
        condition = request.get(b"if-none-match", b"")
        accepted = request.get(b"accept-encoding", b"")
        status, headers, body = await _chosen(entry, condition, accepted)
        headers = [header for header in headers if header not in CORS]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send(body)


def is_cacheable(operation: Operation) -> bool:
    return bool(operation.reads) and all(call.invalidated_by for call in operation.reads)


def _dependencies(operation: Operation) -> tuple[frozenset[type[Event]], frozenset[str]]:
    kinds = frozenset(kind for call in operation.reads for kind in call.invalidated_by)
    services = frozenset(s for call in operation.reads for s in (call.service, *call.asks))
    return kinds, services


async def _chosen(
    entry: Entry, condition: bytes, accepted: bytes
) -> tuple[int, list[Header], Message]:
    """Status, headers and body for who sent this If-None-Match and Accept-Encoding."""
    # It compares weakly.
    if condition and (condition == b"*" or entry.etag.removeprefix(b"W/") in condition):
        return 304, entry.not_modified, _EMPTY
    variant = await _variant(entry, accepted)
    return 200, variant.headers, variant.body


async def _variant(entry: Entry, accepted: bytes) -> Variant:
    if accepted and b"q=0" not in accepted:
        if b"zstd" in accepted:
            return entry.zstd or await entry.compressed(b"zstd")
        if b"gzip" in accepted:
            return entry.gzip or await entry.compressed(b"gzip")
    return entry.plain


def _request_ids() -> Iterator[bytes]:
    """Cheaper than the edge's: what nothing is logged of needs only to be told apart."""
    prefix = secrets.token_hex(4).encode()
    for number in count():
        yield b"%b%08x" % (prefix, number)


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


_EMPTY = {"type": "http.response.body", "body": b"", "more_body": False}
