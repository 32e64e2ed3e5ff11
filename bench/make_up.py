"""From nothing running to a ready world, warm, against its bare parts: chain, bus, database."""

import shutil
import time
from pathlib import Path

from measure import report
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.world import World

FOLDER = Path("var") / "bench-make-up"


def start(services: bool) -> float:
    """Seconds until ready, data of an earlier start in place."""
    kept = {} if services else {"services": ()}
    world = World(FOLDER, WorldOptions(ports=random_ports(), **kept))
    started = time.perf_counter()
    with world:
        world.wait_ready()
        return time.perf_counter() - started


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    start(services=True)
    floor, ours = start(services=False), start(services=True)
    report("make up, warm, until ready", floor, ours, "s ")
    shutil.rmtree(FOLDER, ignore_errors=True)


main()
