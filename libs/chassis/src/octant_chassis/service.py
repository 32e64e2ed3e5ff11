"""The life of a service process, read top to bottom: start, wait, run, stop.

async with start("allocations", settings, "octant_allocations") as service:
    service.project(CHAIN_SYNC, {BlockAdvanced: ...})
    service.answer(ALLOCATE, ...)
    service.background("name", coroutine_function)
    await service.run()
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from octant_contracts.calls import Call
from octant_contracts.events import PRODUCED

from octant_chassis import telemetry
from octant_chassis.bus import Bus, ensure_stream
from octant_chassis.calls import Applied, Caller, CallServer, Written
from octant_chassis.database import Database, Notifications
from octant_chassis.migrations import migrate
from octant_chassis.operations import Readiness, SidePort, create_app
from octant_chassis.outbox import Relay
from octant_chassis.projection import Handler, Projection
from octant_chassis.settings import ChassisSettings, redacted
from octant_chassis.tasks import end
from octant_chassis.telemetry import log

Q = TypeVar("Q")
A = TypeVar("A")


class Service:
    """What `app.py` wires. Attributes are plain; nothing happens before `run`."""

    def __init__(self, name: str, settings: ChassisSettings, *, stores: bool) -> None:
        self.name = name
        self.settings = settings
        self.readiness = Readiness()
        self.operations = create_app(name, settings, self.readiness)
        self.bus = Bus(settings.nats_url, name)
        self.caller = Caller(self.bus.client)
        self.bus.on_lost.append(self.caller.lost)
        self.stopping = asyncio.Event()
        self._stores = stores
        self._turn = asyncio.Lock()
        self._projections: list[Projection] = []
        self._leaders: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._background: list[tuple[str, Callable[[], Awaitable[None]]]] = []
        self._on_stop: list[Callable[[], Awaitable[None]]] = []
        self._stage = "starting"
        self.readiness.check("start", lambda: None if self._stage == "running" else self._stage)
        applied: Applied | None = None
        if stores:
            schema = name.replace("-", "_")
            self.database = Database(
                settings.db_uri.reveal(), schema, pool_size=settings.db_pool_size
            )
            self.notifications = Notifications(self.database)
            applied = Applied(self.database, self.notifications)
        self._calls = CallServer(self.bus.client, name, applied, settings.call_concurrency)

    def project(self, source: str, handlers: Mapping[type[Any], Handler]) -> None:
        """Apply the events of `source`; one handler per event kind, others pass."""
        projection = Projection(self.database, self.bus, source, handlers, self._turn)
        self._projections.append(projection)
        self.readiness.check(f"events of {source}", lambda: projection.trouble)

    def answer(self, call: Call[Q, A], handler: Callable[[Q], Awaitable[A | Written[A]]]) -> None:
        self._calls.answer(call, handler)

    def lead(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Background work that only one replica does at a time."""
        self._leaders.append((name, work))

    def background(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Background work of every replica. It must not return before the service stops."""
        self._background.append((name, work))

    def on_stop(self, work: Callable[[], Awaitable[None]]) -> None:
        self._on_stop.append(work)

    async def run(self) -> None:
        """Works until SIGTERM or SIGINT, or until background work fails."""
        tasks = [self._task(name, work) for name, work in self._background]
        if self._stores:
            relay = Relay(self.database, self.bus, self.notifications)
            tasks.append(self._task("notifications", self._listen))
            if self.name in PRODUCED:
                self.readiness.check("own events", lambda: relay.trouble)
                tasks.append(self._leader_task("relay", relay.run))
            if self._projections:
                tasks.append(self._leader_task("projections", self._project_all))
                tasks.append(self._task("standby", self._watch_positions))
            tasks += [self._leader_task(name, work) for name, work in self._leaders]
        await self._calls.start()
        self._stage = "running"
        log.info("running", operations_port=self.operations_port)
        stopped = asyncio.create_task(self.stopping.wait())
        done, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        self._stage = "stopping"
        log.info("stopping")
        await self._calls.stop()
        for work in self._on_stop:
            await work()
        await end((stopped, *tasks))
        for task in done - {stopped}:
            task.result()

    @property
    def operations_port(self) -> int:
        return self._side_port.port

    def _open_side_port(self) -> None:
        self._side_port = SidePort(
            self.operations, self.settings.operations_host, self.settings.operations_port
        )
        self._side_port.start()

    async def _connect(self, package: str) -> None:
        if self._stores:
            self._stage = "waiting for the database"
            await _until_answers("database", self.database.ping)
            await migrate(self.database, package)
            self.readiness.check(
                "database", lambda: None if self.notifications.listening else "disconnected"
            )
        self._stage = "waiting for the bus"
        await _until_answers("bus", self._connect_bus)
        self.readiness.check("bus", lambda: None if self.bus.connected else "disconnected")
        self._stage = "wiring"

    async def _connect_bus(self) -> None:
        await self.bus.connect()
        for producer in PRODUCED:
            await ensure_stream(self.bus.jetstream, producer)

    async def _close(self) -> None:
        await self.bus.close()
        if self._stores:
            await self.database.close()
        await self._side_port.stop()

    def _task(self, name: str, work: Callable[[], Awaitable[None]]) -> "asyncio.Task[None]":
        async def guarded() -> None:
            try:
                await work()
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("background work failed", work=name)
                raise

        return asyncio.create_task(guarded(), name=name)

    def _leader_task(self, name: str, work: Callable[[], Awaitable[None]]) -> "asyncio.Task[None]":
        return self._task(name, lambda: self.database.lead(name, work))

    async def _listen(self) -> None:
        await self.notifications.run(("outbox", "applied"))

    async def _project_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for projection in self._projections:
                group.create_task(projection.run())

    async def _watch_positions(self) -> None:
        """A standby's readiness: the active replica keeps the projections current."""
        while True:
            for projection in self._projections:
                await projection.observe()
            await asyncio.sleep(1.0)


@asynccontextmanager
async def start(
    name: str, settings: ChassisSettings, package: str, *, stores: bool = True
) -> AsyncIterator[Service]:
    """A connected, migrated service, ready to be wired. The side port answers from the start.

    `stores=False`: a service without a schema (the gateway).
    """
    telemetry.configure_logging(name, settings.log_level)
    log.info("starting", settings=redacted(settings))
    service = Service(name, settings, stores=stores)
    service._open_side_port()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, service.stopping.set)
    try:
        connecting = asyncio.create_task(service._connect(package))
        stopped = asyncio.create_task(service.stopping.wait())
        await asyncio.wait({connecting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not connecting.done():
            connecting.cancel()
            raise SystemExit(0)
        await connecting
        yield service
    finally:
        await service._close()


async def _until_answers(what: str, attempt: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await attempt()
            return
        except Exception as error:  # drivers wrap their connection errors in their own
            log.warning(f"waiting for the {what}", reason=f"{type(error).__name__}: {error}"[:200])
        await asyncio.sleep(0.5)
