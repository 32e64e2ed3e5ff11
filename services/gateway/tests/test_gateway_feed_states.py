"""State topics: the value HTTP gives, read once for all, told when it has changed."""

import json
from collections.abc import AsyncIterator

import pytest
from octant_contracts import calls
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    REWARDS,
    EstimatesChanged,
    WindowClosed,
)
from octant_contracts.values import Address, Wei
from octant_devnet.testkit import eventually
from octant_gateway.feed import state

from .feed_world import ALICE, BOB, EPOCH, P1, P2, Feed, feeding, patron_of

REWARDS_DATA = {
    "epoch": EPOCH,
    "rewards": [
        {"address": P1, "allocated": "100", "matched": "50"},
        {"address": P2, "allocated": "0", "matched": "0"},
    ],
    "leverage": 2.5,
    "totalAllocated": "100",
    "donors": 1,
}
OF_P1, OF_P2 = f"project.donors.{P1}", f"project.donors.{P2}"


@pytest.fixture
async def feed(world) -> AsyncIterator[Feed]:
    async with feeding(world) as made:
        yield made


async def changed(feed: Feed, sequence: int = 1) -> None:
    await feed.services.store(EstimatesChanged(epoch=EPOCH, sequence=sequence))


async def test_project_rewards__are_told_at_once_and_after_every_change(feed):
    client = await feed.client("project.rewards")
    first = await client.until("project.rewards")
    assert first["data"] == REWARDS_DATA
    assert first["snapshot"] is True
    assert first["v"] == 1
    feed.services.allocated[P2] = 11
    await changed(feed)
    second = await client.until("project.rewards", 2)
    assert second["data"]["rewards"][1] == {"address": P2, "allocated": "11", "matched": "5"}
    assert second["data"]["totalAllocated"] == "111"
    assert "snapshot" not in second
    assert second["seq"] > first["seq"]
    assert second["token"] == f"{first['token'].partition(':')[0]}:{second['seq']}"
    await client.close()


async def test_value__that_is_the_same__is_not_told_again(feed):
    client = await feed.client("project.rewards", "leverage")
    await client.until("leverage")
    asked = feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS)
    await changed(feed)
    await eventually(
        lambda: feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS) == asked + 2, what="reads"
    )
    feed.services.allocated[P2] = 4
    await changed(feed)
    await client.until("project.rewards", 2)
    await client.until("leverage", 2)
    assert client.of("leverage")[1]["data"] == {
        "epoch": EPOCH,
        "leverage": 2.5,
        "totalAllocated": "104",
        "donors": 1,
        "matched": "52",
    }
    assert len(client.of("project.rewards")) == len(client.of("leverage")) == 2
    await client.close()


async def test_reading__is_shared_by_all_who_follow_and_ends_with_the_last(feed):
    clients = [await feed.client("project.rewards") for _ in range(10)]
    for client in clients:
        await client.until("project.rewards")
    assert feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS) == 1
    feed.services.allocated[P2] = 4
    await changed(feed)
    for client in clients:
        await client.until("project.rewards", 2)
    assert feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS) == 2
    assert len({json.dumps(client.of("project.rewards")[1]) for client in clients}) == 1
    for client in clients:
        await client.send(op="unsubscribe", topics=["project.rewards"])
        await client.answered()
    follower = await feed.client("patron." + ALICE)
    await follower.until("patron." + ALICE)
    await changed(feed)
    await feed.services.store(patron_of(ALICE, True))
    await follower.answered()
    assert feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS) == 2
    for client in [*clients, follower]:
        await client.close()


async def test_changes__faster_than_the_beat__are_taken_together(feed):
    client = await feed.client("project.rewards")
    await client.until("project.rewards")
    for amount in range(1, 101):
        feed.services.allocated[P2] = amount
        await changed(feed, amount)
    await eventually(
        lambda: client.of("project.rewards")[-1]["data"]["totalAllocated"] == "200", what="the last"
    )
    assert len(client.of("project.rewards")) < 30
    sequence = [frame["seq"] for frame in client.of("project.rewards")]
    assert sequence == sorted(set(sequence))
    await client.close()


