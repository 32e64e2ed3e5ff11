"""What the tests of the laws share: second processes of services, and looking from outside."""

import asyncio
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg
import httpx
import msgspec
from e2e.client import allocation_body
from faults.support import readiness, until
from octant_contracts.events import GATEWAY
from octant_devnet import launch
from octant_devnet.people import Person
from octant_devnet.ports import Ports, random_ports
from octant_devnet.testkit import stop
from octant_devnet.world import World
from octant_protocol.address import parse_address
from octant_protocol.messages import patron_mode_text
from octant_protocol.signatures import personal_digest, sign_digest

Items = Sequence[tuple[str, int]]
"""(project, wei) of one allocation."""


class Seconds:
    """A second process of some services, which nobody starts again when it ends."""

    def __init__(self, world: World, services: Sequence[str]) -> None:
        fresh = random_ports()
        self.ports: Ports = msgspec.structs.replace(
            world.options.ports,
            operations=fresh.operations,
            gateway=fresh.gateway,
            feed=fresh.feed,
        )
        options = msgspec.structs.replace(world.options, ports=self.ports)
        self.processes: dict[str, subprocess.Popen[bytes]] = {
            service: launch.service(world.folder, options, world.deployment, service)
            for service in services
        }

    @property
    def gateway_url(self) -> str:
        assert GATEWAY in self.processes
        return f"http://127.0.0.1:{self.ports.gateway}"

    def operations_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports.operations[service]}"


@contextmanager
def seconds(world: World, *services: str) -> Iterator[Seconds]:
    """Started, and ready."""
    started = Seconds(world, services)
    try:
        for service in services:
            url = started.operations_url(service)
            until(lambda u=url: readiness(u) == (200, {}), f"the second {service} ready", 60)
        yield started
    finally:
        for process in started.processes.values():
            stop(process, signal.SIGKILL)


def rows(world: World, query: str, *values: Any) -> list[asyncpg.Record]:
    """What a query finds, for a reader who may look into every service."""
    return asyncio.run(rows_now(world, query, *values))


async def rows_now(world: World, query: str, *values: Any) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(world.postgres_dsn)
    try:
        found: list[asyncpg.Record] = await connection.fetch(query, *values)
        return found
    finally:
        await connection.close()


async def post_allocation(
    http: httpx.AsyncClient, person: Person, items: Items, nonce: int
) -> httpx.Response:
    return await http.post("/allocations/allocate", json=allocation_body(person, items, nonce))


async def patch_patron_mode(
    http: httpx.AsyncClient, person: Person, enable: bool
) -> httpx.Response:
    text = patron_mode_text(parse_address(person.address), enable)
    signature = sign_digest(bytes.fromhex(person.key[2:]), personal_digest(text))
    return await http.patch(f"/user/{person.address}/patron-mode", json={"signature": signature})


async def settled(ask: Any) -> httpx.Response:
    """The answer of `ask()` once it is not 503, which promises that nothing was done."""
    async with asyncio.timeout(60):
        while True:
            response: httpx.Response = await ask()
            if response.status_code != 503:
                return response
            await asyncio.sleep(0.05)


async def read(http: httpx.AsyncClient, path: str) -> Any:
    response = await settled(lambda: http.get(path))
    assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
    return response.json()
