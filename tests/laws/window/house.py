"""One world for the laws of the decision window, and a window of its own for each test.

Two gateways, and two processes of the services that answer writes.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from e2e.client import Gateway
from e2e.worlds import world_in
from octant_contracts.events import ALLOCATIONS, GATEWAY, REWARDS
from octant_devnet import people, seed, travel
from octant_devnet.world import World
from octant_protocol.address import eip55

from laws.support import Seconds, rows, seconds

GLM = 10**18
PEOPLE = 42
LOCKED = 15_000 * GLM
FIRST = 4
"""The epochs before it are told by rules of their own once they are final."""


@dataclass(frozen=True)
class Window:
    """The open window of an epoch that is over: budgets above zero by address text."""

    epoch: int
    budgets: dict[str, int]


class House:
    """The world, and how to get at it by two ways."""

    def __init__(self, world: World, gateway: Gateway, second: Seconds) -> None:
        self.world, self.gateway, self.second = world, gateway, second
        self.urls = (world.gateway_url, second.gateway_url)
        self.people = [people.person(i, "laws") for i in range(PEOPLE)]
        self.projects = [project.address for project in seed.seeded_projects()]
        self.giving_project = seed.seeded_projects()[-1]
        """Has a budget as the people have."""

    def lock(self) -> None:
        chain, deployment = self.world.chain, self.world.deployment
        lockers = [*self.people, self.giving_project]
        people.fund_people(chain, deployment, lockers, [LOCKED] * len(lockers))
        people.lock_many(chain, deployment, [(person, LOCKED) for person in lockers])
        travel.to_epoch(chain, deployment, FIRST)

    @asynccontextmanager
    async def clients(self) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
        """Of both gateways."""
        first, second = (httpx.AsyncClient(base_url=url, timeout=30) for url in self.urls)
        async with first, second:
            yield first, second

    def travel(self) -> int:
        """Into the window of the next epoch, which has no snapshot yet; whose budgets it is for."""
        return travel.to_next_epoch(self.world.chain, self.world.deployment, seconds_in=10) - 1

    def close_window(self) -> None:
        travel.close_window(self.world.chain, self.world.deployment)

    def open_window(self) -> Window:
        """Of the next epoch, with budgets; nobody is a patron."""
        epoch = self.travel()
        assert self.gateway.take_snapshot("pending") == 201
        self.nobody_is_a_patron()
        budgets = self.gateway.get(f"/rewards/budgets/epoch/{epoch}")["budgets"]
        assert len(budgets) == PEOPLE + 1
        return Window(epoch, {row["address"]: int(row["amount"]) for row in budgets})

    def nobody_is_a_patron(self) -> None:
        found = rows(
            self.world,
            'SELECT "user" FROM (SELECT DISTINCT ON ("user") "user", enabled '
            'FROM allocations.patron_events ORDER BY "user", sequence DESC) e WHERE enabled',
        )
        by_address = {person.address: person for person in self.people}
        for row in found:
            self.gateway.set_patron_mode(by_address[eip55(row["user"])], False)


@contextmanager
def house_in(folder: Path) -> Iterator[House]:
    options = {"snapshots": "manual", "people": False, "confirm": False}
    with (
        world_in(folder, **options) as (world, gateway),
        seconds(world, GATEWAY, ALLOCATIONS, REWARDS) as second,
    ):
        house = House(world, gateway, second)
        house.lock()
        yield house
