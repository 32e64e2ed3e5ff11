"""The feeds of both clients against a server that does what the test says."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from clients.played import Peer, Played, played
from clients.readers import Starts
from clients.typescript import Project

pytestmark = pytest.mark.xdist_group("clients")

USER = "0xB32398833CF0A132a22104D8746a027A34A47269"


@pytest.fixture
async def server() -> AsyncIterator[Played]:
    async with played() as made:
        yield made


def update(topic: str, seq: int, data: Any, snapshot: bool = False) -> dict[str, Any]:
    """As a reader is told what `Peer.tell` told."""
    return {
        "topic": topic,
        "data": data,
        "snapshot": snapshot,
        "token": f"life:{seq}",
        "seq": seq,
        "ts": "2026-01-01T00:00:00Z",
    }


async def subscribed(peer: Peer, *topics: str, since: dict[str, str] | None = None) -> None:
    """The peer is asked for these, and agrees."""
    asked = {"op": "subscribe", "topics": list(topics), "since": since or {}}
    assert await peer.heard() == asked
    await peer.say(op="subscribed", topics=list(topics))


async def test_connection__killed__is_resumed_with_the_last_tokens(
    server: Played, reader: Starts
) -> None:
    async with reader(server.url, "epoch", f"allocation.{USER}") as client:
        log = f"allocation.{USER}"
        peer = await server.accepted()
        await subscribed(peer, "epoch", log.lower())
        huge = str(2**200 + 1)
        for seq, data in enumerate(({"changes": []}, {"amount": huge})):
            await peer.tell(log, seq, data, snapshot=not seq)
            assert await client.said() == update(log, seq, data, snapshot=not seq)
        peer.kill()
        assert set(await client.said()) == {"reason", "seconds"}
        peer = await server.accepted()
        await subscribed(peer, "epoch", log.lower(), since={log.lower(): "life:1"})
        await peer.tell(log, 2, "next")
        assert await client.said() == update(log, 2, "next")


async def test_reader__with_tokens_of_an_earlier_life__goes_on_after_them(
    server: Played, reader: Starts
) -> None:
    log = f"allocation.{USER}"
    async with reader(server.url, "epoch", f"{log}=life:5"):
        peer = await server.accepted()
        await subscribed(peer, "epoch", log.lower(), since={log.lower(): "life:5"})


async def test_topic__reset__is_asked_for_anew_when_the_snapshot_does_not_come(
    server: Played, reader: Starts
) -> None:
    async with reader(server.url, "epoch", "sync") as client:
        peer = await server.accepted()
        await subscribed(peer, "epoch", "sync")
        for topic in ("epoch", "sync"):
            await peer.tell(topic, 7, 1, snapshot=True)
            assert await client.said() == update(topic, 7, 1, snapshot=True)
        await peer.say(op="reset", topic="epoch")
        await peer.close(1013, "too slow")
        assert (await client.said())["reason"] == "too slow"
        await subscribed(await server.accepted(), "epoch", "sync", since={"sync": "life:7"})


async def test_server__that_stops__is_given_the_time_it_asks_for(
    server: Played, reader: Starts
) -> None:
    async with reader(server.url, "epoch") as client:
        peer = await server.accepted()
        await subscribed(peer, "epoch")
        await peer.close(1012, "reconnect in 0.25 s")
        assert await client.said() == {"reason": "reconnect in 0.25 s", "seconds": 0.25}
        await subscribed(await server.accepted(), "epoch")


async def test_waits__of_failure_after_failure__are_spread_and_grow_to_a_limit(
    server: Played, reader: Starts
) -> None:
    async with reader(server.url, "epoch") as client:
        most = [0.01, 0.02] + [0.04] * 8
        waits = []
        for _ in most:
            peer = await server.accepted()
            await peer.heard()
            peer.kill()
            waits.append((await client.said())["seconds"])
        parts = [wait / limit for wait, limit in zip(waits, most, strict=True)]
        assert 0 <= min(parts) < max(parts) <= 1
        assert len(set(parts)) == len(parts)
        assert max(waits) > 0.01
        peer = await server.accepted()
        await subscribed(peer, "epoch")
        await peer.tell("epoch", 1, 1)
        assert await client.said() == update("epoch", 1, 1)
        peer.kill()
        assert (await client.said())["seconds"] <= 0.01


async def test_subscription__refused__is_told_and_not_asked_for_again(
    server: Played, reader: Starts
) -> None:
    async with reader(server.url, "nonsense") as client:
        peer = await server.accepted()
        assert (await peer.heard())["topics"] == ["nonsense"]
        await peer.say(op="error", code="UnknownTopic", message="no topic nonsense")
        assert await client.said() == {"code": "UnknownTopic", "message": "no topic nonsense"}
        await peer.tell("nonsense", 1, 1)
        peer.kill()
        assert "reason" in await client.said()
        await server.accepted()


async def test_connection__without_a_sign_of_life__is_given_up(
    server: Played, reader: Starts
) -> None:
    async with reader(server.url, "epoch", heartbeat=0.1) as client:
        peer = await server.accepted()
        peer.fall_silent()
        assert "reason" in await client.said()
        peer.kill()
        assert (await (await server.accepted()).heard())["topics"] == ["epoch"]


async def test_refusal__of_what_is_new__leaves_what_was_accepted_before(
    server: Played, reader: Starts
) -> None:
    async with reader(server.url, "more", "epoch") as client:
        peer = await server.accepted()
        await subscribed(peer, "more", "epoch")
        await peer.tell("more", 1, ["nonsense"])
        assert await client.said() == update("more", 1, ["nonsense"])
        peer.kill()
        assert "reason" in await client.said()
        peer = await server.accepted()
        await subscribed(peer, "more", "epoch", since={"more": "life:1"})
        assert (await peer.heard())["topics"] == ["nonsense"]
        await peer.say(op="error", code="UnknownTopic", message="")
        assert await client.said() == {"code": "UnknownTopic", "message": ""}
        await peer.tell("more", 2, ["epoch", "nonsense"])
        assert await client.said() == update("more", 2, ["epoch", "nonsense"])
        assert (await peer.heard())["topics"] == ["epoch", "nonsense"]
        await peer.say(op="error", code="UnknownTopic", message="")
        assert await client.said() == {"code": "UnknownTopic", "message": ""}
        await peer.tell("epoch", 3, 3)
        assert await client.said() == update("epoch", 3, 3)


async def test_topic__unsubscribed__is_neither_told_nor_asked_for_again(
    server: Played, reader: Starts
) -> None:
    async with reader(server.url, "less", "epoch") as client:
        peer = await server.accepted()
        await subscribed(peer, "less", "epoch")
        await peer.tell("less", 1, ["epoch"])
        assert await client.said() == update("less", 1, ["epoch"])
        assert await peer.heard() == {"op": "unsubscribe", "topics": ["epoch"]}
        await peer.tell("epoch", 2, 2)
        peer.kill()
        assert "reason" in await client.said()
        await subscribed(await server.accepted(), "less", since={"less": "life:1"})


async def test_typescript_reader__that_is_slow__goes_on_from_its_last_token(
    server: Played, project: Project
) -> None:
    """No browser can make a server wait; Python reads no more than it hands out."""
    async with await project.start("feed", server.url, "20", "slow") as client:
        peer = await server.accepted()
        await subscribed(peer, "slow")
        for seq in range(1100):
            await peer.tell("slow", seq, None)
        await peer.gone()
        assert await client.said() == update("slow", 0, None)
        client.go_on()
        assert (await client.said())["reason"] == "the reader is too slow"
        await subscribed(await server.accepted(), "slow", since={"slow": "life:0"})


async def test_iteration__ends_when_the_feed_is_closed(server: Played, reader: Starts) -> None:
    async with reader(server.url, "close") as client:
        peer = await server.accepted()
        await subscribed(peer, "close")
        await peer.say(op="something new")
        await peer.tell("close", 3, None)
        assert await client.said() == update("close", 3, None)
        assert await client.said() == {"tokens": {"close": "life:3"}}
