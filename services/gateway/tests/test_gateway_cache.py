"""Kept answers: never older than what was announced, and made once for all who ask."""

import asyncio
import gzip
import random
from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import msgspec
import pytest
import zstandard
from octant_chassis.calls import Written
from octant_chassis.outbox import MESSAGE_ID
from octant_contracts import calls
from octant_contracts.calls import (
    CURRENT_EPOCH,
    EPOCH_ALLOCATIONS,
    MERKLE_TREE,
    PATRON_MODE,
    SET_PATRON_MODE,
    CurrentEpoch,
    EpochAllocations,
    PatronMode,
    RewardsStatus,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    ALLOCATIONS,
    CHAIN_SYNC,
    EPOCHS,
    PRODUCER,
    Allocated,
    BlockAdvanced,
    Event,
    FinalizedSnapshotTaken,
    PatronModeSet,
    subject,
)
from octant_contracts.values import Address, BlockRef, Decimal, Hex, Wei, encode
from octant_devnet.testkit import eventually
from octant_gateway.cache.heard import PATIENCE
from octant_gateway.cache.hits import hits

from .realtime_world import ALICE, P1, row

LIST = "/allocations/epoch/5"
numbers = count(1)


def allocated(epoch: int = 5, user: str = ALICE) -> Allocated:
    return Allocated(
        sequence=1,
        epoch=epoch,
        user=Address.parse(user),
        nonce=0,
        time=1,
        uniqueness_quotient=Decimal(1),
        is_manually_edited=False,
        allocations=[],
    )


def patron(user: str, enabled: bool = True) -> PatronModeSet:
    return PatronModeSet(
        sequence=1, user=Address.parse(user), enabled=enabled, time=1, revoked_epoch=None
    )


def block(number: int) -> BlockAdvanced:
    reference = BlockRef(number=number, hash=Hex(b"\1" * 32), timestamp=number)
    return BlockAdvanced(block=reference, final_block=number)


def finalized(epoch: int) -> FinalizedSnapshotTaken:
    return FinalizedSnapshotTaken(
        epoch=epoch,
        matched_rewards=Wei(1),
        patrons_rewards=Wei(0),
        leftover=Wei(0),
        total_withdrawals=Wei(0),
        staking_matched_reserved_for_v2=Wei(0),
        merkle_root=None,
        leaves_count=0,
    )


