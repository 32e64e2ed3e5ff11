"""The service over a real bus and database: the calendar it answers, and `/epochs/info`."""

import pytest
from octant_contracts.calls import (
    CURRENT_EPOCH,
    EPOCH_STATISTICS,
    EPOCHS_STATUS,
    INDEXED_EPOCH,
    LOCKED_GLM,
    STAKING_PROCEEDS,
    CurrentEpoch,
    EpochStatistics,
    IndexedEpoch,
    Nothing,
    OfEpoch,
    ProceedsRequest,
    ServiceStatus,
    StakingProceeds,
    WeiAmount,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    CHAIN_SYNC,
    REWARDS,
    EpochEnded,
    EpochStarted,
    WindowClosed,
    WindowOpened,
)
from octant_contracts.values import BlockRef, Hex, Wei
from octant_epochs.info import model


async def refusal_of(answer) -> tuple[str, dict[str, str]]:
    with pytest.raises(Refusal) as caught:
        await answer
    return caught.value.code, caught.value.details


async def test_calls__before_the_first_block__are_not_loaded_yet(world):
    for answer in (
        world.ask(CURRENT_EPOCH, Nothing()),
        world.ask(INDEXED_EPOCH, Nothing()),
        world.estimate(1),
        world.deposit(1, 1),
        world.info(1),
    ):
        assert (await refusal_of(answer))[0] == "NotLoadedYet"
    assert await world.ask(EPOCHS_STATUS, Nothing()) == ServiceStatus(
        head_number=0, head_timestamp=0, current_epoch=0
    )


@pytest.mark.proves("GET /epochs/indexed", "EpochsNotFound")
@pytest.mark.proves(
    "GET /deposits/users/{user_address}/estimated_effective_deposit", "EpochNotIndexed"
)
@pytest.mark.proves("GET /deposits/users/{user_address}/{epoch_number}", "EpochNotIndexed")
@pytest.mark.proves("GET /epochs/info/{epoch_number}", "EpochNotIndexed")
async def test_calls__before_the_start__answer_for_epoch_0(world):
    await world.tell(world.head(1, world.START - 10))
    assert (await refusal_of(world.info(1)))[0] == "NotLoadedYet"

    await world.tell(world.props(), world.head(2, world.START - 1))

    assert await world.ask(CURRENT_EPOCH, Nothing()) == CurrentEpoch(current_epoch=0)
    assert (await refusal_of(world.ask(INDEXED_EPOCH, Nothing())))[0] == "EpochsNotFound"
    assert await refusal_of(world.estimate(1)) == ("EpochNotIndexed", {"epoch": "0"})
    assert await refusal_of(world.deposit(1, 0)) == ("EpochNotIndexed", {"epoch": "0"})
    assert await refusal_of(world.info(0)) == ("EpochNotIndexed", {"epoch": "0"})
    assert (await refusal_of(world.info(-1)))[0] == "InvalidEpoch"
    # Chain-sync is away, and an epoch to come needs it.
    assert (await refusal_of(world.info(1)))[0] == "ServiceUnavailable"
    assert await world.announced() == []


async def test_head__moving_over_three_epochs__is_announced_once_and_answered(world):
    start, duration = world.START, world.DURATION
    await world.tell(world.props(), world.head(1, start), world.head(2, start + 5))
    await world.tell(world.head(3, start + duration + 201))
    await world.tell(world.head(4, start + 2 * duration), world.head(5, start + 2 * duration + 9))

    def started(epoch: int) -> EpochStarted:
        begins = start + (epoch - 1) * duration
        return EpochStarted(
            epoch=epoch, start=begins, end=begins + duration, decision_window=world.WINDOW
        )

    assert await world.announced() == [
        started(1),
        EpochEnded(epoch=1, end=start + duration),
        started(2),
        WindowOpened(epoch=1, opens_at=start + duration, closes_at=start + duration + 200),
        WindowClosed(epoch=1, closes_at=start + duration + 200),
        EpochEnded(epoch=2, end=start + 2 * duration),
        started(3),
        WindowOpened(epoch=2, opens_at=start + 2 * duration, closes_at=start + 2 * duration + 200),
    ]
    assert await world.ask(CURRENT_EPOCH, Nothing()) == CurrentEpoch(current_epoch=3)
    assert await world.ask(INDEXED_EPOCH, Nothing()) == IndexedEpoch(
        current_epoch=3, indexed_epoch=3
    )
    assert await world.ask(EPOCHS_STATUS, Nothing()) == ServiceStatus(
        head_number=5, head_timestamp=start + 2 * duration + 9, current_epoch=3
    )


async def test_head__reverted_over_a_boundary__takes_the_epoch_back_but_announces_once(world):
    boundary = world.START + world.DURATION
    await world.tell(world.props(), world.head(1, boundary - 5), world.head(2, boundary))
    announced = await world.announced()

    await world.tell(world.reverted(world.block(1, boundary - 5), 2))
    assert await world.ask(EPOCHS_STATUS, Nothing()) == ServiceStatus(
        head_number=1, head_timestamp=boundary - 5, current_epoch=1
    )

    await world.tell(world.head(2, boundary + 1, "fork"))
    assert await world.ask(CURRENT_EPOCH, Nothing()) == CurrentEpoch(current_epoch=2)
    assert await world.announced() == announced