async def test_since__the_token_of_the_value__gives_nothing_and_an_older_one_the_value(feed):
    follower = await feed.client("project.rewards")
    await follower.until("project.rewards")
    same = await feed.client("project.rewards", since=follower.tokens)
    await same.answered()
    assert same.of("project.rewards") == []
    feed.services.allocated[P2] = 4
    await changed(feed)
    news = await same.until("project.rewards")
    assert "snapshot" not in news
    late = await feed.client("project.rewards", since={"project.rewards": "other:1"})
    whole = await late.until("project.rewards")
    assert whole["snapshot"] is True
    assert {**whole, "snapshot": None, "ts": None} == {**news, "snapshot": None, "ts": None}
    for client in (follower, same, late):
        await client.close()


async def test_donors_of_a_project__are_read_when_who_gives_or_gave_changes_something(feed):
    client = await feed.client(OF_P1, OF_P2)
    assert (await client.until(OF_P1))["data"] == {
        "project": P1,
        "donors": [{"address": ALICE, "amount": "100"}],
    }
    assert (await client.until(OF_P2))["data"] == {"project": P2, "donors": []}
    await feed.services.allocate(BOB, (P2, 3))
    await client.has(OF_P2, {"project": P2, "donors": [{"address": BOB, "amount": "3"}]})
    await feed.services.allocate(ALICE, (P2, 4))  # and nothing to P1 any more
    await client.has(OF_P1, {"project": P1, "donors": []})
    await feed.services.revoke(BOB)
    await client.has(OF_P2, {"project": P2, "donors": [{"address": ALICE, "amount": "4"}]})
    await client.close()


async def test_service_that_is_away__leaves_what_clients_have_and_is_asked_again(feed, monkeypatch):
    monkeypatch.setattr(state, "AGAIN", 0.05)
    client = await feed.client("project.rewards")
    await client.until("project.rewards")
    await feed.services.world.services.stop(REWARDS)
    feed.services.allocated[P2] = 4
    await changed(feed)
    await client.answered()
    assert len(client.of("project.rewards")) == 1
    await feed.services.world.services.start(REWARDS)
    second = await client.until("project.rewards", 2)
    assert second["data"]["totalAllocated"] == "104"
    await client.close()


async def test_closed_window__leaves_the_last_estimates_until_there_are_final_numbers(feed):
    on = feed.services.world.services.on
    client = await feed.client("project.rewards")
    await client.until("project.rewards")
    on(calls.ESTIMATED_PROJECT_REWARDS, Refusal("AllocationWindowClosed"))
    on(calls.PROJECT_REWARDS, calls.ProjectRewards([]))
    await feed.services.store(WindowClosed(epoch=EPOCH, closes_at=1))
    await eventually(lambda: feed.services.requests(calls.PROJECT_REWARDS) == 1, what="a read")
    late = await feed.client("project.rewards")
    assert (await late.until("project.rewards"))["data"] == REWARDS_DATA
    row = calls.ProjectRewardsRow(Address.parse(P1), Wei(100), Wei(60))
    on(calls.PROJECT_REWARDS, calls.ProjectRewards([row]))
    await changed(feed)
    final = {"address": P1, "allocated": "100", "matched": "60"}
    await client.has("project.rewards", {**REWARDS_DATA, "rewards": [final]})
    await client.close()
    await late.close()


async def test_bus__lost_and_back__everything_is_read_anew(feed):
    client = await feed.client("project.rewards", "epoch.allocations")
    await client.until("project.rewards")
    await client.until("epoch.allocations")
    feed.services.allocated[P2] = 4  # nobody announces it
    bus = feed.services.world.bus.client
    bus._transport.close()  # as a lost connection
    second = await client.until("project.rewards", 2)
    assert second["data"]["totalAllocated"] == "104"
    await feed.services.allocate(BOB, (P1, 1))
    change = await client.until("epoch.allocations", 2)
    assert change["data"]["changes"][0]["donor"] == BOB
    await client.close()
