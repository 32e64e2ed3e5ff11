"""One world for all tests that need an open window only, and the dApp's client."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from e2e.client import Gateway
from e2e.worlds import world_in
from faults.support import open_window

from realtime.gateways import Pair, another_gateway
from realtime.node import Node, node


@pytest.fixture(scope="package")
def pair(run_folder: Path) -> Iterator[Pair]:
    with world_in(run_folder / "realtime") as (world, gateway):
        open_window(world, gateway)
        with another_gateway(world) as url:
            second = Gateway(url)
            yield Pair(world, gateway, second)
            second.close()


@pytest.fixture
async def nodes() -> AsyncIterator[Node]:
    async with node() as running:
        yield running
