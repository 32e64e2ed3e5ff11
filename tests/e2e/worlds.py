"""A ready world for one test or module, and its gateway."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.world import World

from e2e.client import Gateway


@contextmanager
def world_in(folder: Path, **options: Any) -> Iterator[tuple[World, Gateway]]:
    """With forked services and a database that may lose data, unless told otherwise."""
    usual = {"ports": random_ports(), "durable": False, "forked": True, "failpoints": True}
    with World(folder, WorldOptions(**{**usual, **options})) as world:
        world.wait_ready(90)
        gateway = Gateway(world.gateway_url)
        try:
            yield world, gateway
        finally:
            gateway.close()
