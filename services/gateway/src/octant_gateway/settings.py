"""Every knob of the gateway, read from the environment."""

from typing import Annotated, Literal

from msgspec import Meta
from octant_chassis.settings import ChassisSettings, Secret

from octant_gateway.limits.addresses import PRIVATE, Proxies

Seconds = Annotated[float, Meta(gt=0)]
AtLeast0 = Annotated[int, Meta(ge=0)]


class GatewaySettings(ChassisSettings, frozen=True, kw_only=True):
    """`DB_URI` is unused: the gateway stores nothing."""

    gateway_host: str = "127.0.0.1"
    """Address the public API listens on; 0.0.0.0 in a container."""
    gateway_port: int = 5000
    """Port of the public API."""
    deployment_id: str = "unknown"
    """Shown as `id` by /info/version."""
    octant_env: str = "development"
    """`production` makes /info/version say `prod`; everything else is `dev`."""
    chain_name: str = "unknown"
    """Shown as `chain` by /info/version."""
    x_real_ip_required: bool = True
    """Whether what records an IP address is refused without the ingress' `X-Real-IP`."""
    trusted_proxies: Proxies = Proxies(PRIVATE)
    """Networks, with commas, whose `X-Real-IP` is believed; from others it counts as missing."""
    max_body_bytes: int = 1_000_000
    """Larger request bodies are refused with 413."""
    max_target_bytes: AtLeast0 = 32_768
    """A longer path with its query is refused with 414."""
    max_header_bytes: AtLeast0 = 32_768
    """More bytes of headers are refused with 431."""
    max_header_lines: AtLeast0 = 64
    """More headers are refused with 431."""
    head_seconds: Seconds = 65.0
    """A connection without a whole request line and headers for so long is closed, also between
    two requests; more than a proxy keeps an idle connection to us."""
    body_seconds: Seconds = 30.0
    """A body that takes longer to arrive is refused with 408."""
    stalled_seconds: Seconds = 30.0
    """A connection whose client takes nothing of what we send for so long is closed."""
    rate_limit_reads: AtLeast0 = 6000
    """Requests a minute of one address that read; 0: no limit. More at once are 429."""
    rate_limit_writes: AtLeast0 = 600
    """Requests a minute of one address that change something; 0: no limit."""
    cool_down_seconds: Annotated[float, Meta(ge=0)] = 10.0
    """Between two requests about one user that ask outside systems; 0: none."""
    cache_bytes: AtLeast0 = 67_108_864
    """Memory for kept answers; 0: none are kept."""
    immutable_seconds: AtLeast0 = 31_536_000
    """How long clients may keep answers about finalized epochs without asking."""
    socket_url: str = ""
    """Shown by /config.json: scheme, host and port where clients reach Socket.IO; empty: ours."""
    feed_url: str = ""
    """Shown by /config.json: where clients reach the live feed; empty: ours."""
    graphql_url: str = ""
    """Shown by /config.json."""
    feed_host: str = "127.0.0.1"
    """Address the live feed listens on; 0.0.0.0 in a container."""
    feed_port: int = 5001
    """Port of the live feed."""
    feed_connections: int = 10_000
    """Feed connections at once; more are refused with 503."""
    feed_connections_per_ip: int = 1000
    """Of one address: `X-Real-IP` as the ingress sets it, or else the peer."""
    feed_topics: int = 64
    """Topics that one connection may subscribe."""
    feed_message_bytes: int = 16_384
    """A longer message ends its connection."""
    feed_messages_per_second: int = 20
    """Of one connection, over two seconds; more end it."""
    feed_backlog_bytes: int = 262_144
    """A client for whom more is waiting is dropped."""
    socketio_message_bytes: int = 1_000_000
    """A longer message ends its connection."""
    socketio_connections: int = 4000
    """Socket.IO connections at once; more are refused."""
    socketio_connections_per_ip: int = 1000
    """Of one address: `X-Real-IP` as the ingress sets it, or else the peer."""
    socket_ack_on_error: Literal["always", "never"] = "always"
    """`never`: a refused `allocate` is not acknowledged; clients that take every acknowledgement
    for a success then go on waiting instead."""
    socketio_manager_type: str = "memory"
    """`redis` lets other programs emit to our clients; pushes work without."""
    socketio_redis_host: str = ""
    socketio_redis_port: int = 6379
    socketio_redis_password: Secret = Secret("")
    socketio_redis_db: int = 0
