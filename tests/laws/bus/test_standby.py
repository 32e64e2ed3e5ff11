"""An ordered projection has one active process; when it dies in a burst, the other goes on."""

import json
import time
from pathlib import Path

import pytest
from e2e.dump import canonical_dump
from faults.support import metric, readiness, until
from octant_contracts.events import ALLOCATIONS, EPOCHS, REWARDS
from octant_devnet.world import World

from laws.bus.conftest import Dump
from laws.bus.play import GIFTS, Play, stage_in
from laws.support import Seconds, rows, seconds

pytestmark = pytest.mark.xdist_group("laws-bus")

TAKES_OVER = 8.0
"""Seconds; on an idle machine a fraction of one."""
# From which step on → who dies around the end of the next transaction of this label.
DEATHS = {
    "lock": (EPOCHS, "before_commit", "project-chain-sync"),
    "gift 5": (REWARDS, "before_commit", "project-allocations"),
    "gift 12": (ALLOCATIONS, "after_commit", "project-rewards"),
}


class Reaper:
    """Lets the active process of a service die in the middle of its work."""

    def __init__(self, world: World, second: Seconds) -> None:
        self.world, self.second = world, second
        self.took: dict[str, float] = {}

    def __call__(self, step: str) -> None:
        if step in DEATHS:
            service, failpoint, label = DEATHS[step]
            assert applied(self.world.operations_url(service)) > 0
            assert applied(self.second.operations_url(service)) == 0
            self.world.hold(service)
            self.world.arm_failpoint(service, failpoint, label)
        elif step == "end":
            self.taken_over(EPOCHS)
        elif step == "gift 11":
            self.taken_over(REWARDS)
        elif step == "close":
            self.taken_over(ALLOCATIONS)

    def taken_over(self, service: str) -> None:
        own, other = self.world.operations_url(service), self.second.operations_url(service)
        until(lambda: readiness(own) is None, f"{service} dies", TAKES_OVER)
        started = time.monotonic()
        until(lambda: applied(other) > 0, f"the second {service} takes over", TAKES_OVER)
        until(lambda: readiness(other) == (200, {}), f"the second {service} ready", TAKES_OVER)
        self.took[service] = time.monotonic() - started


def test_projections__active_process_killed_in_a_burst__go_on_in_order_with_the_same_numbers(
    run_folder: Path, wanted: Dump
) -> None:
    with (
        stage_in(run_folder / "standby") as (world, gateway),
        seconds(world, EPOCHS, REWARDS, ALLOCATIONS) as second,
    ):
        reaper = Reaper(world, second)
        Play(world, gateway, reaper).run()
        assert set(reaper.took) == {EPOCHS, REWARDS, ALLOCATIONS}
        assert canonical_dump(world) == wanted
        # Rewards heard every change once, in the order in which allocations told them.
        told = [
            e["sequence"]
            for e in events(world, ALLOCATIONS, "allocated", "patron-mode-set")
            if "revoked_epoch" not in e or e["revoked_epoch"] is not None
        ]
        heard = [e["sequence"] for e in events(world, REWARDS, "estimates-changed")]
        assert heard == told
        assert len(told) == GIFTS + 1


def applied(operations_url: str) -> float:
    return metric(operations_url, "octant_events_applied_total")


def events(world: World, service: str, *names: str) -> list[dict[str, int]]:
    """In the order of the stream."""
    subjects = [f"octant.{service}.v1.{name}" for name in names]
    query = f"SELECT payload FROM {service}.outbox WHERE subject = ANY($1) ORDER BY stream_sequence"
    return [json.loads(row["payload"]) for row in rows(world, query, subjects)]
