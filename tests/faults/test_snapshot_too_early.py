"""A snapshot is asked for before the chain is final past the epoch's end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.client import Gateway
from e2e.worlds import world_in
from octant_contracts.events import CHAIN_SYNC, REWARDS
from octant_devnet import travel
from octant_devnet.world import World

from faults.support import stored, until

pytestmark = pytest.mark.xdist_group("faults-too-early")

NEVER_FINAL = {CHAIN_SYNC: {"CONFIRMATIONS": "1000000"}, REWARDS: {"SNAPSHOT_PATIENCE": "0.5"}}


@pytest.fixture(scope="module")
def running(run_folder: Path) -> Iterator[tuple[World, Gateway]]:
    """In the window of epoch 1, on a chain where nothing becomes final."""
    options = {"snapshots": "manual", "people": False, "env": NEVER_FINAL}
    with world_in(run_folder / "too-early", **options) as (world, gateway):
        travel.to_next_epoch(world.chain, world.deployment, seconds_in=10)
        gateway.wait_synced(world.chain.height())
        yield world, gateway


def test_pending_snapshot__facts_not_final__is_refused_with_the_reason_and_stores_nothing(
    running: tuple[World, Gateway],
) -> None:
    world, gateway = running
    before = stored(world)
    for _ in range(2):
        response = gateway.http.post("/snapshots/pending")
        assert response.status_code == 409
        assert list(response.json()) == ["message"]
        assert response.json()["message"] == (
            "The snapshot of epoch 1 cannot be taken yet: its deposits are not settled at block "
            f"{world.chain.height()}; the chain must be indexed and final past the epoch's end"
        )
        assert int(response.headers["Retry-After"]) >= 1
    assert stored(world) == before
    assert not gateway.get("/snapshots/status/1")["isPending"]
    assert gateway.get("/rewards/budgets/epoch/1") == {"budgets": []}


def test_finalized_snapshot__without_a_pending_one__has_nothing_to_do(
    running: tuple[World, Gateway],
) -> None:
    world, gateway = running
    travel.close_window(world.chain, world.deployment)
    gateway.wait_synced(world.chain.height())
    until(lambda: stored(world)["rewards.seals"], "the seal of the window")
    before = stored(world)
    response = gateway.http.post("/snapshots/finalized")
    assert (response.status_code, response.json()) == (200, None)
    assert stored(world) == before
