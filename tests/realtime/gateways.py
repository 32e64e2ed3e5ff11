"""A world with an open window, and more gateways than one on its bus."""

import itertools
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec
from e2e.client import Gateway
from faults.support import readiness, until
from octant_contracts.events import GATEWAY
from octant_devnet import launch, seed
from octant_devnet.people import Person
from octant_devnet.ports import random_ports
from octant_devnet.testkit import stop
from octant_devnet.world import World

from realtime.node import Client

DONORS = "project_donors"


class Pair:
    """A world's own gateway and a second one; people who have not allocated yet."""

    def __init__(self, world: World, gateway: Gateway, second: Gateway) -> None:
        self.world = world
        self.gateways = (gateway, second)
        budgets = {b["address"] for b in gateway.get("/rewards/budgets/epoch/1")["budgets"]}
        self._people = (p for p in seed.seeded_people() if p.address in budgets)
        self.projects: list[str] = gateway.get("/projects/epoch/1")["projectsAddresses"]
        self.names = (f"client {number}" for number in itertools.count(1))

    @property
    def urls(self) -> tuple[str, str]:
        first, second = (str(gateway.http.base_url) for gateway in self.gateways)
        return first, second

    def person(self) -> Person:
        """Somebody new, with a budget."""
        return next(self._people)


@contextmanager
def another_gateway(world: World, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The URL of one more gateway on the world's bus; it is ready."""
    process, url, operations_url = start_gateway(world, environment or {})
    try:
        until(lambda: readiness(operations_url) == (200, {}), "another gateway is ready")
        yield url
    finally:
        stop(process)


def start_gateway(
    world: World, environment: Mapping[str, str]
) -> tuple["subprocess.Popen[bytes]", str, str]:
    """The process, its URL, and that of its side port."""
    own, ports = world.options.ports, random_ports()
    ports = msgspec.structs.replace(ports, nats=own.nats, postgres=own.postgres, anvil=own.anvil)
    options = msgspec.structs.replace(world.options, ports=ports, env={GATEWAY: dict(environment)})
    process = launch.service(world.folder, options, world.deployment, GATEWAY)
    url = f"http://127.0.0.1:{ports.gateway}"
    return process, url, f"http://127.0.0.1:{ports.operations[GATEWAY]}"


def rewards(gateway: httpx.Client) -> list[dict[str, str]]:
    """What HTTP tells of all projects now."""
    answer = gateway.get("/rewards/projects/estimated")
    assert answer.status_code == 200, answer.text
    told: list[dict[str, str]] = answer.json()["rewards"]
    return told


def donors(client: Client, project: str) -> list[tuple[str, str]]:
    """Of the newest event about the project, all since the client was made."""
    found = [told["donors"] for told in client.all(DONORS) if told["project"] == project]
    return [(d["address"], d["amount"]) for d in found[-1]] if found else []


async def told_of(client: Client, person: Person, project: str, amount: int) -> None:
    """Until the client knows that the person gives this to the project."""
    row = (person.address, str(amount))
    await client.until(lambda: row in donors(client, project), f"{amount} to {project}")


def times_told(client: Client, person: Person, project: str) -> list[Any]:
    """What the client was told of the person's gift to the project, event by event."""
    return [
        [d["amount"] for d in told["donors"] if d["address"] == person.address]
        for told in client.all(DONORS)
        if told["project"] == project
    ]