class Cached:
    """A gateway that keeps answers, and what it is told."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.heard: list[Event] = []
        world.announcements.hear(Event, self.heard.append)
        self.give(1)
        world.services.on(
            calls.REWARDS_STATUS,
            RewardsStatus(
                head_number=1, head_timestamp=1, last_pending_snapshot=5, last_finalized_snapshot=3
            ),
        )

    def give(self, rows: int) -> None:
        """The list has as many rows from now on."""
        given = [row(ALICE, P1, amount) for amount in range(rows)]
        answer = EpochAllocations(allocations=given, next_cursor=None, as_of=rows)
        self.world.services.on(EPOCH_ALLOCATIONS, answer)

    async def rows(self, path: str = LIST) -> int:
        response = await self.world.get(path)
        assert response.status_code == 200, response.text
        return len(response.json()["allocations"])

    async def publish(self, event: Event) -> None:
        kind = type(event)
        headers = {MESSAGE_ID: f"{PRODUCER[kind]}:{next(numbers)}"}
        client = self.world.services.bus.client
        await client.publish(subject(kind), encode(event), headers=headers)
        await client.flush()

    async def announce(self, event: Event) -> None:
        """Until the gateway has heard it."""
        await self.publish(event)
        await eventually(lambda: event in self.heard, what=f"{event} is heard")

    def asked(self, call: calls.Call[Any, Any]) -> int:
        return len(self.world.services.requests(call))


@pytest.fixture
async def cached(gateway_with: Callable[..., Any]) -> AsyncIterator[Cached]:
    async with gateway_with(cache_bytes=1_000_000) as world:
        yield Cached(world)


async def test_answer__asked_again__is_kept_until_what_it_lists_is_announced(cached) -> None:
    assert [await cached.rows(), await cached.rows()] == [1, 1]
    assert cached.asked(EPOCH_ALLOCATIONS) == 1
    cached.give(2)
    await cached.announce(allocated(epoch=6))
    await cached.announce(block(7))
    assert await cached.rows() == 1
    await cached.announce(allocated())
    assert [await cached.rows(), await cached.rows()] == [2, 2]
    assert cached.asked(EPOCH_ALLOCATIONS) == 2


async def test_answer__being_made_while_something_is_announced__is_not_kept(cached) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: Any) -> EpochAllocations:
        begun.set()
        await go_on.wait()
        return EpochAllocations(allocations=[], next_cursor=None, as_of=0)

    cached.world.services.on(EPOCH_ALLOCATIONS, slowly)
    early = asyncio.create_task(cached.rows())
    await begun.wait()
    await cached.announce(allocated())
    cached.give(3)
    # Who asks after the announcement does not wait for what was begun before it.
    assert await cached.rows() == 3
    go_on.set()
    assert await early == 0
    assert await cached.rows() == 3


async def test_stampede__is_one_call(cached) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_: Any) -> EpochAllocations:
        begun.set()
        await go_on.wait()
        return EpochAllocations(allocations=[], next_cursor=None, as_of=0)

    cached.world.services.on(EPOCH_ALLOCATIONS, slowly)
    asking = [asyncio.create_task(cached.rows()) for _ in range(50)]
    await begun.wait()
    await cached.announce(block(8))  # of no concern
    go_on.set()
    assert await asyncio.gather(*asking) == [0] * 50
    assert cached.asked(EPOCH_ALLOCATIONS) == 1


async def test_refusal__is_given_but_never_kept(cached) -> None:
    cached.world.services.on(EPOCH_ALLOCATIONS, Refusal("NotLoadedYet", what="It"))
    response = await cached.world.get(LIST)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "etag" not in response.headers
    cached.give(2)
    assert await cached.rows() == 2


async def test_own_write__shows_at_once_though_nothing_was_announced(cached) -> None:
    path = f"/user/{ALICE}/patron-mode"
    cached.world.services.on(PATRON_MODE, PatronMode(False))
    assert await cached.rows() == 1
    await cached.world.get(path)
    cached.world.services.on(PATRON_MODE, PatronMode(True))
    cached.give(0)
    cached.world.services.on(SET_PATRON_MODE, lambda _: Written(PatronMode(True), [7]))
    changed = await cached.world.client.patch(path, json={"signature": "0xabc"})
    assert changed.json() == {"status": True}
    assert (await cached.world.get(path)).json() == {"status": True}
    assert await cached.rows() == 0


async def test_answer_of_a_service_that_has_to_catch_up__includes_what_was_heard(cached) -> None:
    cached.world.services.on(CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
    for _ in range(2):  # nobody knows which block it should include
        assert (await cached.world.get("/epochs/current")).json() == {"currentEpoch": 1}
    assert cached.asked(CURRENT_EPOCH) == 2
    await cached.announce(block(9))
    token = cached.world.announcements.token
    for _ in range(2):
        await cached.world.get("/epochs/current")
    assert cached.asked(CURRENT_EPOCH) == 3
    waited_for = [a.after for a in cached.world.services.asked if a.call is CURRENT_EPOCH]
    assert waited_for == [(), (), (token,)]
    assert token[0] == CHAIN_SYNC


async def test_answer_of_a_service_that_is_behind__is_given_but_not_kept(cached) -> None:
    cached.world.services.on(CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
    await cached.announce(block(10))
    cached.world.services.tokens[EPOCHS].refuse = True
    for asked in (1, 2):
        assert (await cached.world.get("/epochs/current")).status_code == 200
        assert cached.asked(CURRENT_EPOCH) == asked
    cached.world.services.tokens[EPOCHS].refuse = False
    cached.world.now += PATIENCE
    for _ in range(2):
        assert (await cached.world.get("/epochs/current")).status_code == 200
    assert cached.asked(CURRENT_EPOCH) == 3


async def test_finalized_epoch__is_immutable_and_survives_everything(cached) -> None:
    response = await cached.world.get("/allocations/epoch/3")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    cached.give(9)
    await cached.announce(allocated(epoch=3))
    cached.world.announcements.missed()
    assert await cached.rows("/allocations/epoch/3") == 1
    assert (await cached.world.get("/allocations/epoch/4")).headers["cache-control"] == "no-cache"
    await cached.announce(finalized(4))
    await cached.announce(allocated(epoch=4))
    response = await cached.world.get("/allocations/epoch/4")
    assert response.headers["cache-control"].endswith("immutable")


async def test_etag__that_the_client_has__is_304_until_the_answer_changes(cached) -> None:
    first = await cached.world.get(LIST)
    etag = first.headers["etag"]
    for condition in (etag, f'"other", {etag}', "*"):
        again = await cached.world.get(LIST, headers={"if-none-match": condition})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["access-control-allow-origin"] == "*"
        assert again.headers["x-request-id"]
    cached.give(2)
    await cached.announce(allocated())
    changed = await cached.world.get(LIST, headers={"if-none-match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag
    await cached.announce(allocated())
    same = await cached.world.get(LIST, headers={"if-none-match": changed.headers["etag"]})
    assert same.status_code == 304  # made anew, and the same


@pytest.mark.parametrize("rows", [30, 2000], ids=["small", "large"])
async def test_encodings__of_one_answer__all_carry_the_same_bytes(gateway_with, rows) -> None:
    async with gateway_with(cache_bytes=10_000_000) as world:
        cached = Cached(world)
        cached.give(rows)
        plain = (await world.get(LIST, headers={"accept-encoding": "identity"})).content
        for name, decode in (
            ("gzip", gzip.decompress),
            ("zstd", lambda data: zstandard.ZstdDecompressor().decompress(data)),
        ):
            for _ in range(2):
                async with world.client.stream(
                    "GET", LIST, headers={"accept-encoding": f"{name}, br"}
                ) as response:
                    raw = b"".join([part async for part in response.aiter_raw()])
                assert response.headers["content-encoding"] == name
                assert response.headers["vary"] == "Accept-Encoding"
                assert decode(raw) == plain
        refused = await world.get(LIST, headers={"accept-encoding": "gzip;q=0"})
        assert "content-encoding" not in refused.headers
        assert cached.asked(EPOCH_ALLOCATIONS) == 1


async def test_memory__that_is_full__is_freed_of_what_was_not_asked_for_longest(
    gateway_with,
) -> None:
    async with gateway_with(cache_bytes=7_000) as world:
        cached = Cached(world)
        for epoch in (5, 6, 7):
            await cached.rows(f"/allocations/epoch/{epoch}")
        await cached.rows("/allocations/epoch/5")
        await cached.rows("/allocations/epoch/8")
        asked = cached.asked(EPOCH_ALLOCATIONS)
        await cached.rows("/allocations/epoch/5")
        assert cached.asked(EPOCH_ALLOCATIONS) == asked
        await cached.rows("/allocations/epoch/6")
        assert cached.asked(EPOCH_ALLOCATIONS) == asked + 1
        cached.give(100)
        for _ in range(2):  # larger than all of it
            assert await cached.rows("/allocations/epoch/9") == 100
        assert cached.asked(EPOCH_ALLOCATIONS) == asked + 3


async def test_bus__lost__is_bypassed_and_what_was_kept_is_gone_when_it_is_back(cached) -> None:
    await cached.rows()
    await cached.rows("/allocations/epoch/3")
    cached.world.store.is_connected = lambda: False
    cached.give(2)
    assert [await cached.rows(), await cached.rows()] == [2, 2]
    assert cached.asked(EPOCH_ALLOCATIONS) == 4
    assert await cached.rows("/allocations/epoch/3") == 1  # whatever happens, it is the same
    cached.world.announcements.missed()  # as the connection tells
    cached.world.store.is_connected = lambda: True
    assert [await cached.rows(), await cached.rows()] == [2, 2]
    assert cached.asked(EPOCH_ALLOCATIONS) == 5


async def test_service__that_is_away__leaves_kept_answers_marked_stale(cached) -> None:
    await cached.rows()
    await cached.world.services.stop(ALLOCATIONS)
    assert (await cached.world.get("/allocations/epoch/6")).status_code == 503
    kept = await cached.world.get(LIST)
    assert (kept.status_code, kept.headers["x-octant-stale"]) == (200, "true")
    await cached.world.services.start(ALLOCATIONS)
    assert await cached.rows("/allocations/epoch/6") == 1
    assert "x-octant-stale" not in (await cached.world.get(LIST)).headers


async def test_tree__of_an_epoch_that_is_not_final__is_refused_until_it_is(cached) -> None:
    cached.world.services.on(MERKLE_TREE, Refusal("InvalidEpoch"))
    assert (await cached.world.get("/rewards/merkle_tree/4")).status_code == 400
    assert (await cached.world.get("/rewards/merkle_tree/4")).status_code == 400
    assert cached.asked(MERKLE_TREE) == 2


@pytest.mark.parametrize("seed", range(4))
async def test_reads__in_any_interleaving_with_changes__are_never_older_than_announced(
    cached, seed
) -> None:
    chance = random.Random(seed)
    version, announced = 1, 1  # what the service has; what the gateway has heard
    kept_before = hits.total()

    async def answer(_: Any) -> EpochAllocations:
        given = [row(ALICE, P1, 1)] * version
        for _ in range(chance.choice((0, 0, 1, 5))):
            await asyncio.sleep(0.001)
        return EpochAllocations(allocations=given, next_cursor=None, as_of=1)

    async def read() -> None:
        for _ in range(25):
            least = announced
            assert await cached.rows() >= least
            await asyncio.sleep(chance.choice((0, 0.001, 0.004)))

    def heard(event: Allocated) -> None:
        nonlocal announced
        announced = max(announced, event.sequence)

    async def change() -> None:
        nonlocal version
        for _ in range(40):
            version += 1
            await cached.publish(msgspec.structs.replace(allocated(), sequence=version))
            await asyncio.sleep(chance.choice((0, 0.001, 0.005)))

    cached.world.announcements.hear(Allocated, heard)
    cached.world.services.on(EPOCH_ALLOCATIONS, answer)
    await asyncio.gather(change(), *(read() for _ in range(6)))
    await eventually(lambda: announced == version, what="all is heard")
    assert await cached.rows() == version
    assert hits.total() > kept_before  # some of it came from the cache
