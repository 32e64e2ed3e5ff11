"""The pending snapshot on request: when it is taken, by whom, and what is in it."""

import asyncio

import pytest
from octant_contracts.calls import (
    EPOCH_STATISTICS,
    SIMULATE_PENDING,
    TAKE_PENDING_SNAPSHOT,
    USER_BUDGET,
    Nothing,
    OfEpoch,
    OfUserEpoch,
    SimulationRequest,
)
from octant_contracts.events import BlockAdvanced, PendingSnapshotTaken
from octant_contracts.seals import budgets_digest
from octant_devnet.testkit import eventually
from octant_protocol.deposits import locked_ratio
from octant_rewards import tables
from sqlalchemy import select

from .conftest import Worlds
from .rewards_played import DURATION, ETH, GLM, START, WINDOW, block, end_of, expected_budgets, user
from .rewards_world import World

TWO_USERS = {user(1): 100 * GLM, user(2): 200 * GLM}


async def test_pending__documented_example__gives_the_documented_amounts(world: World) -> None:
    world.proceeds = 10**6
    await world.begin()
    await world.open_window(1, TWO_USERS)

    info = (await world.ask(EPOCH_STATISTICS, OfEpoch(1))).info

    assert info is not None
    assert await world.budgets(1) == {user(1): 58333, user(2): 116666}
    assert (info.staking_proceeds, info.total_effective_deposit) == (10**6, 300 * GLM)
    assert (info.total_rewards, info.operational_cost) == (700000, 250000)
    assert (info.community_fund, info.ppf, info.vanilla_individual_rewards) == (50000, 350000, 0)
    assert (await world.ask(USER_BUDGET, OfUserEpoch(user(2), 1))).budget == 116666
    assert (await world.ask(USER_BUDGET, OfUserEpoch(user(3), 1))).budget is None


