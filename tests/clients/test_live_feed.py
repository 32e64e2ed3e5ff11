"""The feeds of both clients against that of the gateway."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from clients.readers import Reader, Starts
from services.gateway.tests.feed_world import ALICE, BOB, P1, Feed, feeding

pytestmark = pytest.mark.xdist_group("clients")

LOG, OF_BOB, STATE = "epoch.allocations", f"allocation.{BOB}", f"patron.{ALICE}"


@pytest.fixture
async def feed(world: Any) -> AsyncIterator[Feed]:
    async with feeding(world) as made:
        yield made


def kill_connections(feed: Feed) -> None:
    for client in tuple(feed.server._clients):
        client.connection.transport.abort()


async def update(client: Reader) -> Any:
    """The next; what is said of lost connections is passed over."""
    while "topic" not in (said := await client.said()):
        assert "reason" in said, said
    return said


async def test_reader__whose_connection_is_killed_again_and_again__misses_and_repeats_nothing(
    feed: Feed, reader: Starts
) -> None:
    async with reader(feed.url, LOG, STATE, OF_BOB.lower()) as client:
        first = [await update(client) for _ in range(3)]
        snapshots = {told["topic"]: told["data"] for told in first if told["snapshot"]}
        assert set(snapshots) == {LOG, STATE, OF_BOB}
        assert [change["donor"] for change in snapshots[LOG]["changes"]] == [ALICE]
        assert snapshots[STATE] == {"status": False}
        gifts = [2**60 + number for number in range(12)]
        told: dict[str, list[int]] = {LOG: [], OF_BOB: []}
        for number, gift in enumerate(gifts):
            await feed.services.allocate(BOB, (P1, gift))
            if number % 3 == 2:  # two of three are missed
                while any(len(seen) <= number for seen in told.values()):
                    news = await update(client)
                    if news["topic"] == STATE:  # a value: it may be told again
                        assert news["data"] == snapshots[STATE]
                        continue
                    assert not news["snapshot"]
                    told[news["topic"]] += [
                        int(change["allocations"][0]["amount"])
                        for change in news["data"]["changes"]
                    ]
                kill_connections(feed)
        assert list(told.values()) == [gifts, gifts]


async def test_reader__of_a_topic_that_is_none__is_told_so(feed: Feed, reader: Starts) -> None:
    async with reader(feed.url, "nonsense") as client:
        assert (await client.said())["code"] == "UnknownTopic"


async def test_reader__when_the_gateway_stops__connects_anew_when_it_is_told_to(
    feed: Feed, reader: Starts
) -> None:
    async with reader(feed.url, STATE) as client:
        await update(client)
        await feed.server.stop()
        lost = await client.said()
        assert lost["reason"] == f"reconnect in {lost['seconds']:.1f} s"
