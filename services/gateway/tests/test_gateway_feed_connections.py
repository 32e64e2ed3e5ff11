"""The feed's protocol and limits: what clients may say, who may connect, how it ends."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from octant_contracts import calls
from octant_contracts.events import EstimatesChanged
from octant_devnet.testkit import eventually
from octant_gateway.feed import audience, server
from octant_gateway.feed.audience import slow_dropped
from octant_gateway.realtime.server import connections
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from .feed_world import ALICE, BOB, EPOCH, P1, P2, Feed, feeding

LOG = "epoch.allocations"


@pytest.fixture
async def feed(world) -> AsyncIterator[Feed]:
    async with feeding(world) as made:
        yield made


async def refused(url: str, **headers: str) -> Any:
    with pytest.raises(InvalidStatus) as told:
        await connect(url, additional_headers=headers)
    return told.value.response


def connected() -> float:
    return connections.labels("feed")._value.get()


async def test_ping__is_answered(feed):
    client = await feed.client()
    await client.send(op="ping")
    await eventually(lambda: client.frames == [{"op": "pong"}], what="a pong")
    await client.close()


async def test_subscribed__names_all_topics_of_the_connection_before_their_frames(feed):
    client = await feed.client("leverage", f"patron.{ALICE.lower()}", "leverage")
    await client.until("leverage")
    assert client.frames[0] == {"op": "subscribed", "topics": ["leverage", f"patron.{ALICE}"]}
    await client.subscribe("leverage", "threshold")
    await client.until("threshold")
    await client.send(op="unsubscribe", topics=["leverage", "epoch"])
    await client.answered()
    assert [frame["topics"] for frame in client.said("subscribed")[1:]] == [
        ["leverage", f"patron.{ALICE}", "threshold"],
        [f"patron.{ALICE}", "threshold"],
    ]
    assert len(client.of("leverage")) == 1
    await client.close()


async def test_unsubscribed_topic__is_told_no_more(feed):
    client = await feed.client("project.rewards", "leverage")
    await client.until("project.rewards")
    await client.until("leverage")
    await client.send(op="unsubscribe", topics=["project.rewards"])
    await client.answered()
    feed.services.allocated[P2] = 4
    await feed.services.store(EstimatesChanged(epoch=EPOCH, sequence=1))
    await client.until("leverage", 2)
    assert len(client.of("project.rewards")) == 1
    await client.close()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", "InvalidMessage"),
        ("[]", "InvalidMessage"),
        ("{}", "InvalidMessage"),
        ('{"op":"shout"}', "InvalidMessage"),
        ('{"op":"subscribe","topics":"epoch"}', "InvalidMessage"),
        ('{"op":"subscribe","topics":[1]}', "InvalidMessage"),
        ('{"op":"subscribe","topics":["epoch"],"since":{"epoch":1}}', "InvalidMessage"),
        ('{"op":"ping","x":' + "[" * 16_000, "InvalidMessage"),
        ('{"op":"subscribe","topics":["\\ud800"]}', "InvalidMessage"),
        (b'{"op":"ping"}', "InvalidMessage"),
        ('{"op":"subscribe","topics":["nothing"]}', "UnknownTopic"),
        ('{"op":"subscribe","topics":["epoch","patron"]}', "UnknownTopic"),
        (f'{{"op":"subscribe","topics":["epoch.{ALICE}"]}}', "UnknownTopic"),
        ('{"op":"subscribe","topics":["epoch","patron.0x12"]}', "InvalidAddress"),
        ('{"op":"unsubscribe","topics":["nothing"]}', "UnknownTopic"),
    ],
)
async def test_message__that_cannot_be_followed__is_explained_and_changes_nothing(
    feed, message, code
):
    client = await feed.client()
    await client.socket.send(message)
    await client.answered()
    (error, _) = client.frames
    assert (error["op"], error["code"]) == ("error", code)
    assert error["message"]
    await client.close()


async def test_topics__more_than_allowed__are_refused(world):
    async with feeding(world, feed_topics=2) as feed:
        client = await feed.client("leverage", "threshold", f"patron.{ALICE}")
        await client.answered()
        assert client.said("error")[0]["code"] == "TooManyTopics"
        assert client.said("subscribed") == []
        await client.subscribe("leverage", "threshold")
        await client.subscribe(f"patron.{ALICE}")
        await client.answered()
        assert len(client.said("error")) == 2
        await client.send(op="unsubscribe", topics=["threshold"])
        await client.subscribe(f"patron.{ALICE}")
        await client.until(f"patron.{ALICE}")
        await client.close()


async def test_message__too_long__ends_the_connection(feed):
    client = await feed.client()
    await client.socket.send("x" * 16_385)
    assert (await client.ended())[0] == 1009


async def test_messages__more_than_allowed__end_the_connection(world):
    async with feeding(world, feed_messages_per_second=5) as feed:
        client = await feed.client()
        for _ in range(10):
            await client.send(op="ping")
        await eventually(lambda: len(client.said("pong")) == 10, what="pongs")
        for _ in range(3):
            await client.send(op="ping")
        assert await client.ended() == (1008, "too many messages")


async def test_path__other_than_feed__is_unknown(feed):
    base = feed.url.removesuffix("/feed")
    for path in ("/", "/feed/", "/feedback", "/socket.io/"):
        assert (await refused(base + path)).status_code == 404
    client = await connect(f"{feed.url}?from=somewhere")
    await client.close()


async def test_request__without_an_upgrade__is_told_to_upgrade(feed):
    async with httpx.AsyncClient() as http:
        answer = await http.get(feed.url.replace("ws://", "http://"))
    assert answer.status_code == 426


async def test_gateway__that_is_full__refuses_until_somebody_leaves(world):
    async with feeding(world, feed_connections=2, feed_connections_per_ip=1) as feed:
        first = FeedOf(feed, "1.1.1.1")
        await first.connect()
        again = await refused(feed.url, **{"X-Real-IP": "1.1.1.1"})
        assert again.status_code == 503
        assert 1 <= int(again.headers["Retry-After"]) <= 10
        second = FeedOf(feed, "2.2.2.2")
        await second.connect()
        assert (await refused(feed.url, **{"X-Real-IP": "3.3.3.3"})).status_code == 503
        await first.close()
        await eventually(lambda: connected() == 1, what="one has gone")
        third = FeedOf(feed, "1.1.1.1")
        await third.connect()
        await second.close()
        await third.close()


class FeedOf:
    """A connection as an ingress passes it on."""

    def __init__(self, feed: Feed, address: str) -> None:
        self._feed = feed
        self._address = address

    async def connect(self) -> None:
        headers = {"X-Real-IP": self._address}
        self._socket = await connect(self._feed.url, additional_headers=headers)

    async def close(self) -> None:
        await self._socket.close()


async def test_address__told_by_somebody_we_do_not_trust__counts_for_nothing(world):
    knobs = {"trusted_proxies": type(world.gateway.settings.trusted_proxies)("10.0.0.0/8")}
    async with feeding(world, feed_connections_per_ip=1, **knobs) as feed:
        first = FeedOf(feed, "1.1.1.1")
        await first.connect()
        assert (await refused(feed.url, **{"X-Real-IP": "2.2.2.2"})).status_code == 503
        await first.close()


async def test_connections__are_counted_and_forgotten(feed):
    clients = [await feed.client("leverage") for _ in range(3)]
    await eventually(lambda: connected() == 3, what="three")
    await clients[0].kill()
    await clients[1].close()
    await eventually(lambda: connected() == 1, what="one")
    await clients[2].close()
    await eventually(lambda: connected() == 0, what="none")


async def test_clients__that_never_read__change_nothing_for_the_rest_and_are_dropped(
    world, monkeypatch
):
    monkeypatch.setattr(audience, "END_SECONDS", 0.2)
    async with feeding(world, feed_backlog_bytes=20_000) as feed:
        dropped = slow_dropped._value.get()
        lazy = [await never_reading(feed) for _ in range(20)]
        client = await feed.client(LOG)
        await client.until(LOG)
        gifts = [(P1, 10**30 + n) for n in range(2000)]  # a frame of 200 KB
        sent = 0
        while slow_dropped._value.get() < dropped + 20:
            sent += 1
            await feed.services.allocate(BOB, *gifts)
            assert sent < 200, "they are not dropped"
            for_all = client.until(LOG, 1 + sent)
            async with asyncio.timeout(2.0):
                await for_all
        await eventually(lambda: connected() == 1, timeout=15.0, what="only who reads is left")
        for reader in lazy:
            reader.close()
        await client.close()


async def never_reading(feed: Feed) -> socket.socket:
    """A subscriber with a small window; it has read the handshake only."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    port = int(feed.url.split(":")[2].split("/")[0])
    await loop.sock_connect(raw, ("127.0.0.1", port))
    key = "dGhlIHNhbXBsZSBub25jZQ=="
    await loop.sock_sendall(
        raw,
        f"GET /feed HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode(),
    )
    assert b" 101 " in await loop.sock_recv(raw, 1000)
    text = json.dumps({"op": "subscribe", "topics": [LOG]}).encode()
    await loop.sock_sendall(raw, bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    return raw


async def test_client__that_has_yet_to_read_a_large_snapshot__is_not_dropped_for_it(world):
    async with feeding(world, feed_backlog_bytes=20_000) as feed:
        dropped = slow_dropped._value.get()
        large = 10**77
        feed.services.live = {f"0x{n:040x}": [(P1, large), (P2, large)] for n in range(1, 8001)}
        reader = await never_reading(feed)
        follower = await feed.client(LOG, f"allocation.{BOB}")
        await follower.until(LOG)
        assert feed.services.requests(calls.EPOCH_ALLOCATIONS) == 16  # one read for both
        for n in range(3):  # the news wait behind a snapshot of four megabytes
            await feed.services.allocate(BOB, (P1, n))
            await follower.until(f"allocation.{BOB}", 2 + n)
        await follower.answered()
        assert slow_dropped._value.get() == dropped
        assert connected() == 2
        reader.close()
        await follower.close()


async def test_gateway__that_stops__tells_each_client_when_to_come_back(world):
    async with feeding(world) as feed:
        clients = [await feed.client("leverage") for _ in range(20)]
        for client in clients:
            await client.until("leverage")
    ends = [await client.ended() for client in clients]
    assert {code for code, _ in ends} == {1012}
    waits = [float(re.fullmatch(r"reconnect in (\d\.\d) s", reason)[1]) for _, reason in ends]
    assert all(0 <= wait <= 5 for wait in waits)
    assert max(waits) - min(waits) > 1


async def test_gateway__that_stops__does_not_wait_for_who_never_asked(world, monkeypatch):
    monkeypatch.setattr(server, "END_SECONDS", 0.2)
    async with feeding(world) as feed:
        port = int(feed.url.split(":")[2].split("/")[0])
        _, silent = await asyncio.open_connection("127.0.0.1", port)
        client = await feed.client("leverage")
        await client.until("leverage")
        async with asyncio.timeout(3):
            await feed.server.stop()
        assert (await client.ended())[0] == 1012
        silent.close()
        await silent.wait_closed()
