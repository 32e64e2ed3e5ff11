"""An event that money cannot be counted with: who counts stops and says so, all others go on."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import nats
import pytest
from e2e.client import Gateway
from e2e.worlds import world_in
from faults.support import metric, readiness, until
from octant_contracts.events import (
    ALLOCATIONS,
    CHAIN_SYNC,
    EPOCHS,
    GATEWAY,
    REWARDS,
    Allocated,
    DepositsSettled,
    Event,
    FactsSealed,
    PendingSnapshotTaken,
    stream_name,
    subject,
)
from octant_devnet import seed, travel
from octant_devnet.servers import STORING_SERVICES
from octant_devnet.world import World

from laws.support import rows, seconds

pytestmark = pytest.mark.xdist_group("laws-bus")

PATIENCE = {REWARDS: {"SNAPSHOT_PATIENCE": "0.5"}}
POISON_ID = 10**12
"""Of an outbox that is never so long."""


@dataclass(frozen=True)
class Poison:
    """A message in the stream of `source` that `service` must not get over."""

    service: str
    source: str
    kind: type[Event]
    changes: dict[str, Any] | None
    """Of the newest event of this kind; None: it is no event at all."""
    reason: str


# Rewards hears allocations last: with it the window is used up.
POISONS = (
    Poison(ALLOCATIONS, REWARDS, PendingSnapshotTaken, {"budgets_count": 1}, "BudgetsMismatch"),
    Poison(REWARDS, EPOCHS, DepositsSettled, {"digest": "00" * 32}, "DepositsMismatch"),
    Poison(REWARDS, ALLOCATIONS, Allocated, None, "DecodeError"),
    Poison(EPOCHS, CHAIN_SYNC, FactsSealed, {"count": 1}, "SealMismatch"),
)


@pytest.fixture(scope="module")
def running(run_folder: Path) -> Iterator[tuple[World, Gateway]]:
    """In the window of epoch 1."""
    with world_in(run_folder / "poison", snapshots="manual", env=PATIENCE) as (world, gateway):
        travel.to_next_epoch(world.chain, world.deployment, seconds_in=10)
        assert gateway.take_snapshot("pending") == 201
        gateway.allocate(seed.seeded_people()[8], [(seed.seeded_projects()[0].address, 8)])
        yield world, gateway


def test_poison__in_each_stream_of_money__stops_that_projection_loudly_and_no_other(
    running: tuple[World, Gateway],
) -> None:
    world, gateway = running
    pids = {service: world.pid(service) for service in world.options.services}
    stuck: dict[str, dict[str, str]] = {service: {} for service in STORING_SERVICES}
    for poison in POISONS:
        asyncio.run(publish(world, poison))
        words = f"{stream_name(poison.source)} stopped at {subject(poison.kind)}"
        stuck[poison.service][f"events of {poison.source}"] = words
        until(lambda: places(world) == stuck, f"this is stuck and nothing else: {stuck}")
        assert_told_loudly(world, poison, stuck)
        assert_others_go_on(world, stuck)
        if poison.source == ALLOCATIONS:
            assert_answers(world, gateway)
    assert {service: world.pid(service) for service in pids} == pids


async def publish(world: World, poison: Poison) -> None:
    payload = b"{"
    if poison.changes is not None:
        connection = await asyncpg.connect(world.postgres_dsn)
        newest = await connection.fetchval(
            f"SELECT payload FROM {poison.source.replace('-', '_')}.outbox "
            "WHERE subject = $1 ORDER BY id DESC LIMIT 1",
            subject(poison.kind),
        )
        await connection.close()
        payload = json.dumps(json.loads(newest) | poison.changes).encode()
    client = await nats.connect(world.nats_url)
    headers = {"Nats-Msg-Id": f"{poison.source}:{POISON_ID}"}
    await client.jetstream().publish(subject(poison.kind), payload, headers=headers)
    await client.close()


def waiting(world: World, service: str) -> dict[str, str]:
    """What /readyz names; a service that waits for something is not ready."""
    found = readiness(world.operations_url(service))
    assert found is not None
    status, reasons = found
    assert status == (503 if reasons else 200)
    return reasons


def places(world: World) -> dict[str, dict[str, str]]:
    """By service and check: where it is stuck."""
    return {
        service: {
            check: reason.partition(" #")[0] for check, reason in waiting(world, service).items()
        }
        for service in STORING_SERVICES
    }


def assert_told_loudly(world: World, poison: Poison, stuck: dict[str, dict[str, str]]) -> None:
    assert poison.reason in waiting(world, poison.service)[f"events of {poison.source}"]
    for service in STORING_SERVICES:
        alarms = metric(world.operations_url(service), "octant_projection_stuck")
        assert alarms == len(stuck[service])
    stream = {"stream": stream_name(poison.source)}
    assert metric(world.operations_url(poison.service), "octant_projection_stuck", stream) == 1
    logged = [json.loads(line) for line in world.log(poison.service).read_text().splitlines()]
    errors = [line for line in logged if line["level"] == "error"]
    assert any(
        line["event"] == "projection stopped at an event it cannot apply"
        and line["stream"] == stream_name(poison.source)
        and line["event_id"] == POISON_ID
        and poison.reason in line["exception"]
        for line in errors
    )


def assert_others_go_on(world: World, stuck: dict[str, dict[str, str]]) -> None:
    """Also the other projections of the service that is stuck."""
    before = world.chain.height()
    world.chain.mine()
    for service in STORING_SERVICES:
        alive = httpx.get(f"{world.operations_url(service)}/livez")
        assert alive.status_code == 200
        if f"events of {CHAIN_SYNC}" in stuck[service]:
            assert head(world, service) <= before
        else:
            until(lambda s=service: head(world, s) > before, f"{service} follows the chain")


def head(world: World, service: str) -> int:
    (row,) = rows(world, f"SELECT number FROM {service.replace('-', '_')}.head")
    return int(row["number"])


def assert_answers(world: World, gateway: Gateway) -> None:
    """Rewards has not heard of an allocation: it says so where that would be wrong."""
    donor, project = seed.seeded_people()[9], seed.seeded_projects()[0].address
    with seconds(world, GATEWAY) as second:
        other = Gateway(second.gateway_url)
        before = gateway.get("/rewards/projects/estimated")
        gateway.allocate(donor, [(project, 9)])
        # Whoever wrote is not shown an estimate without it; others see the last one announced.
        for path in ("/rewards/projects/estimated", "/rewards/leverage/1"):
            response = gateway.http.get(path)
            assert (response.status_code, response.headers["Retry-After"]) == (503, "1")
        assert other.get("/rewards/projects/estimated") == before
        for told in (gateway, other):
            listed = told.get("/allocations/epoch/1")["allocations"]
            assert [row["amount"] for row in listed] == ["8", "9"]
            assert told.get("/epochs/current") == {"currentEpoch": 2}
            assert told.get("/projects/epoch/1")["projectsAddresses"]
        # Nothing is made final that misses something.
        travel.close_window(world.chain, world.deployment)
        response = other.http.post("/snapshots/finalized")
        assert response.status_code == 409
        assert "its allocations are not sealed yet" in response.json()["message"]
        assert rows(world, "SELECT 1 FROM rewards.finalized_snapshots") == []
        other.close()
