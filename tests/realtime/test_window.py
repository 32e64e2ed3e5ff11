"""A client that stays connected from before a window opens until the epoch is finalized."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from e2e.client import Gateway
from e2e.worlds import world_in
from octant_devnet import seed, travel
from octant_devnet.world import World

from realtime.gateways import DONORS, donors, rewards, told_of
from realtime.node import Client, Node

pytestmark = [pytest.mark.xdist_group("realtime-window"), pytest.mark.timeout(180)]


@pytest.fixture
def closed(run_folder: Path) -> Iterator[tuple[World, Gateway]]:
    """In the first epoch: no window is open. Snapshots are taken when they are asked for."""
    with world_in(run_folder / "realtime-window", snapshots="manual", confirm=False) as made:
        yield made


def names(client: Client) -> list[str]:
    return [event for event, _ in client.told if event != "acknowledged"]


async def test_client__over_a_whole_window__is_told_its_beginning_changes_and_end(
    closed: tuple[World, Gateway], nodes: Node
) -> None:
    world, gateway = closed
    url = str(gateway.http.base_url)
    early = await nodes.connect(url, "early")
    assert await early.emit("hello") == []
    assert names(early) == ["connect"]

    # Open, but before the pending snapshot there is nothing to tell.
    await asyncio.to_thread(travel.to_next_epoch, world.chain, world.deployment, seconds_in=10)
    await asyncio.to_thread(gateway.wait_synced, world.chain.height())
    waiting = await nodes.connect(url, "waiting")
    assert await waiting.emit("hello") == []
    assert names(waiting) == ["connect"]

    await asyncio.to_thread(gateway.take_snapshot, "pending")
    projects: list[str] = gateway.get("/projects/epoch/1")["projectsAddresses"]
    for client in (early, waiting):
        await client.until_told(DONORS, len(projects))
        everything = ["connect", "threshold", "project_rewards", *[DONORS] * len(projects)]
        assert names(client) == everything
        assert client.last("project_rewards") == rewards(gateway.http)

    person, project = seed.seeded_people()[5], projects[1]
    await asyncio.to_thread(gateway.allocate, person, [(project, 10**15)])
    await told_of(early, person, project, 10**15)
    estimated = rewards(gateway.http)
    assert early.last("project_rewards") == estimated

    pushes = len(early.all("project_rewards"))
    await asyncio.to_thread(travel.close_window, world.chain, world.deployment)
    await early.until_told("project_rewards", pushes + 1)
    assert early.last("project_rewards") == estimated
    late = await nodes.connect(url, "late")
    (answer,) = await late.emit("allocate", "{}")
    assert answer["error"] == {
        "message": "This action is available only during the allocation window.",
        "code": 403,
    }
    assert names(late) == ["connect", "exception"]

    await asyncio.to_thread(gateway.take_snapshot, "finalized")
    final = {r["address"]: r for r in gateway.get("/rewards/projects/epoch/1")["rewards"]}
    assert final[project]["allocated"] == str(10**15)

    def is_final() -> bool:
        told = early.last("project_rewards")
        return {r["address"]: r for r in told if r["allocated"] != "0"} == final

    await early.until(is_final, "the final rewards")
    assert [r["address"] for r in early.last("project_rewards")] == projects

    # The next window begins anew: nobody has given to anybody.
    before = len(early.all(DONORS))
    await asyncio.to_thread(travel.to_next_epoch, world.chain, world.deployment, seconds_in=10)
    await asyncio.to_thread(gateway.wait_synced, world.chain.height())
    await asyncio.to_thread(gateway.take_snapshot, "pending")
    following: list[str] = gateway.get("/projects/epoch/2")["projectsAddresses"]
    await early.until_told(DONORS, before + len(following))
    assert [donors(early, p) for p in following] == [[]] * len(following)
    assert early.last("project_rewards") == rewards(gateway.http)
    assert early.all("disconnect") == []
