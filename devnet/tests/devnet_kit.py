"""Helpers of these tests: stand-ins for the services, and ports that nobody has."""

import sys
from pathlib import Path

from octant_devnet.ports import random_ports

STANDIN = (sys.executable, str(Path(__file__).with_name("standin.py")), "{service}")


def wanted_ports() -> dict[str, int]:
    """By listener, as `up` wants them."""
    ports = random_ports()
    names = ("gateway", "feed", "anvil", "nats", "postgres")
    simple = {name: getattr(ports, name) for name in names}
    return simple | {f"operations of {name}": port for name, port in ports.operations.items()}
