"""The real gateway over real NATS and HTTP; the four services are played by the test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from octant_chassis import telemetry
from octant_chassis.bus import Bus
from octant_chassis.calls import Caller, CallServer
from octant_contracts.calls import CALLS, Call
from octant_contracts.errors import Refusal
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, GATEWAY, REWARDS
from octant_devnet.servers import free_port
from octant_gateway.announcements import Announcements
from octant_gateway.app import build
from octant_gateway.cache.front import Cache
from octant_gateway.cache.store import Store
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.gateway import Gateway
from octant_gateway.realtime.server import Realtime
from octant_gateway.server import HttpServer
from octant_gateway.settings import GatewaySettings

SERVICES = (CHAIN_SYNC, EPOCHS, REWARDS, ALLOCATIONS)


class Asked:
    """One call as a service received it."""

    def __init__(self, call: Call[Any, Any], request: Any, after: Any, correlation: str) -> None:
        self.call = call
        self.request = request
        self.after = after
        self.correlation = correlation


class Tokens:
    """Stands where a service waits for events: notes what it was asked to wait for."""

    def __init__(self) -> None:
        self.last: tuple[Any, ...] = ()
        self.refuse = False

    async def wait(self, tokens: Any, timeout: float) -> None:
        self.last = tuple(tokens)
        if self.refuse:
            raise Refusal("NotLoadedYet", what="Your last change")


class Services:
    """Answers calls as `answers` says; a callable gets the request."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self._servers: dict[str, CallServer] = {}
        self.answers: dict[str, Any] = {}
        self.asked: list[Asked] = []
        self.tokens = {service: Tokens() for service in SERVICES}

    def on(self, call: Call[Any, Any], answer: Any) -> None:
        self.answers[repr(call)] = answer

    async def start(self, service: str) -> None:
        server = CallServer(self.bus.client, service, self.tokens[service], 64)  # type: ignore[arg-type]
        for call in CALLS:
            if call.service == service:
                server.answer(call, self._handler(call))
        await server.start()
        self._servers[service] = server

    async def stop(self, service: str) -> None:
        await self._servers.pop(service).stop()

    async def stop_all(self) -> None:
        for service in list(self._servers):
            await self.stop(service)

    def requests(self, call: Call[Any, Any]) -> list[Any]:
        return [asked.request for asked in self.asked if asked.call is call]

    def _handler(self, call: Call[Any, Any]) -> Callable[[Any], Awaitable[Any]]:
        async def handle(request: Any) -> Any:
            tokens = self.tokens[call.service]
            after, tokens.last = tokens.last, ()
            self.asked.append(Asked(call, request, after, telemetry.correlation_id.get()))
            answer = self.answers[repr(call)]
            if callable(answer):
                answer = answer(request)
            if asyncio.iscoroutine(answer):
                answer = await answer
            if isinstance(answer, Exception):
                raise answer
            return answer

        return handle


class World:
    def __init__(
        self,
        services: Services,
        gateway: Gateway,
        realtime: Realtime,
        bus: Bus,
        client: httpx.AsyncClient,
        port: int,
    ) -> None:
        self.services = services
        self.gateway = gateway
        self.realtime = realtime
        self.bus = bus
        self.client = client
        self.port = port
        self.announcements: Announcements
        self.store: Store
        self.now = 0.0

    async def get(self, path: str, **options: Any) -> httpx.Response:
        return await self.client.get(path, **options)

    async def raw(self, data: bytes) -> tuple[int, bytes]:
        """Status and whole answer of hand-written HTTP/1.1."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(data)
        await writer.drain()
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await writer.wait_closed()
        return int(answer.split(b" ", 2)[1]), answer


@asynccontextmanager
async def running(nats_url: str, **knobs: Any) -> AsyncIterator[World]:
    services_bus, gateway_bus = Bus(nats_url, "services"), Bus(nats_url, GATEWAY)
    await services_bus.connect()
    await gateway_bus.connect()
    services = Services(services_bus)
    for service in SERVICES:
        await services.start(service)
    port = free_port()
    # Most tests change what services answer without an announcement.
    # And some ask thousands of times while the clock stands still.
    knobs = {"cache_bytes": 0, "rate_limit_reads": 0, "rate_limit_writes": 0, **knobs}
    settings = GatewaySettings(gateway_port=port, nats_url=nats_url, **knobs)
    world: World
    gateway = Gateway(settings, Caller(gateway_bus.client), clock=lambda: world.now)
    realtime = Realtime(gateway)
    store = Store(settings.cache_bytes, lambda: gateway_bus.connected)
    cache = Cache(gateway, store, CATALOGUE)
    announcements = Announcements()
    cache.listen(announcements)
    await announcements.subscribe(gateway_bus.client)
    server = HttpServer(
        build(gateway, realtime, cache),
        settings.gateway_host,
        port,
        head_seconds=settings.head_seconds,
        stalled_seconds=settings.stalled_seconds,
    )
    serving = asyncio.create_task(server.run())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        world = World(services, gateway, realtime, gateway_bus, client, port)
        world.announcements = announcements
        world.store = store
        await answers_http(port)
        try:
            yield world
        finally:  # of a failed test, too, or the next one asks services that it does not play
            await realtime.stop()
            await server.stop()
            await serving
            await services.stop_all()
            await gateway_bus.close()
            await services_bus.close()


async def answers_http(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
                continue
            writer.close()
            await writer.wait_closed()
            return


@pytest.fixture
async def world(nats_url: str) -> AsyncIterator[World]:
    async with running(nats_url) as made:
        yield made


@pytest.fixture
def gateway_with(nats_url: str) -> Callable[..., Any]:
    """`async with gateway_with(deployment_id=…) as world`."""
    return lambda **knobs: running(nats_url, **knobs)
