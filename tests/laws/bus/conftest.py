"""What the play leaves when nothing happens to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.client import Gateway
from e2e.dump import canonical_dump
from octant_devnet.world import World

from laws.bus.play import Play, stage_in

Dump = dict[str, list[str]]


@pytest.fixture(scope="package")
def undisturbed(run_folder: Path) -> Iterator[tuple[World, Gateway, Dump]]:
    """The world after it, and the dump that was made then."""
    with stage_in(run_folder / "undisturbed-play") as (world, gateway):
        Play(world, gateway).run()
        yield world, gateway, canonical_dump(world)


@pytest.fixture(scope="package")
def wanted(undisturbed: tuple[World, Gateway, Dump]) -> Dump:
    return undisturbed[2]
