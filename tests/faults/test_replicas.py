"""Two processes of a service share its calls; one projects, the other takes over."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import nats
import pytest
from e2e import expected
from e2e.client import Gateway
from e2e.worlds import world_in
from octant_contracts.calls import BUDGETS, EPOCH_ALLOCATIONS, Call
from octant_contracts.events import ALLOCATIONS, REWARDS
from octant_devnet import launch, seed
from octant_devnet.ports import random_ports
from octant_devnet.testkit import stop
from octant_devnet.world import World
from octant_protocol.address import eip55

from faults.support import metric, open_window, readiness, until

pytestmark = pytest.mark.xdist_group("faults-replicas")

REPLICATED = (ALLOCATIONS, REWARDS)
TAKES_OVER = 8.0
"""Seconds; on an idle machine a fraction of one."""


class Doubled:
    """A world with a second process of some services, which nobody restarts."""

    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world, self.gateway = world, gateway
        ports = world.options.ports
        others = msgspec.structs.replace(ports, operations=random_ports().operations)
        options = msgspec.structs.replace(world.options, ports=others)
        self._second = {
            service: launch.service(world.folder, options, world.deployment, service)
            for service in REPLICATED
        }
        self._urls = {
            service: (
                world.operations_url(service),
                f"http://127.0.0.1:{others.operations[service]}",
            )
            for service in REPLICATED
        }

    def urls(self, service: str) -> tuple[str, str]:
        """Of the world's own process, and of the second."""
        return self._urls[service]

    def second(self, service: str) -> "subprocess.Popen[bytes]":
        return self._second[service]

    def stop(self) -> None:
        for process in self._second.values():
            stop(process)


@pytest.fixture(scope="module")
def doubled(run_folder: Path) -> Iterator[Doubled]:
    with world_in(run_folder / "replicas") as (world, gateway):
        doubled = Doubled(world, gateway)
        try:
            for service in REPLICATED:
                for url in doubled.urls(service):
                    until(lambda u=url: readiness(u) == (200, {}), f"both {service} ready")
            yield doubled
        finally:
            doubled.stop()


@pytest.mark.parametrize(
    ("call", "path"),
    [(EPOCH_ALLOCATIONS, "/allocations/epoch/1"), (BUDGETS, "/rewards/budgets/epoch/1")],
)
def test_calls__two_replicas__both_answer(
    doubled: Doubled, call: Call[Any, Any], path: str
) -> None:
    instances = asyncio.run(info(doubled.world.nats_url, call.service))
    assert len({one["id"] for one in instances}) == 2
    assert len({json.dumps(one["endpoints"], sort_keys=True) for one in instances}) == 1
    labels = {"operation": call.name, "outcome": "ok"}

    def answered() -> list[float]:
        urls = doubled.urls(call.service)
        return [metric(url, "octant_call_seconds_count", labels) for url in urls]

    before = answered()
    for number in range(40):  # each asked for the first time: none is kept
        assert doubled.gateway.http.get(f"{path}?number={number}").status_code == 200
    share = [now - then for now, then in zip(answered(), before, strict=True)]
    assert sum(share) == 40
    assert min(share) > 0


def test_projection__of_two_replicas__is_active_in_one_and_both_are_ready(
    doubled: Doubled,
) -> None:
    world, gateway = doubled.world, doubled.gateway
    for service in REPLICATED:
        before = [applied(url) for url in doubled.urls(service)]
        world.chain.mine()
        gateway.wait_synced(world.chain.height())
        after = [applied(url) for url in doubled.urls(service)]
        assert [now > then for now, then in zip(after, before, strict=True)].count(True) == 1
        for url in doubled.urls(service):
            until(lambda u=url: readiness(u) == (200, {}), f"{service} ready", 5)


def test_standbys__active_replicas_killed__go_on_within_seconds_and_reach_the_next_epoch(
    doubled: Doubled,
) -> None:
    world, gateway = doubled.world, doubled.gateway
    for service in REPLICATED:  # the world's own process came first, and leads
        assert [applied(url) > 0 for url in doubled.urls(service)] == [True, False]
        world.hold(service)
        world.kill(service)
    world.chain.mine()
    height = world.chain.height()
    until(lambda: indexed(gateway) == height, "the standbys apply the block", TAKES_OVER)
    for service in REPLICATED:
        own, second = doubled.urls(service)
        assert readiness(own) is None
        until(lambda u=second: readiness(u) == (200, {}), f"{service} goes on", TAKES_OVER)
        assert applied(second) > 0

    open_window(world, gateway)
    proceeds = world.chain.balance(world.deployment.withdrawals_target)
    wanted = expected.pending(world.chain, world.deployment, 1, proceeds).budgets
    told = gateway.get("/rewards/budgets/epoch/1")["budgets"]
    assert {row["address"]: row["amount"] for row in told} == {
        eip55(user): str(budget) for user, budget in wanted.items() if budget
    }
    donor = seed.seeded_people()[5]
    gateway.allocate(donor, [(seed.seeded_projects()[0].address, 123)])

    # Whoever was killed comes back as the standby.
    for service in REPLICATED:
        world.release(service)
    for service in REPLICATED:
        until(lambda s=service: readiness(doubled.urls(s)[0]) == (200, {}), f"{service} back")
    assert all(doubled.second(service).poll() is None for service in REPLICATED)
    for _ in range(10):
        rows = gateway.get("/allocations/epoch/1")["allocations"]
        assert [(row["donor"], row["amount"]) for row in rows] == [(donor.address, "123")]


def applied(operations_url: str) -> float:
    """Events that the projections of one process have applied."""
    return metric(operations_url, "octant_events_applied_total")


def indexed(gateway: Gateway) -> int | None:
    """The height of the slowest service; None while one does not answer."""
    response = gateway.http.get("/info/sync-status")
    return response.json()["indexedHeight"] if response.status_code == 200 else None


async def info(nats_url: str, service: str) -> list[dict[str, Any]]:
    """What every instance of a service tells about itself, as NATS' own tools ask."""
    client = await nats.connect(nats_url)
    try:
        inbox = client.new_inbox()
        answers = await client.subscribe(inbox)
        await client.publish(f"$SRV.INFO.octant-{service}", reply=inbox)
        found: list[dict[str, Any]] = []
        while True:
            try:
                found.append(json.loads((await answers.next_msg(timeout=0.5)).data))
            except nats.errors.TimeoutError:
                return found
    finally:
        await client.close()
