"""Topics about chain and calendar: the last that was announced, as the services see it."""

from collections.abc import AsyncIterator

import pytest
from octant_contracts.events import (
    REWARDS,
    BlockAdvanced,
    EpochStarted,
    WindowClosed,
)
from octant_contracts.values import BlockRef
from octant_devnet.testkit import eventually

from .feed_world import BLOCK, EPOCH, Feed, feeding, open_window


@pytest.fixture
async def feed(world) -> AsyncIterator[Feed]:
    async with feeding(world) as made:
        yield made


async def test_epoch_and_window__come_from_the_calendar_as_announced(feed):
    start = feed.services.head - 10
    client = await feed.client("epoch", "window")
    await client.answered()
    assert client.of("epoch") == []  # nothing of the epoch is announced: not loaded yet
    await open_window(feed.services)
    await client.has(
        "epoch",
        {
            "currentEpoch": EPOCH + 1,
            "startsAt": start,
            "endsAt": start + 1000,
            "decisionWindow": 500,
        },
    )
    closes_at = start + 500
    await client.has("window", {"pendingEpoch": EPOCH, "state": "open", "closesAt": closes_at})
    feed.services.head = closes_at + 1
    await feed.services.store(WindowClosed(epoch=EPOCH, closes_at=closes_at))
    await client.has("window", {"pendingEpoch": None, "state": "closed", "closesAt": closes_at})
    await client.close()


async def test_snapshot__tells_how_far_they_are(feed):
    await open_window(feed.services)
    client = await feed.client("snapshot")
    assert (await client.until("snapshot"))["data"] == {
        "pending": {"epoch": EPOCH, "state": "done"},
        "finalized": {"epoch": EPOCH - 1, "state": "too_early"},
    }
    await client.close()


async def test_block__is_the_head_at_most_once_a_second(feed):
    await feed.services.store(BlockAdvanced(block=BLOCK, final_block=7))
    client = await feed.client("block")
    assert (await client.until("block"))["data"] == {
        "number": 10,
        "hash": "0x" + "01" * 32,
        "timestamp": 1_000_000,
        "final": 7,
    }
    for number in range(11, 31):
        block = BlockRef(number=number, hash=BLOCK.hash, timestamp=1_000_000)
        await feed.services.store(BlockAdvanced(block=block, final_block=7))
    await eventually(lambda: client.of("block")[-1]["data"]["number"] == 30, what="the head")
    assert len(client.of("block")) <= 3
    await client.close()


async def test_sync__is_the_body_of_http_and_every_height(feed):
    client = await feed.client("sync")
    told = (await client.until("sync"))["data"]
    heights = told.pop("heights")
    assert heights == {"chain-sync": 10, "epochs": 9, "rewards": 8, "allocations": 9}
    assert told == (await feed.services.world.get("/info/sync-status")).json()
    await feed.services.world.services.stop(REWARDS)
    second = await client.until("sync", 2)
    assert second["data"]["heights"]["rewards"] is None
    await client.close()


async def test_calendar_corrected_by_a_reorganisation__is_that_of_the_current_epoch(feed):
    await open_window(feed.services)
    early = EpochStarted(epoch=EPOCH, start=1, end=2, decision_window=3)
    await feed.services.store(early)
    client = await feed.client("epoch")
    told = (await client.until("epoch"))["data"]
    assert told["currentEpoch"] == EPOCH + 1
    assert told["startsAt"] == feed.services.head - 10
    await client.close()
