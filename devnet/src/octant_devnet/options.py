"""What one world is like; travels as JSON to the process that supervises it."""

import sys

import msgspec
from octant_contracts.events import SERVICES

from octant_devnet.ports import Ports

SERVE: tuple[str, ...] = (sys.executable, "-m", "octant_{package}", "serve")


class WorldOptions(msgspec.Struct, frozen=True, kw_only=True):
    ports: Ports
    snapshots: str = "auto"
    """auto: rewards takes them by itself; manual: by POST, as the reference does."""
    epoch_duration: int = 3600
    """Seconds of chain time; only a first start looks at it, as at `decision_window`."""
    decision_window: int = 1800
    deterministic: bool = False
    """Genesis at a fixed time, then one second per block, whatever the clock says."""
    heartbeat: float | None = None
    """Seconds after which an idle chain gets an empty block; None leaves chain time alone."""
    confirm: bool = True
    """chain-sync puts merkle roots on chain and funds the vault."""
    failpoints: bool = False
    durable: bool = True
    """False: the database may lose data in a power cut, and is faster."""
    people: bool = True
    """A first start gives people GLM, and lets them lock."""
    services: tuple[str, ...] = SERVICES
    env: dict[str, dict[str, str]] = {}
    """More variables by service, under "*" for all."""
    command: tuple[str, ...] = SERVE
    """How a service is started; `{package}` and `{service}` are filled in."""
