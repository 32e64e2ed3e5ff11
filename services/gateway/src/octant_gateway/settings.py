"""Every knob of the gateway, read from the environment."""

from octant_chassis.settings import ChassisSettings


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
    max_body_bytes: int = 1_000_000
    """Larger request bodies are refused with 413."""
