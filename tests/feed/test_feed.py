"""The feed of two gateways of a whole world: it tells what HTTP tells, and loses nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from e2e.client import Gateway
from e2e.worlds import world_in
from faults.support import open_window
from octant_contracts.events import GATEWAY
from octant_devnet.testkit import eventually
from realtime.gateways import Pair, another_gateway

from feed.client import FeedClient, connected

pytestmark = [pytest.mark.xdist_group("feed"), pytest.mark.timeout(180)]
LOG = "epoch.allocations"


@pytest.fixture(scope="module")
def pair(run_folder: Path) -> Iterator[Pair]:
    with world_in(run_folder / "feed") as (world, gateway):
        open_window(world, gateway)
        with another_gateway(world) as url:
            second = Gateway(url)
            yield Pair(world, gateway, second)
            second.close()


def addresses(pair: Pair) -> list[str]:
    """Where the two feeds are, as clients learn it."""
    return [gateway.get("/config.json")["feedUrl"] for gateway in pair.gateways]


@asynccontextmanager
async def one_each(pair: Pair, *topics: str) -> AsyncIterator[list[FeedClient]]:
    clients = [await connected(url, *topics) for url in addresses(pair)]
    for client in clients:
        for topic in topics:
            await client.until(topic)
    yield clients
    for client in clients:
        await client.close()


def sets(client: FeedClient) -> dict[str, list[tuple[str, str]]]:
    """By donor what it gives, after all frames: the one rule of log topics."""
    known: dict[str, list[tuple[str, str]]] = {}
    for frame in client.of(LOG):
        if frame.get("op") == "reset" or frame.get("snapshot"):
            known = {}
        for change in frame.get("data", {}).get("changes", []):
            gifts = [(gift["project"], gift["amount"]) for gift in change["allocations"]]
            known[change["donor"]] = gifts
    return {donor: gifts for donor, gifts in known.items() if gifts}


def sets_over_http(gateway: Gateway) -> dict[str, list[tuple[str, str]]]:
    known: dict[str, list[tuple[str, str]]] = {}
    rows = gateway.get("/allocations/epoch/1?includeZeroAllocations=true")["allocations"]
    for row in rows:
        known.setdefault(row["donor"], []).append((row["project"], row["amount"]))
    return known


def http_values(gateway: Gateway, user: str, project: str) -> dict[str, Any]:
    """What HTTP tells of everything that has a topic of its own."""
    get = gateway.get
    rewards = get("/rewards/projects/estimated")["rewards"]
    totals = {
        "epoch": 1,
        "leverage": get("/rewards/leverage/1")["leverage"],
        "totalAllocated": str(sum(int(row["allocated"]) for row in rewards)),
        "donors": len(get("/allocations/donors/1")["donors"]),
    }
    budget = gateway.request("GET", f"/rewards/budget/{user}/epoch/1").json()["budget"]
    pending = [
        get(f"/multisig-signatures/pending/{user}/type/{kind}") for kind in ("tos", "allocation")
    ]
    sync = get("/info/sync-status")
    return {
        "project.rewards": {**totals, "rewards": rewards},
        "leverage": {**totals, "matched": str(sum(int(row["matched"]) for row in rewards))},
        "threshold": get("/rewards/threshold/1"),
        f"project.donors.{project}": {
            "project": project,
            "donors": get(f"/allocations/project/{project}/epoch/1"),
        },
        f"deposit.{user}": get(f"/deposits/users/{user}/estimated_effective_deposit"),
        f"budget.{user}": {
            **get(f"/rewards/budget/{user}/upcoming"),
            "epoch": 1,
            "budget": budget,
        },
        f"patron.{user}": get(f"/user/{user}/patron-mode"),
        f"tos.{user}": get(f"/user/{user}/tos"),
        f"withdrawals.{user}": get(f"/withdrawals/{user}"),
        f"multisig.{user}": {"tos": pending[0], "allocation": pending[1]},
        "snapshot": {
            "pending": {"epoch": 1, "state": sync["pendingSnapshot"]},
            "finalized": {"epoch": 0, "state": sync["finalizedSnapshot"]},
        },
    }


async def test_state__after_the_last_event__is_what_http_tells(pair: Pair) -> None:
    person, project = pair.person(), pair.projects[2]
    first = pair.gateways[0]
    topics = list(await asyncio.to_thread(http_values, first, person.address, project))
    async with one_each(pair, *topics, "epoch", "window", "sync", LOG) as clients:
        await asyncio.to_thread(first.allocate, person, [(project, 1000), (pair.projects[0], 7)])
        await asyncio.to_thread(first.allocate, pair.person(), [(project, 5)])
        await asyncio.to_thread(first.allocate, person, [(project, 2000)])
        expected = await asyncio.to_thread(http_values, first, person.address, project)
        for client in clients:
            for topic, value in expected.items():
                await client.has(topic, value)
            of_log = await asyncio.to_thread(sets_over_http, first)
            await eventually(lambda c=client, o=of_log: sets(c) == o, what="the live sets")
            epoch, window = client.of("epoch")[-1]["data"], client.of("window")[-1]["data"]
            assert epoch["currentEpoch"] == first.get("/epochs/current")["currentEpoch"]
            assert window["pendingEpoch"] == 1
            assert window["closesAt"] == epoch["startsAt"] + epoch["decisionWindow"]
        told = [{t: client.of(t)[-1]["data"] for t in topics} for client in clients]
        assert told[0] == told[1]


async def test_patron_mode__takes_back_what_was_given(pair: Pair) -> None:
    person, project = pair.person(), pair.projects[1]
    own = f"allocation.{person.address}"
    async with one_each(pair, LOG, own, f"patron.{person.address}") as clients:
        await asyncio.to_thread(pair.gateways[0].allocate, person, [(project, 1000)])
        for client in clients:
            (change,) = (await client.until(own, 2))["data"]["changes"]
            assert change["allocations"] == [{"project": project, "amount": "1000"}]
            assert change["nextNonce"] == 1
        await asyncio.to_thread(pair.gateways[0].set_patron_mode, person, True)
        for client in clients:
            (change,) = (await client.until(own, 3))["data"]["changes"]
            assert change["revoked"] is True
            assert person.address not in sets(client)
            await client.has(f"patron.{person.address}", {"status": True})


async def test_gateway__killed_while_people_allocate__clients_resume_without_loss(
    pair: Pair,
) -> None:
    url = addresses(pair)[0]
    client = await connected(url, LOG)
    await client.until(LOG)
    person, project = pair.person(), pair.projects[0]
    await asyncio.to_thread(pair.gateways[1].allocate, person, [(project, 1)])
    await client.until(LOG, 2)
    await asyncio.to_thread(pair.world.kill, GATEWAY)
    assert (await client.ended())[0] == 1006
    for amount in (2, 3, 4):
        await asyncio.to_thread(pair.gateways[1].allocate, person, [(project, amount)])
    await asyncio.to_thread(pair.world.wait_ready, 60)
    again = await connected(url, LOG, since=client.tokens)
    missed = (await again.until(LOG))["data"]["changes"]
    assert [change["allocations"][0]["amount"] for change in missed] == ["2", "3", "4"]
    assert "snapshot" not in again.of(LOG)[0]
    await again.close()