async def test_pending__of_many_users__equals_an_independent_recomputation(world: World) -> None:
    world.proceeds = 412042049081445321216
    effective = {user(n): (n % 7) * 12_345_678_901 * GLM // 3 + n for n in range(40)}
    effective |= {user(41): 0}  # settled, but earns nothing
    await world.begin()
    await world.open_window(1, effective)

    budgets = expected_budgets(world.proceeds, effective)
    assert await world.budgets(1) == budgets
    assert list(await world.budgets(1)) == sorted(budgets, key=lambda who: who.text)
    total = sum(effective.values())
    assert await world.announced() == [
        PendingSnapshotTaken(
            epoch=1,
            finalized_at=end_of(1) + WINDOW,
            block=world.node_head,
            staking_proceeds=world.proceeds,
            total_effective_deposit=total,
            locked_ratio=locked_ratio(total),
            budgets_count=len(budgets),
            budgets_digest=budgets_digest(budgets.items()),
        )
    ]
    (asked,) = world.proceeds_asked
    assert (asked.epoch, asked.start, asked.end) == (1, START, START + DURATION)
    assert asked.block == world.node_head.number


async def test_pending__while_the_head_may_still_go__reads_proceeds_at_the_final_block(
    world: World,
) -> None:
    await world.begin()
    await world.end_epoch(1)
    final = world.node_head
    ahead = block(final.number + 5, final.timestamp + 60)
    world.node_head = ahead
    await world.tell(
        world.settlement(1, TWO_USERS), BlockAdvanced(block=ahead, final_block=final.number)
    )
    assert await world.take_pending() == 1

    (asked,) = world.proceeds_asked
    assert asked.block == final.number
    (taken,) = await world.announced()
    assert taken.block.number == final.number


async def test_pending__asked_before_the_end_or_twice__has_nothing_to_do(world: World) -> None:
    await world.begin()
    assert await world.take_pending() is None  # epoch 1 is current
    await world.open_window(1, TWO_USERS)
    assert await world.take_pending() is None
    await world.close_window(1)
    assert await world.take_pending() is None

    assert len(await world.announced()) == 1
    assert len(world.proceeds_asked) == 1


async def test_pending__window_missed__cannot_be_asked_for_later(world: World) -> None:
    await world.begin()
    await world.end_epoch(1)
    await world.tell(world.settlement(1, TWO_USERS))
    await world.close_window(1)

    assert await world.take_pending() is None
    assert await world.counts("pending_snapshots", "budgets") == [0, 0]


async def test_pending__twenty_ask_at_once__one_of_them_takes_it(world: World) -> None:
    await world.begin()
    await world.end_epoch(1)
    await world.tell(world.settlement(1, TWO_USERS))

    world.proceeds_free.clear()  # until all of them stand before the transaction
    asked = [asyncio.create_task(world.take_pending()) for _ in range(20)]
    await eventually(lambda: len(world.proceeds_asked) == 20)
    world.proceeds_free.set()

    assert sorted(await asyncio.gather(*asked), key=str) == [1, *[None] * 19]
    assert await world.counts("pending_snapshots", "budgets") == [1, 2]
    assert len(await world.announced()) == 1


@pytest.mark.proves("POST /snapshots/pending", "SnapshotTooEarly")
async def test_pending__deposits_not_settled__is_refused_with_the_reason(world: World) -> None:
    await world.begin()
    await world.end_epoch(1)

    assert await world.outcome(TAKE_PENDING_SNAPSHOT, Nothing()) == "SnapshotTooEarly"
    assert world.last_refusal == {
        "epoch": "1",
        "reason": f"its deposits are not settled at block {world.node_head.number}; the chain "
        "must be indexed and final past the epoch's end",
    }
    assert await world.counts("pending_snapshots", "budgets") == [0, 0]


async def test_pending__settlement_arrives_meanwhile__is_taken(worlds: Worlds) -> None:
    async with worlds(snapshot_patience=15.0) as world:
        await world.begin()
        await world.end_epoch(1)
        asked = asyncio.create_task(world.take_pending())
        await world.synced.wait()

        await world.tell(world.settlement(1, TWO_USERS))

        assert await asked == 1
        assert await world.budgets(1) == expected_budgets(world.proceeds, TWO_USERS)


async def test_pending__blocks_of_the_node_not_here__waits_for_them(worlds: Worlds) -> None:
    async with worlds(snapshot_patience=15.0) as world:
        await world.begin()
        ended = world.head(end_of(1) + 1)  # the node has it, chain-sync tells it later
        asked = asyncio.create_task(world.take_pending())
        await world.synced.wait()

        await world.tell(ended, world.settlement(1, TWO_USERS))

        assert await asked == 1


async def test_pending__blocks_of_the_node_never_come__is_refused(world: World) -> None:
    await world.begin()
    world.head(end_of(1) + 1)

    assert await world.outcome(TAKE_PENDING_SNAPSHOT, Nothing()) == "NotLoadedYet"
    assert world.last_refusal == {"what": f"Block {world.node_head.number}"}


async def test_pending__proceeds_or_node_away__is_refused_and_stores_nothing(world: World) -> None:
    await world.begin()
    await world.end_epoch(1)
    await world.tell(world.settlement(1, TWO_USERS))
    world.proceeds_away = True

    assert await world.outcome(TAKE_PENDING_SNAPSHOT, Nothing()) == "ServiceUnavailable"
    assert await world.counts("pending_snapshots", "budgets") == [0, 0]

    world.proceeds_away = False
    assert await world.take_pending() == 1


async def test_pending__nobody_locked__is_taken_without_budgets(world: World) -> None:
    world.proceeds = 100 * ETH
    await world.begin()
    await world.open_window(1, {})

    info = (await world.ask(EPOCH_STATISTICS, OfEpoch(1))).info

    assert info is not None
    assert await world.budgets(1) == {}
    assert (info.total_rewards, info.operational_cost) == (70 * ETH, 25 * ETH)
    assert (info.community_fund, info.ppf) == (5 * ETH, 35 * ETH)


async def test_pending__taken__records_its_inputs(world: World) -> None:
    await world.begin()
    await world.open_window(1, TWO_USERS)

    async with world.service.database.engine.connect() as connection:
        row = (await connection.execute(select(tables.pending_snapshots))).one()
    assert (row.rules, row.finalized_at) == ("epoch-4", end_of(1) + WINDOW)
    assert (row.block_number, row.block_hash) == (world.node_head.number, world.node_head.hash)
    assert row.deposits_digest == world.settlement(1, TWO_USERS).digest
    assert (row.locked_ratio, row.budgets_count) == ("0.0000003", 2)


@pytest.mark.proves("POST /snapshots/pending", "UpstreamFailed")
@pytest.mark.proves("GET /snapshots/pending/simulate", "UpstreamFailed")
async def test_pending__source_of_the_proceeds_fails__is_refused_and_taken_later(
    world: World,
) -> None:
    await world.begin()
    await world.end_epoch(1)
    await world.tell(world.settlement(1, TWO_USERS))
    world.proceeds_away, world.proceeds_refusal = True, "UpstreamFailed"

    assert await world.outcome(TAKE_PENDING_SNAPSHOT, Nothing()) == "UpstreamFailed"
    assert await world.outcome(SIMULATE_PENDING, SimulationRequest()) == "UpstreamFailed"
    assert await world.counts("pending_snapshots", "budgets") == [0, 0]

    world.proceeds_away = False
    assert await world.take_pending() == 1
