"""A running world loses its bus, its database, the bus' store or a service, and heals by itself."""

import asyncio
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nats
import pytest
from e2e import expected
from e2e.client import Gateway, Noise, allocation_body
from e2e.worlds import world_in
from octant_contracts.events import (
    ALLOCATIONS,
    CHAIN_SYNC,
    EPOCHS,
    PRODUCED,
    REWARDS,
    stream_name,
)
from octant_devnet import people, seed
from octant_devnet.processes import NATS, POSTGRES
from octant_devnet.servers import STORING_SERVICES
from octant_devnet.world import World
from octant_protocol.address import parse_address

from faults.support import (
    answers,
    assert_unavailable,
    everything_ready,
    open_window,
    pids,
    readiness,
    until,
    waits_for,
)

pytestmark = pytest.mark.xdist_group("faults-outages")

GLM = 10**18
PERSON = seed.seeded_people()[0].address
# Operations by the service that answers them; `/epochs/info` needs rewards as well.
OPERATIONS = {
    CHAIN_SYNC: ("/projects/epoch/1", "/info/chain-info"),
    EPOCHS: (
        "/epochs/current",
        "/epochs/indexed",
        f"/deposits/users/{PERSON}/1",
        f"/deposits/users/{PERSON}/estimated_effective_deposit",
    ),
    REWARDS: (
        "/rewards/budgets/epoch/1",
        f"/rewards/budget/{PERSON}/epoch/1",
        "/rewards/projects/estimated",
        "/rewards/leverage/1",
        "/snapshots/status/1",
        f"/withdrawals/{PERSON}",
    ),
    ALLOCATIONS: (
        "/allocations/epoch/1",
        f"/allocations/user/{PERSON}/epoch/1",
        f"/allocations/users/{PERSON}/allocation_nonce",
        f"/user/{PERSON}/patron-mode",
    ),
}
EVERYTHING = (*(path for paths in OPERATIONS.values() for path in paths), "/epochs/info/1")
IN_DATABASE = tuple(path for path in EVERYTHING if path != "/info/chain-info")


@pytest.fixture(scope="module")
def running(run_folder: Path) -> Iterator[tuple[World, Gateway]]:
    """In the window of epoch 1, with budgets and two people's allocations."""
    with world_in(run_folder / "outages") as (world, gateway):
        open_window(world, gateway)
        for index in (0, 1):
            allocate(gateway, index, 1000 + index)
        yield world, gateway


@pytest.fixture
def world(running: tuple[World, Gateway]) -> World:
    return running[0]


@pytest.fixture
def gateway(running: tuple[World, Gateway]) -> Gateway:
    return running[1]


def test_bus__killed_while_running__calls_are_refused_at_once_and_all_comes_back(
    world: World, gateway: Gateway
) -> None:
    before, processes = answers(gateway, EVERYTHING), pids(world)
    world.hold(NATS)
    world.kill(NATS)
    for path in EVERYTHING:
        assert_unavailable(gateway, path)
    assert gateway.http.get("/info/version").status_code == 200
    for service in world.options.services:
        until(lambda s=service: waits_for(world.operations_url(s), "bus"), f"{service}: bus")
    lock(world, 15)

    world.release(NATS)
    until(lambda: everything_ready(world), "everything ready")
    gateway.wait_synced(world.chain.height())
    assert_deposit(world, gateway, 15)
    assert answers(gateway, EVERYTHING) == before
    assert pids(world) == processes


def test_database__killed_while_running__calls_are_refused_and_no_service_has_to_restart(
    world: World, gateway: Gateway
) -> None:
    before, processes = answers(gateway, EVERYTHING), pids(world)
    nonce = gateway.nonce(seed.seeded_people()[0])
    world.hold(POSTGRES)
    world.kill(POSTGRES)
    for _ in range(3):
        for path in IN_DATABASE:
            assert_unavailable(gateway, path)
    assert gateway.http.get("/info/chain-info").status_code == 200
    items = [(seed.seeded_projects()[0].address, 5)]
    body = allocation_body(seed.seeded_people()[0], items, nonce)
    refused = gateway.http.post("/allocations/allocate", json=body)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert gateway.http.post("/snapshots/pending").status_code == 503
    for service in STORING_SERVICES:
        url = world.operations_url(service)
        until(lambda u=url: waits_for(u, "database"), f"{service} without database")
    lock(world, 16)

    world.release(POSTGRES)
    until(lambda: everything_ready(world), "everything ready")
    gateway.wait_synced(world.chain.height())
    assert_deposit(world, gateway, 16)
    assert answers(gateway, EVERYTHING) == before
    allocate(gateway, 1, 1001)
    assert pids(world) == processes


