"""Every knob of the gateway, read from the environment."""

from typing import Literal

from octant_chassis.settings import ChassisSettings, Secret


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
    max_body_bytes: int = 1_000_000
    """Larger request bodies are refused with 413."""
    socket_url: str = ""
    """Shown by /config.json: scheme, host and port where clients reach Socket.IO; empty: ours."""
    feed_url: str = ""
    """Shown by /config.json."""
    graphql_url: str = ""
    """Shown by /config.json."""
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
