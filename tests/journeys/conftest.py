"""A stage per journey."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from journeys.stage import Stage, stage


@pytest.fixture
def fresh_stage(run_folder: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    with stage(run_folder / request.node.name[:40]) as made:
        yield made
