"""Log topics: every change once, in order, also across disconnections and gateways."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from feed.client import FeedClient
from octant_contracts import calls
from octant_contracts.errors import Refusal
from octant_contracts.events import ALLOCATIONS, stream_name
from octant_devnet.testkit import eventually
from octant_gateway.feed import logs, ring

from .feed_world import ALICE, BOB, EPOCH, P1, P2, Feed, Services, feeding

LOG = "epoch.allocations"
OF_ALICE = f"allocation.{ALICE}"


@pytest.fixture
async def feed(world) -> AsyncIterator[Feed]:
    async with feeding(world) as made:
        yield made


def change(donor: str, *gifts: tuple[str, int], **other) -> dict:
    return {
        "donor": donor,
        "allocations": [{"project": p, "amount": str(a)} for p, a in gifts],
        "epoch": EPOCH,
        "nonce": None,
        "sequence": None,
        "revoked": False,
        **other,
    }


def changes(client: FeedClient, topic: str = LOG) -> list[tuple]:
    """Of the frames after the newest snapshot: donor and gifts, in order."""
    found: list[tuple] = []
    for frame in client.of(topic):
        if frame.get("snapshot") or frame.get("op") == "reset":
            found = []
        else:
            found += [
                (c["donor"], *((g["project"], int(g["amount"])) for g in c["allocations"]))
                for c in frame["data"]["changes"]
            ]
    return found


async def test_subscription__gives_the_live_allocations_then_every_change(feed):
    client = await feed.client(LOG)
    first = await client.until(LOG)
    assert first["snapshot"] is True
    assert first["data"] == {"changes": [change(ALICE, (P1, 100))]}
    place = await feed.services.allocate(BOB, (P2, 7), (P1, 0))
    second = await client.until(LOG, 2)
    assert "snapshot" not in second
    assert second["seq"] == place
    assert second["token"] == f"{first['token'].partition(':')[0]}:{place}"
    assert second["data"] == {"changes": [change(BOB, (P2, 7), (P1, 0), nonce=1, sequence=1)]}
    await feed.services.revoke(BOB)
    third = await client.until(LOG, 3)
    assert third["data"] == {"changes": [change(BOB, nonce=None, sequence=2, revoked=True)]}
    await client.close()


async def test_topic_of_a_user__tells_only_that_user_with_the_next_nonce(feed):
    client = await feed.client(OF_ALICE.lower())
    first = await client.until(OF_ALICE)
    known = change(ALICE, (P1, 100), nextNonce=7, isManuallyEdited=True)
    assert first["data"] == {"changes": [known]}
    await feed.services.allocate(BOB, (P1, 1))
    await feed.services.allocate(ALICE, (P2, 5))
    second = await client.until(OF_ALICE, 2)
    mine = change(ALICE, (P2, 5), nonce=2, sequence=2, nextNonce=3, isManuallyEdited=False)
    assert second["data"] == {"changes": [mine]}
    await feed.services.revoke(ALICE)
    third = await client.until(OF_ALICE, 3)
    nothing = change(ALICE, sequence=3, revoked=True, nextNonce=None, isManuallyEdited=None)
    assert third["data"] == {"changes": [nothing]}
    await client.close()


async def test_changes_of_one_moment__come_together_in_order(feed):
    client = await feed.client(LOG)
    await client.until(LOG)
    for amount in range(1, 41):
        await feed.services.allocate(BOB, (P1, amount))
    await eventually(lambda: len(changes(client)) == 40, what="all changes")
    assert changes(client) == [(BOB, (P1, amount)) for amount in range(1, 41)]
    assert len(client.of(LOG)) < 25
    await client.close()


async def test_since__a_known_token__gives_exactly_what_was_missed(feed):
    client = await feed.client(LOG, OF_ALICE)
    await feed.services.allocate(ALICE, (P1, 1))
    await eventually(lambda: changes(client) and changes(client, OF_ALICE), what="the first")
    await client.kill()
    await feed.services.allocate(BOB, (P2, 2))
    await feed.services.allocate(ALICE, (P2, 3))
    again = await feed.client(LOG, OF_ALICE, since=client.tokens)
    await eventually(lambda: len(changes(again)) == 2 and changes(again, OF_ALICE), what="missed")
    assert changes(again) == [(BOB, (P2, 2)), (ALICE, (P2, 3))]
    assert changes(again, OF_ALICE) == [(ALICE, (P2, 3))]
    assert not any(f.get("snapshot") or f.get("op") == "reset" for f in again.frames)
    await again.kill()
    last = await feed.client(LOG, OF_ALICE, since=again.tokens)
    await last.answered()
    assert last.of(LOG) == last.of(OF_ALICE) == []
    await last.close()


@pytest.mark.parametrize("token", ["0badbeef:1", "no token", "", ":", "x:999999999999999999999"])
async def test_since__an_unknown_token__resets_and_gives_a_snapshot(feed, token):
    client = await feed.client(LOG, since={LOG: token})
    await client.until(LOG, 2)
    reset, snapshot = client.of(LOG)
    assert reset == {"op": "reset", "topic": LOG}
    assert snapshot["snapshot"] is True
    await client.close()


async def test_since__beyond_the_end_of_the_stream__resets(feed):
    client = await feed.client(LOG)
    incarnation, _, seq = (await client.until(LOG))["token"].partition(":")
    await client.close()
    client = await feed.client(LOG, since={LOG: f"{incarnation}:{int(seq) + 5}"})
    await client.until(LOG, 2)
    assert client.of(LOG)[0] == {"op": "reset", "topic": LOG}
    await client.close()


async def test_since__before_what_is_kept__resets(feed, monkeypatch):
    monkeypatch.setattr(ring, "KEPT", 5)
    client = await feed.client(LOG)
    await client.until(LOG)
    await client.kill()
    for amount in range(6):
        await feed.services.allocate(BOB, (P1, amount))
    newest = await feed.client(LOG, since={})
    await eventually(lambda: newest.of(LOG), what="a snapshot")
    again = await feed.client(LOG, since=client.tokens)
    await again.until(LOG, 2)
    assert again.of(LOG)[0] == {"op": "reset", "topic": LOG}
    assert again.of(LOG)[1]["data"]["changes"][-1] == change(BOB, (P1, 5))
    await newest.close()
    await again.close()


async def test_snapshot__read_while_allocations_come__misses_none(feed):
    reading, going_on = asyncio.Event(), asyncio.Event()
    answer = feed.services.world.services.answers[repr(calls.EPOCH_ALLOCATIONS)]

    async def slowly(request):
        told = answer(request)
        reading.set()
        await going_on.wait()
        return told

    feed.services.world.services.on(calls.EPOCH_ALLOCATIONS, slowly)
    client = await feed.client(LOG)
    await reading.wait()
    await feed.services.allocate(BOB, (P1, 1))
    other = await feed.client(OF_ALICE)  # the change has come as far as the feed
    await feed.services.allocate(ALICE, (P1, 2))
    await eventually(lambda: changes(other, OF_ALICE), what="the change of Alice")
    going_on.set()
    await eventually(lambda: len(changes(client)) == 2, what="both changes")
    assert client.of(LOG)[0]["data"] == {"changes": [change(ALICE, (P1, 100))]}
    assert changes(client) == [(BOB, (P1, 1)), (ALICE, (P1, 2))]
    await other.close()
    await client.close()


async def test_snapshot__of_many_subscribers__is_read_once(feed):
    clients = [await feed.client(LOG) for _ in range(20)]
    for client in clients:
        await client.until(LOG)
    assert feed.services.requests(calls.EPOCH_ALLOCATIONS) == 1
    await feed.services.allocate(BOB, (P1, 1))
    await clients[0].until(LOG, 2)
    late = await feed.client(LOG)
    await eventually(lambda: changes(late) == [(BOB, (P1, 1))], what="what came since")
    assert feed.services.requests(calls.EPOCH_ALLOCATIONS) == 1
    for client in [*clients, late]:
        await client.close()


async def test_snapshot__of_a_service_that_is_away__comes_when_it_is_back(feed, monkeypatch):
    monkeypatch.setattr(logs, "AGAIN", 0.05)
    played = feed.services.world.services
    answer = played.answers[repr(calls.EPOCH_ALLOCATIONS)]
    played.on(calls.EPOCH_ALLOCATIONS, Refusal("ServiceUnavailable", service="allocations"))
    client = await feed.client(LOG)
    await eventually(lambda: feed.services.requests(calls.EPOCH_ALLOCATIONS) > 2, what="asked")
    await client.answered()
    assert client.of(LOG) == []
    played.on(calls.EPOCH_ALLOCATIONS, answer)
    assert (await client.until(LOG))["snapshot"] is True
    await client.close()


async def test_stream__made_anew__resets_everybody(feed):
    client = await feed.client(LOG)
    before = await client.until(LOG)
    await feed.services.jetstream.delete_stream(stream_name(ALLOCATIONS))
    await client.until(LOG, 3)
    _, reset, snapshot = client.of(LOG)
    assert reset == {"op": "reset", "topic": LOG}
    assert snapshot["snapshot"] is True
    assert snapshot["token"].partition(":")[0] != before["token"].partition(":")[0]
    await feed.services.allocate(BOB, (P1, 1))
    await eventually(lambda: changes(client) == [(BOB, (P1, 1))], what="a change")
    await client.close()


async def test_token__of_one_gateway__is_good_at_another_and_after_a_restart(world):
    services = Services(world)
    async with feeding(world, services) as first, feeding(world, services) as second:
        client = await first.client(LOG)
        await services.allocate(BOB, (P1, 1))
        await eventually(lambda: changes(client), what="a change")
        await client.kill()
        await services.allocate(BOB, (P1, 2))
        there = await second.client(LOG, since=client.tokens)
        await eventually(lambda: changes(there) == [(BOB, (P1, 2))], what="the missed one")
        await there.kill()
    await services.allocate(BOB, (P1, 3))
    async with feeding(world, services) as third:
        again = await third.client(LOG, since=there.tokens)
        await eventually(lambda: changes(again) == [(BOB, (P1, 3))], what="the missed one")
        assert not again.said("reset")
        await again.close()


async def test_client__killed_a_hundred_times_at_two_gateways__misses_and_repeats_nothing(world):
    services = Services(world)
    async with feeding(world, services) as first, feeding(world, services) as second:
        announced: list[tuple] = []
        done = asyncio.Event()

        async def people() -> None:
            while not done.is_set():
                amount = len(announced) + 1
                await services.allocate(BOB, (P1, amount))
                announced.append((BOB, (P1, amount)))
                await asyncio.sleep(0.002)

        client = await first.client(LOG)
        await client.until(LOG)
        allocating = asyncio.create_task(people())
        seen: list[tuple] = []
        tokens = client.tokens
        for life in range(100):
            more = len(changes(client)) + 1
            await eventually(lambda c=client, n=more: len(changes(c)) >= n, what="a change")
            await client.kill()
            assert life == 0 or not any(frame.get("snapshot") for frame in client.frames)
            seen += changes(client)
            tokens = client.tokens or tokens
            client = await (first, second)[life % 2].client(LOG, since=tokens)
        done.set()
        await allocating
        await eventually(lambda: len(seen) + len(changes(client)) >= len(announced), what="all")
        assert seen + changes(client) == announced
        await client.close()
