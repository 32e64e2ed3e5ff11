"""A stage per journey, and one that journeys share which need no time to pass."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys.settled import Settled, settled_stage
from journeys.stage import Stage, stage


@pytest.fixture
def fresh_stage(run_folder: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage(run_folder / request.node.name[:40]) as made:
        yield made


@pytest.fixture(scope="package")
def settled(run_folder: Path) -> Iterator[Settled]:
    with settled_stage(run_folder / "settled") as made:
        yield made
