"""The seal of the allocations: finalization rests on it, and a difference stops it loudly."""

import asyncio

import msgspec
import pytest
from octant_contracts.calls import (
    EPOCH_STATISTICS,
    MERKLE_TREE,
    PROJECT_REWARDS,
    TAKE_FINALIZED_SNAPSHOT,
    Nothing,
    OfEpoch,
    PageOfEpoch,
)
from octant_contracts.events import FinalizedSnapshotTaken
from octant_contracts.seals import patrons_digest
from octant_contracts.values import Address
from octant_devnet.testkit import eventually
from octant_protocol.finalization import Finalization

from .conftest import Worlds
from .rewards_played import ETH, GLM, PROJECTS, end_of, user
from .rewards_world import World

DEPOSITS = {user(n): (1_000 + n) * GLM for n in range(1, 6)}
P = PROJECTS


async def voted(world: World) -> None:
    """Two donors, a patron, and a closed window; nothing is sealed."""
    await world.begin()
    await world.open_window(1, DEPOSITS)
    await world.tell(
        world.ledger.allocate(1, user(1), {P[0]: ETH, P[1]: 2 * ETH}),
        world.ledger.allocate(1, user(2), {P[1]: 3 * ETH}, uq="0.01"),
        world.ledger.patron(user(3), True, end_of(1) + 20, revoked_epoch=1),
    )
    await world.close_window(1)


def recomputed(world: World) -> Finalization:
    return world.ledger.finalization(1, world.proceeds, DEPOSITS)


async def test_finalized__sealed_with_our_rows__equals_a_recomputation(world: World) -> None:
    await voted(world)
    await world.tell(world.ledger.seal(1))

    assert await world.take_finalized() == 1
    assert await world.take_finalized() is None

    result = recomputed(world)
    assert result.tree is not None
    assert await world.announced(FinalizedSnapshotTaken) == [
        FinalizedSnapshotTaken(
            epoch=1,
            matched_rewards=result.matched.matched,
            patrons_rewards=result.patrons_rewards,
            leftover=result.leftover,
            total_withdrawals=result.total_withdrawals,
            staking_matched_reserved_for_v2=0,
            merkle_root=result.tree.root,
            leaves_count=len(result.leaves),
        )
    ]
    assert result.patrons_rewards > 0
    rewards = (await world.ask(PROJECT_REWARDS, OfEpoch(1))).rewards
    assert [(r.address, r.allocated, r.matched) for r in rewards] == sorted(
        ((r.project, r.allocated, r.matched) for r in result.rewarded),
        key=lambda row: Address(row[0]).text,
    )
    tree = await world.ask(MERKLE_TREE, PageOfEpoch(1))
    assert [(leaf.address, leaf.amount) for leaf in tree.leaves] == result.leaves


async def test_finalized__while_the_window_is_open__has_nothing_to_do(world: World) -> None:
    await world.begin()
    assert await world.take_finalized() is None
    await world.open_window(1, DEPOSITS)

    assert await world.take_finalized() is None


async def test_finalized__nobody_allocated__has_no_tree(world: World) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)

    snapshot = await world.finalize(1)

    assert (snapshot.merkle_root, snapshot.leaves_count) == (None, 0)
    assert snapshot.total_withdrawals == 0
    assert await world.outcome(MERKLE_TREE, PageOfEpoch(1)) == "InvalidEpoch"


@pytest.mark.proves("POST /snapshots/finalized", "SnapshotTooEarly")
async def test_finalized__not_sealed_yet__is_refused_then_taken(world: World) -> None:
    await voted(world)

    assert await world.outcome(TAKE_FINALIZED_SNAPSHOT, Nothing()) == "SnapshotTooEarly"
    assert world.last_refusal == {"epoch": "1", "reason": "its allocations are not sealed yet"}

    await world.tell(world.ledger.seal(1))
    assert await world.take_finalized() == 1


async def test_finalized__seal_arrives_meanwhile_twenty_ask__one_takes_it(worlds: Worlds) -> None:
    async with worlds(snapshot_patience=15.0) as world:
        await voted(world)
        asked = [asyncio.create_task(world.take_finalized()) for _ in range(20)]
        await world.synced.wait()

        await world.tell(world.ledger.seal(1))

        assert sorted(await asyncio.gather(*asked), key=str) == [1, *[None] * 19]
        assert len(await world.announced(FinalizedSnapshotTaken)) == 1


async def test_finalized__events_after_the_seal__change_nothing(world: World) -> None:
    await voted(world)
    seal, before = world.ledger.seal(1), recomputed(world)
    # Patron mode switched at once after the seal, in a block of the last second.
    late = world.ledger.patron(user(4), True, end_of(1) + 200)

    await world.tell(seal, late)

    assert await world.take_finalized() == 1
    (snapshot,) = await world.announced(FinalizedSnapshotTaken)
    assert snapshot.patrons_rewards == before.patrons_rewards
    assert snapshot.merkle_root == (before.tree and before.tree.root)


@pytest.mark.parametrize("fault", ["a row", "a weight", "the patrons", "only the count"])
async def test_seal__that_differs__stops_loudly_and_finalizes_nothing(
    world: World, fault: str
) -> None:
    await voted(world)
    ours = seal = world.ledger.seal(1)
    match fault:
        case "a row":  # one that never arrived here
            world.ledger.allocate(1, user(4), {P[2]: ETH})
            seal = world.ledger.seal(1)
        case "a weight":
            world.ledger.score(1, user(2), "0.2")
            seal = world.ledger.seal(1)
        case "the patrons":
            others = patrons_digest([user(4)])
            seal = msgspec.structs.replace(seal, patrons_digest=others)
        case "only the count":
            seal = msgspec.structs.replace(seal, count=seal.count - 1)

    await world.say(seal, world.ledger.allocate(2, user(1), {P[0]: ETH}))

    await eventually(lambda: "SealMismatch" in world.waits_for("events of allocations"))
    status, waiting = await world.readyz()
    assert status == 503
    for digest in (ours.digest, ours.patrons_digest, seal.digest, seal.patrons_digest):
        assert digest in waiting["events of allocations"]
    assert await world.outcome(TAKE_FINALIZED_SNAPSHOT, Nothing()) == "SnapshotTooEarly"
    assert await world.counts("seals", "finalized_snapshots", "rewards", "leaves") == [0] * 4
    # Nothing behind the seal is applied; the neighbours' streams are, and calls go on.
    assert await world.counts("allocations") == [3]
    await world.tell(world.head(end_of(2) + 1), world.settlement(2, DEPOSITS))
    assert await world.take_pending() == 2
    assert (await world.ask(EPOCH_STATISTICS, OfEpoch(1))).info is not None
    assert set(world.service.readiness.waiting()) == {"events of allocations"}
