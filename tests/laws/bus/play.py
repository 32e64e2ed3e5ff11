"""The same short epoch in every world: whatever happens meanwhile, it must leave the same."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from e2e.client import Gateway
from e2e.worlds import world_in
from octant_devnet import people, seed, travel
from octant_devnet.world import World

from laws.support import rows

GLM = 10**18
PEOPLE = 16
GIFTS = 24
Trouble = Callable[[str], None]
"""Called with the name of each step just before it happens."""


def no_trouble(_: str) -> None:
    """An undisturbed run."""


class Play:
    """Seeded: every run does the same, in blocks of the same time."""

    def __init__(self, world: World, gateway: Gateway, trouble: Trouble = no_trouble) -> None:
        self.world, self.gateway, self.trouble = world, gateway, trouble
        self.random = random.Random("bus")
        self.people = [people.person(i, "bus") for i in range(PEOPLE)]
        self.projects = [project.address for project in seed.seeded_projects()]

    def run(self) -> None:
        chain, deployment, gateway = self.world.chain, self.world.deployment, self.gateway
        people.fund_people(chain, deployment, self.people, [50_000 * GLM] * PEOPLE)
        self.trouble("lock")
        for who in range(0, PEOPLE, 4):
            group = self.people[who : who + 4]
            people.lock_many(chain, deployment, [(p, 1_000 * GLM * (p.index + 1)) for p in group])
        people.unlock(chain, deployment, self.people[1], 100 * GLM)
        self.trouble("end")
        travel.to_next_epoch(chain, deployment, seconds_in=60)
        self.trouble("pending")
        gateway.take_snapshot("pending")
        self.give()
        self.trouble("close")
        travel.close_window(chain, deployment)
        self.trouble("finalized")
        gateway.take_snapshot("finalized")
        gateway.wait_for("funds and root on chain", self.confirmed)
        gateway.wait_for("what every gift moved", self.all_told)
        gateway.wait_synced(chain.height())

    def give(self) -> None:
        """A burst: nobody waits for anything but the answers."""
        self.trust(self.people[3])
        budgets = {
            row["address"]: int(row["amount"])
            for row in self.gateway.get("/rewards/budgets/epoch/1")["budgets"]
        }
        for number in range(GIFTS):
            person = self.people[self.random.randrange(PEOPLE - 1)]
            parts = self.random.randint(1, 3)
            most = budgets[person.address] // parts
            chosen = self.random.sample(self.projects, parts)
            self.trouble(f"gift {number}")
            self.gateway.allocate(person, [(p, self.random.randrange(most)) for p in chosen])
            if number == GIFTS // 2:
                self.gateway.set_patron_mode(self.people[-1], True)

    def trust(self, person: people.Person) -> None:
        body = {
            "epoch": 1, "user": person.address, "score": "1.0",
            "who": "operator", "why": "known to be one person",
        }  # fmt: skip
        url = self.world.operations_url("allocations")
        assert httpx.post(f"{url}/uniqueness-quotients", json=body).is_success

    def confirmed(self) -> bool:
        """And the receipts of both noted."""
        query = "SELECT 1 FROM chain_sync.transactions WHERE epoch = 1 AND succeeded"
        return len(rows(self.world, query)) == 2

    def all_told(self) -> bool:
        """The leverage of each request has come back from rewards."""
        query = "SELECT 1 FROM allocations.requests WHERE leverage IS NULL"
        return not rows(self.world, query)


@contextmanager
def stage_in(folder: Path, **options: Any) -> Iterator[tuple[World, Gateway]]:
    """A world in which a play can run."""
    usual = {"snapshots": "manual", "deterministic": True, "people": False}
    with world_in(folder, **{**usual, **options}) as (world, gateway):
        yield world, gateway