def test_database__killed_under_load__no_call_fails_and_no_write_counts_twice(
    world: World, gateway: Gateway
) -> None:
    donor = seed.seeded_people()[3]
    enough = threading.Event()

    def give() -> int:
        """Replaces the donor's allocation until told to stop: how often it did."""
        own = Gateway(world.gateway_url)
        given = 0
        while not enough.is_set():
            given += 1
            own.allocate(donor, [(seed.seeded_projects()[1].address, given)])
        own.close()
        return given

    with (
        Noise(world.gateway_url, EVERYTHING) as noise,
        ThreadPoolExecutor(1) as pool,
    ):
        giving = pool.submit(give)
        try:
            for _ in range(2):
                started = gateway.nonce(donor)
                until(lambda n=started: gateway.nonce(donor) > n + 3, "allocations go on")
                world.hold(POSTGRES)
                world.kill(POSTGRES)
                url = world.operations_url(ALLOCATIONS)
                until(lambda u=url: waits_for(u, "database"), "allocations without database")
                world.release(POSTGRES)
                until(lambda: everything_ready(world), "everything ready")
        finally:
            enough.set()
        given = giving.result(60)
    assert set(noise.statuses) == {200, 503}, noise.statuses
    assert gateway.nonce(donor) == given
    told = gateway.get(f"/allocations/user/{donor.address}/epoch/1")["allocations"]
    assert [row["amount"] for row in told] == [str(given)]


def test_store_of_the_bus__deleted_while_running__is_rebuilt_from_the_outboxes(
    world: World, gateway: Gateway
) -> None:
    before, processes = answers(gateway, EVERYTHING), pids(world)
    streams = asyncio.run(messages(world.nats_url))
    assert all(streams.values())
    world.hold(NATS)
    world.kill(NATS)
    shutil.rmtree(world.folder / "nats")
    world.release(NATS)

    until(lambda: asyncio.run(messages(world.nats_url)) == streams, "the streams as before", 60)
    until(lambda: everything_ready(world), "everything ready")
    assert answers(gateway, EVERYTHING) == before

    lock(world, 17)
    gateway.wait_synced(world.chain.height())
    assert_deposit(world, gateway, 17)
    allocate(gateway, 2, 77)
    rows = gateway.get("/allocations/epoch/1")["allocations"]
    donated = {row["donor"]: row["amount"] for row in rows}
    assert donated[seed.seeded_people()[2].address] == "77"
    estimated = gateway.get("/rewards/projects/estimated")["rewards"]
    assert sum(int(r["allocated"]) for r in estimated) == sum(int(a) for a in donated.values())
    assert pids(world) == processes


@pytest.mark.parametrize("service", STORING_SERVICES)
def test_service__stopped__its_operations_are_refused_and_others_are_unaffected(
    world: World, gateway: Gateway, service: str
) -> None:
    before = answers(gateway, EVERYTHING)
    world.hold(service)
    world.terminate(service)
    for path in OPERATIONS[service]:
        assert_unavailable(gateway, path)
    for other in set(OPERATIONS) - {service}:
        for path in OPERATIONS[other]:
            response = gateway.http.get(path)
            assert (response.status_code, response.json()) == (200, before[path]), path
        assert readiness(world.operations_url(other)) == (200, {})

    world.release(service)
    until(lambda: readiness(world.operations_url(service)) == (200, {}), f"{service} ready")
    assert answers(gateway, EVERYTHING) == before


def allocate(gateway: Gateway, index: int, amount: int) -> None:
    gateway.allocate(seed.seeded_people()[index], [(seed.seeded_projects()[0].address, amount)])


def lock(world: World, index: int) -> None:
    """One of those who have not locked before locks 500 GLM, in the current epoch."""
    people.lock(world.chain, world.deployment, seed.seeded_people()[index], 500 * GLM)


def assert_deposit(world: World, gateway: Gateway, index: int) -> None:
    """What the API tells of the current epoch is what follows from the contract's logs."""
    person = seed.seeded_people()[index].address
    wanted = expected.deposits(world.chain, world.deployment, 2)[parse_address(person)].effective
    assert wanted > 0
    told = gateway.get(f"/deposits/users/{person}/estimated_effective_deposit")
    assert told == {"effectiveDeposit": str(wanted)}


async def messages(nats_url: str) -> dict[str, list[tuple[str, str, bytes]]]:
    """Id, subject and payload of every event in every stream, in order; nothing of a lost one."""
    client = await nats.connect(nats_url, allow_reconnect=False)
    try:
        jetstream = client.jetstream()
        found: dict[str, list[tuple[str, str, bytes]]] = {}
        for service in PRODUCED:
            stream = stream_name(service)
            last = (await jetstream.stream_info(stream)).state.last_seq
            rows = [await jetstream.get_msg(stream, number + 1) for number in range(last)]
            found[service] = [
                ((m.headers or {})["Nats-Msg-Id"], m.subject or "", m.data or b"") for m in rows
            ]
        return found
    finally:
        await client.close()
