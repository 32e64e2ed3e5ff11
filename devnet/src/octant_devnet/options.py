"""What one world is like; kept as JSON for the process that supervises it, and other commands."""

import sys
from pathlib import Path

import msgspec
from octant_contracts.events import SERVICES

from octant_devnet.attach import Attachment
from octant_devnet.ports import Ports
from octant_devnet.worldfile import write_private

SERVE: tuple[str, ...] = (sys.executable, "-m", "octant_{package}", "serve")


class WorldOptions(msgspec.Struct, frozen=True, kw_only=True):
    ports: Ports
    attach: Attachment | None = None
    """Somebody else's chain and contracts; None: a chain of our own."""
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
    forked: bool = False
    """Services are forked from a process that has imported them; `command` is not used."""
    command: tuple[str, ...] = SERVE
    """How a service is started; `{package}` and `{service}` are filled in."""


def write_options(folder: Path, options: WorldOptions) -> None:
    write_private(folder / "options.json", msgspec.json.encode(options))


def read_options(folder: Path) -> WorldOptions | None:
    """Of the last start; None when there was none, or none of this version."""
    try:
        return msgspec.json.decode((folder / "options.json").read_bytes(), type=WorldOptions)
    except (FileNotFoundError, msgspec.ValidationError):
        return None
