"""Composition root: read me first. Wires catalogue, gateway, HTTP server and readiness."""

import asyncio

from litestar import Litestar
from octant_chassis.service import start
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, GATEWAY, REWARDS

from octant_gateway import documentation, errors
from octant_gateway.announcements import Announcements
from octant_gateway.cache.front import Cache
from octant_gateway.cache.store import Store
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.edge import App, edge
from octant_gateway.feed.hub import Hub
from octant_gateway.feed.server import FeedServer
from octant_gateway.gateway import STATUS_CALLS, Gateway
from octant_gateway.legacy import with_legacy_paths
from octant_gateway.limits.addresses import behind
from octant_gateway.limits.heads import HeadLimits, short_heads
from octant_gateway.limits.rates import limited
from octant_gateway.openapi import document
from octant_gateway.realtime import documents, redis
from octant_gateway.realtime.door import beside
from octant_gateway.realtime.server import Realtime
from octant_gateway.routes import routes
from octant_gateway.server import HttpServer
from octant_gateway.settings import GatewaySettings
from octant_gateway.status_page import routes as status_page

SERVICES_BEHIND = (CHAIN_SYNC, EPOCHS, REWARDS, ALLOCATIONS)
ASK_EVERY = 2.0  # seconds; a service that answered a client meanwhile is not asked
LATELY = 10.0  # seconds of silence after which the gateway is not ready


def build(gateway: Gateway, realtime: Realtime, cache: Cache) -> App:
    """The public API as an ASGI app."""
    litestar = Litestar(
        route_handlers=[
            *routes(gateway, CATALOGUE),
            *documentation.routes(document(CATALOGUE)),
            *documents.routes(),
            *status_page.routes(gateway.settings),
        ],
        exception_handlers=errors.HANDLERS,
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # `routes` counts: the refusal is ours
    )
    settings = gateway.settings
    # Behind the limits is what costs something; a cache stands in front of them.
    asking = limited(litestar, gateway.rates)  # type: ignore[arg-type]  # ASGI, typed differently
    known = with_legacy_paths(cache.making(asking), CATALOGUE)
    heads = HeadLimits(
        target_bytes=settings.max_target_bytes,
        header_bytes=settings.max_header_bytes,
        header_lines=settings.max_header_lines,
    )
    http = edge(short_heads(known, heads))
    return cache.before(behind(settings.trusted_proxies, beside(http, realtime.app)))


async def watch(gateway: Gateway) -> None:
    """Asks services that no request has asked lately, so that readiness knows."""
    while True:
        quiet = [
            call
            for call in STATUS_CALLS
            if (silence := gateway.silence(call.service)) is None or silence > ASK_EVERY
        ]
        await asyncio.gather(*(gateway.probe(call) for call in quiet))
        await asyncio.sleep(ASK_EVERY)


def trouble_with(gateway: Gateway, service: str) -> str | None:
    """Why the gateway is not ready because of `service`, or None."""
    silence = gateway.silence(service)
    if silence is None:
        return "has not answered yet"
    return f"has not answered for {silence:.0f} s" if silence > LATELY else None


async def serve(settings: GatewaySettings) -> None:
    async with start(GATEWAY, settings, "octant_gateway", stores=False) as service:
        gateway = Gateway(settings, service.caller)
        manager = None
        if redis.uses_redis(settings):
            await redis.ping(settings)
            manager = redis.manager(settings)
        realtime = Realtime(gateway, manager)
        cache = Cache(
            gateway, Store(settings.cache_bytes, lambda: service.bus.connected), CATALOGUE
        )
        server = HttpServer(
            build(gateway, realtime, cache),
            settings.gateway_host,
            settings.gateway_port,
            lasting=settings.socketio_connections,
            head_seconds=settings.head_seconds,
            stalled_seconds=settings.stalled_seconds,
        )
        announcements = Announcements()
        cache.listen(announcements)
        hub = Hub(gateway, service.bus.jetstream)
        feed = FeedServer(gateway, hub)
        realtime.pushes.listen(announcements)
        hub.listen(announcements)
        await announcements.subscribe(service.bus.client)
        service.bus.on_lost.append(announcements.missed)
        for name in SERVICES_BEHIND:
            service.readiness.check(name, lambda name=name: trouble_with(gateway, name))  # type: ignore[misc]
        service.readiness.check("feed", lambda: feed.trouble)
        service.background("public API", server.run)
        service.background("feed", hub.run)
        service.background("feed connections", feed.run)
        service.background("pushes", realtime.pushes.run)
        service.background("watch", lambda: watch(gateway))
        service.on_stop(feed.stop)
        service.on_stop(realtime.stop)
        service.on_stop(server.stop)
        await service.run()