async def test_props__set_and_reverted__leave_the_old_calendar(world):
    start, duration = world.START, world.DURATION
    await world.tell(
        world.props(to_epoch=1),
        world.props(1, from_epoch=2, from_ts=start + duration, duration=50, decision_window=20),
        world.head(1, start + 10),
    )
    await world.tell(
        world.reverted(world.block(0, start), 1), world.props(), world.head(1, start + 11, "fork")
    )
    await world.tell(world.head(2, start + duration + 60, "fork"))

    assert await world.ask(CURRENT_EPOCH, Nothing()) == CurrentEpoch(current_epoch=2)
    assert (await world.announced())[2] == EpochStarted(
        epoch=2, start=start + duration, end=start + 2 * duration, decision_window=200
    )


async def test_props__other_after_a_reorganisation_over_the_boundary__are_announced_again(world):
    start, duration = world.START, world.DURATION
    boundary = start + duration
    await world.tell(
        world.props(to_epoch=1),
        world.props(1, from_epoch=2, from_ts=boundary, duration=400, decision_window=100),
        world.head(1, boundary - 5),
        world.head(2, boundary),
    )
    assert (await world.announced())[-1] == WindowOpened(
        epoch=1, opens_at=boundary, closes_at=boundary + 100
    )
    told = len(await world.announced())

    await world.tell(
        world.reverted(world.block(1, boundary - 5), 2),
        world.props(),
        world.head(2, boundary + 1, "fork"),
    )
    assert (await world.announced())[told:] == [
        WindowOpened(epoch=1, opens_at=boundary, closes_at=boundary + world.WINDOW),
        EpochStarted(
            epoch=2, start=boundary, end=boundary + duration, decision_window=world.WINDOW
        ),
    ]
    told = len(await world.announced())
    await world.tell(world.head(3, boundary + 101, "fork"))
    assert (await world.announced())[told:] == []
    await world.tell(world.head(4, boundary + world.WINDOW + 1, "fork"))
    assert (await world.announced())[told:] == [
        WindowClosed(epoch=1, closes_at=boundary + world.WINDOW)
    ]


class Others:
    """What chain-sync and rewards answer in these tests."""

    def __init__(self) -> None:
        self.statistics = EpochStatistics(info=None)
        self.asked: list[ProceedsRequest] = []

    async def locked(self, _: Nothing) -> WeiAmount:
        return WeiAmount(Wei(100022700000000000099999994))

    async def proceeds(self, request: ProceedsRequest) -> StakingProceeds:
        self.asked.append(request)
        block = BlockRef(number=request.block, hash=Hex(bytes(32)), timestamp=0)
        return StakingProceeds(value=Wei(412042049081445321216), block=block)

    async def of_epoch(self, _: OfEpoch) -> EpochStatistics:
        return self.statistics


@pytest.fixture
async def others(world):
    answers = Others()
    chain, rewards = world.call_server(CHAIN_SYNC), world.call_server(REWARDS)
    chain.answer(LOCKED_GLM, answers.locked)
    chain.answer(STAKING_PROCEEDS, answers.proceeds)
    rewards.answer(EPOCH_STATISTICS, answers.of_epoch)
    await chain.start()
    await rewards.start()
    yield answers
    await chain.stop()
    await rewards.stop()


DAYS_90 = 7_776_000


async def test_info__of_every_state__follows_the_clock_of_the_chain(world, others):
    start = world.START
    carried = world.block(10, start + 20)
    locked = world.block(20, start + DAYS_90 + 1000)
    await world.tell(
        world.props(duration=DAYS_90, decision_window=1_000_000),
        world.lock(carried, 0, 1, 5 * 10**24 + 3),
        world.head(10, start + 20),
        world.lock(locked, 0, 1, 10**24 + 1),
        world.head(20, start + DAYS_90 + 1000),
    )

    future = await world.info(3)
    assert future.staking_proceeds == 936986301369862848512
    assert future.total_rewards == 655890410958903993958
    assert future.vanilla_individual_rewards == 93719899726027380831
    assert future.staking_matched_reserved_for_v2 == 0

    current = await world.info(2)
    assert current.total_effective_deposit == 5999871399176954732510292
    assert current.vanilla_individual_rewards == 5621797311009638785
    assert current.ppf == 322323408168442358194

    # Locked 20 seconds after the start: (5·10²⁴ + 3)·(7776000 − 20) / 7776000, by hand.
    effective = 4999987139917695473251031
    assert await world.info(1) == model.from_totals(1, 412042049081445321216, effective)
    assert others.asked == [ProceedsRequest(epoch=1, start=start, end=start + DAYS_90, block=20)]

    assert (await refusal_of(world.info(0)))[0] == "InvalidEpoch"
    assert (await refusal_of(world.info(-7)))[0] == "InvalidEpoch"


async def test_info__of_a_past_epoch__is_what_rewards_tell_or_invalid_once_closed(world, others):
    start, duration = world.START, world.DURATION
    await world.tell(world.props(), world.head(1, start + duration + world.WINDOW + 1))

    assert (await refusal_of(world.info(1)))[0] == "InvalidEpoch"

    others.statistics = EpochStatistics(info=model.from_totals(1, 10**18, 10**24))
    assert await world.info(1) == others.statistics.info
    assert others.asked == []
