"""The optional Redis manager: lets other programs emit to our clients over Redis.

Our own pushes do not need it: every process hears the bus and tells its own clients.
"""

from collections.abc import Mapping
from functools import partial
from urllib.parse import quote

from octant_chassis.command_line import Probe
from octant_chassis.settings import InvalidSettings
from redis.asyncio import Redis
from socketio import AsyncRedisManager  # type: ignore[import-untyped]

from octant_gateway.settings import GatewaySettings

PATIENCE = 5.0  # seconds Redis has to answer


def uses_redis(settings: GatewaySettings) -> bool:
    return settings.socketio_manager_type == "redis"


def validate(settings: GatewaySettings) -> None:
    if uses_redis(settings) and not settings.socketio_redis_host:
        raise InvalidSettings("SOCKETIO_REDIS_HOST must be set with SOCKETIO_MANAGER_TYPE=redis")


async def ping(settings: GatewaySettings) -> None:
    """RedisError when it does not answer."""
    url = _url(settings)
    async with Redis.from_url(url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE) as it:
        await it.ping()


def probes(settings: GatewaySettings) -> Mapping[str, Probe]:
    return {"Redis": partial(ping, settings)} if uses_redis(settings) else {}


def manager(settings: GatewaySettings) -> AsyncRedisManager:
    return AsyncRedisManager(_url(settings))


def _url(settings: GatewaySettings) -> str:
    password = quote(settings.socketio_redis_password.reveal(), safe="")
    host, port = settings.socketio_redis_host, settings.socketio_redis_port
    return f"redis://:{password}@{host}:{port}/{settings.socketio_redis_db}"
