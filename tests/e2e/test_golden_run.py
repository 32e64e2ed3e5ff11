"""Four epochs, twice: undisturbed, and with all services restarted in the middle of each phase."""

from pathlib import Path
from typing import Any

import pytest
from octant_devnet.world import World

from e2e.dump import canonical_dump
from e2e.golden import EPOCHS, Golden
from e2e.worlds import world_in

pytestmark = [pytest.mark.xdist_group("golden"), pytest.mark.slow, pytest.mark.timeout(600)]

PHASES = ("facts", "pending", "allocations", "finalization", "root", "withdrawals")
OPTIONS: dict[str, Any] = {
    "snapshots": "manual",
    "epoch_duration": 7_776_000,
    "decision_window": 1_209_600,
    "deterministic": True,
    "durable": False,
    "people": False,
}
Run = tuple[dict[str, Any], dict[str, list[str]]]


class Restarts:
    """Kills every service; they come back while the run goes on."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._pids: list[int] = []
        self.phases: list[str] = []

    def __call__(self, phase: str) -> None:
        world = self._world
        world.wait_ready(60)
        pids = [world.pid(service) for service in world.options.services]
        assert not set(pids) & set(self._pids), "somebody was not restarted"
        self._pids, self.phases = pids, [*self.phases, phase]
        for service in world.options.services:
            world.kill(service)


@pytest.fixture(scope="module")
def undisturbed(run_folder: Path) -> Run:
    with world_in(run_folder / "golden", **OPTIONS) as (world, gateway):
        told = Golden(world, gateway, lambda phase: None).run()
        return told, canonical_dump(world)


def test_golden_run__undisturbed__tells_what_follows_from_facts_and_requests(
    undisturbed: Run,
) -> None:
    """Compared while it ran; here: it did contain what it is for."""
    told, stored = undisturbed
    kinds = {item["type"] for answer in told.values() for item in answer.get("history", [])}
    assert kinds == {"lock", "unlock", "allocation", "withdrawal", "patron_mode_donation"}
    for epoch in range(1, EPOCHS + 1):
        info = told[f"/epochs/info/{epoch}"]
        assert int(info["patronsRewards"]) > 0
        assert int(info["matchedRewards"]) > 0
    assert any(row for row in stored["allocations.allocations"] if '"amount": "0"' in row)


def test_golden_run__with_all_services_restarted_in_each_phase__tells_the_same(
    undisturbed: Run, run_folder: Path
) -> None:
    told, stored = undisturbed
    with world_in(run_folder / "golden-restarted", **OPTIONS) as (world, gateway):
        restarts = Restarts(world)
        assert Golden(world, gateway, restarts).run() == told
        assert canonical_dump(world) == stored
    assert restarts.phases == [
        f"{phase} {epoch}" for epoch in range(1, EPOCHS + 1) for phase in PHASES
    ]
