"""One epoch from a GLM lock to a withdrawal, twice: undisturbed, and with everybody killed."""

from pathlib import Path

import pytest
from octant_devnet.world import World

from e2e.client import Noise
from e2e.dump import canonical_dump
from e2e.journey import Journey
from e2e.worlds import world_in

pytestmark = pytest.mark.xdist_group("journey")

OPTIONS = {
    "snapshots": "manual",
    "epoch_duration": 7_776_000,
    "decision_window": 1_209_600,
    "deterministic": True,
    "failpoints": True,
    "durable": False,
    "forked": True,
    "people": False,
}
NOISE = (
    "/epochs/current",
    "/epochs/info/1",
    "/rewards/budgets/epoch/1",
    "/rewards/projects/estimated",
    "/allocations/epoch/1",
    "/info/sync-status",
    "/projects/epoch/1",
)
# step → (service, failpoint, label, passes that survive); None: killed from outside
KILLS: dict[str, list[tuple[str, str | None, str, int]]] = {
    "lock": [("chain-sync", "after_commit", "", 3), ("epochs", "before_commit", "", 2)],
    "pending 1": [
        ("rewards", "before_commit", "pending-snapshot", 0),
        ("epochs", "after_publish", "", 0),
        ("chain-sync", "before_commit", "", 0),
    ],
    "patron": [("allocations", "after_commit", "patron-mode", 0)],
    "unlock": [("epochs", "after_commit", "", 1), ("chain-sync", "after_publish", "", 0)],
    "finalized 1": [
        ("allocations", "before_commit", "", 0),
        ("rewards", "after_commit", "finalized-snapshot", 0),
    ],
    "root 1": [("chain-sync", None, "", 0)],
    "pending 2": [("rewards", "after_commit", "pending-snapshot", 0), ("gateway", None, "", 0)],
    "finalized 2": [("rewards", "before_commit", "finalized-snapshot", 0)],
    "root 2": [("chain-sync", "after_commit", "", 2)],
}
# the n-th allocation → likewise, while it is in flight
KILLS_WHILE_ALLOCATING: dict[int, tuple[str, str | None, str, int]] = {
    2: ("allocations", "before_commit", "allocate", 0),
    6: ("allocations", "after_commit", "allocate", 0),
    10: ("allocations", "after_publish", "", 0),
    14: ("rewards", "before_commit", "", 0),
    18: ("rewards", "after_commit", "", 0),
    22: ("rewards", "after_publish", "", 0),
    26: ("gateway", None, "", 0),
}


class Trouble:
    """Kills as the plan says, and remembers how often."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._allocations = 0
        self.kills = 0

    def __call__(self, step: str) -> None:
        for service, failpoint, label, skip in KILLS.get(step, []):
            self._strike(service, failpoint, label, skip)
        if step == "allocate":
            self._allocations += 1
            if plan := KILLS_WHILE_ALLOCATING.get(self._allocations):
                self._strike(*plan)

    def _strike(self, service: str, failpoint: str | None, label: str, skip: int) -> None:
        self._world.wait_ready(60)
        self.kills += 1
        if failpoint is None:
            self._world.kill(service)
        else:
            self._world.arm_failpoint(service, failpoint, label, skip)


@pytest.fixture(scope="module")
def undisturbed(run_folder: Path) -> dict[str, list[str]]:
    """The journey's own assertions hold, and this is what it leaves."""
    with world_in(run_folder / "undisturbed", **OPTIONS) as (world, gateway):
        Journey(world, gateway).run()
        return canonical_dump(world)


@pytest.mark.timeout(600)
def test_journey__undisturbed__pays_everybody_to_the_wei(
    undisturbed: dict[str, list[str]],
) -> None:
    assert len(undisturbed["rewards.leaves"]) > 30
    assert len(undisturbed["allocations.requests"]) == 43


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_journey__with_every_service_killed_in_flight__leaves_the_same_state(
    undisturbed: dict[str, list[str]], run_folder: Path
) -> None:
    with world_in(run_folder / "killed", **OPTIONS) as (world, gateway):
        trouble = Trouble(world)
        pids = {s: world.pid(s) for s in ("chain-sync", "epochs", "rewards", "allocations")}
        with Noise(world.gateway_url, NOISE) as noise:
            Journey(world, gateway, trouble).run()
        planned = sum(map(len, KILLS.values())) + len(KILLS_WHILE_ALLOCATING)
        assert trouble.kills == planned
        assert all(world.pid(service) != pid for service, pid in pids.items())
        assert set(noise.statuses) <= {0, 200, 204, 400, 403, 404, 500, 503}, noise.statuses
        assert canonical_dump(world) == undisturbed
