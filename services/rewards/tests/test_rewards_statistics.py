"""What is answered about an epoch in each of its states, and what is refused."""

from typing import Any

from octant_contracts.calls import (
    BUDGETS,
    EPOCH_STATISTICS,
    ESTIMATED_PROJECT_REWARDS,
    LEVERAGE,
    MERKLE_TREE,
    PROJECT_REWARDS,
    REWARDS_STATUS,
    SNAPSHOT_STATUS,
    TAKE_FINALIZED_SNAPSHOT,
    TAKE_PENDING_SNAPSHOT,
    USER_BUDGET,
    WITHDRAWALS,
    EpochInfo,
    Nothing,
    OfEpoch,
    OfUser,
    OfUserEpoch,
    PageOfEpoch,
    RewardsStatus,
    SnapshotStatus,
)
from octant_protocol.finalization import Finalization
from octant_protocol.proceeds import split_proceeds
from octant_protocol.rules import EPOCH_4

from .rewards_played import ETH, GLM, PROJECTS, end_of, user
from .rewards_world import World

DEPOSITS = {user(n): (1_000 + n) * GLM for n in range(1, 6)}
P = PROJECTS
NOWHERE = (-(2**70), -(2**31) - 1, -1, 0)
FAR = (2**31, 2**70)


def flags(current: bool = False, pending: bool = False, finalized: bool = False) -> SnapshotStatus:
    return SnapshotStatus(is_current=current, is_pending=pending, is_finalized=finalized)


async def states(world: World, *epochs: int) -> list[SnapshotStatus | str]:
    return [await world.outcome(SNAPSHOT_STATUS, OfEpoch(epoch)) for epoch in epochs]


async def leverages(world: World, *epochs: int) -> list[Any]:
    """Numbers, or codes of refusals."""
    answers = [await world.outcome(LEVERAGE, OfEpoch(epoch)) for epoch in epochs]
    return [answer if isinstance(answer, str) else answer.leverage for answer in answers]


async def info(world: World, epoch: int) -> EpochInfo | None:
    return (await world.ask(EPOCH_STATISTICS, OfEpoch(epoch))).info


def expected_info(world: World, epoch: int, result: Finalization, donated: int) -> EpochInfo:
    split = split_proceeds(world.proceeds, sum(DEPOSITS.values()), EPOCH_4)
    return EpochInfo(
        epoch=epoch,
        staking_proceeds=world.proceeds,
        total_effective_deposit=sum(DEPOSITS.values()),
        total_rewards=split.total_rewards,
        vanilla_individual_rewards=split.vanilla_individual_rewards,
        operational_cost=split.operational_cost,
        ppf=split.ppf,
        community_fund=split.community_fund,
        total_withdrawals=result.total_withdrawals,
        patrons_rewards=result.patrons_rewards,
        matched_rewards=result.matched.matched,
        leftover=result.leftover,
        donated_to_projects=donated,
        staking_matched_reserved_for_v2=0,
    )


NOT_NOW, INVALID, FUTURE = "NotImplementedForGivenEpochState", "InvalidEpoch", "EpochNotStartedYet"


async def test_answers__before_the_first_block__are_not_loaded_yet_or_empty(world: World) -> None:
    for call, request in (
        (SNAPSHOT_STATUS, OfEpoch(1)),
        (LEVERAGE, OfEpoch(1)),
        (ESTIMATED_PROJECT_REWARDS, Nothing()),
        (TAKE_PENDING_SNAPSHOT, Nothing()),
        (TAKE_FINALIZED_SNAPSHOT, Nothing()),
    ):
        assert await world.outcome(call, request) == "NotLoadedYet"
    assert await world.ask(REWARDS_STATUS, Nothing()) == RewardsStatus(
        head_number=0, head_timestamp=0, last_pending_snapshot=0, last_finalized_snapshot=0
    )
    assert await info(world, 1) is None


async def test_answers__from_the_start_to_the_final_epoch__fit_the_state(world: World) -> None:
    await world.begin()
    # Epoch 1 is current.
    assert await states(world, 1, 2, 0) == [flags(current=True), FUTURE, flags()]
    assert await leverages(world, 1, 2) == [NOT_NOW, NOT_NOW]
    assert await world.outcome(ESTIMATED_PROJECT_REWARDS, Nothing()) == "AllocationWindowClosed"
    assert (await world.ask(PROJECT_REWARDS, OfEpoch(1))).rewards == []

    await world.end_epoch(1)  # pre-pending: the window is open, no snapshot yet
    assert await states(world, 1, 2, 3) == [flags(), flags(current=True), FUTURE]
    assert await leverages(world, 1, 2) == [NOT_NOW, NOT_NOW]
    assert await world.outcome(ESTIMATED_PROJECT_REWARDS, Nothing()) == "PendingSnapshotMissing"
    assert await info(world, 1) is None

    await world.tell(world.settlement(1, DEPOSITS))
    assert await world.take_pending() == 1
    assert await states(world, 1) == [flags(pending=True)]
    assert await leverages(world, 1, 2) == [0.0, NOT_NOW]  # nobody allocated
    await world.tell(
        world.ledger.allocate(1, user(1), {P[0]: 3 * ETH, P[1]: ETH}),
        world.ledger.patron(user(2), True, end_of(1) + 2, revoked_epoch=1),
    )
    result = world.ledger.finalization(1, world.proceeds, DEPOSITS)
    leverage = result.matched.matched / (4 * ETH)
    assert await leverages(world, 1) == [leverage]
    assert await info(world, 1) == expected_info(world, 1, result, result.funding.donated)

    await world.close_window(1)  # finalizing: over on chain, not final here
    assert await states(world, 1) == [flags()]
    assert await leverages(world, 1, 2) == [leverage, NOT_NOW]
    assert await info(world, 1) == expected_info(world, 1, result, result.funding.donated)
    assert await world.outcome(ESTIMATED_PROJECT_REWARDS, Nothing()) == "AllocationWindowClosed"
    assert (await world.ask(PROJECT_REWARDS, OfEpoch(1))).rewards == []
    assert await world.outcome(MERKLE_TREE, PageOfEpoch(1)) == INVALID
    closed = world.node_head

    await world.tell(world.ledger.seal(1))
    assert await world.take_finalized() == 1
    assert await states(world, 1, 2) == [flags(finalized=True), flags(current=True)]
    assert await leverages(world, 1) == [leverage]
    # Epochs before 4 subtract what stayed below the threshold: half of a project's mean share.
    donated = result.matched.matched + 4 * ETH
    threshold = 4 * ETH // (2 * 2)
    assert threshold == ETH  # the second project is at it, not below
    assert await info(world, 1) == expected_info(world, 1, result, donated)
    rewards = (await world.ask(PROJECT_REWARDS, OfEpoch(1))).rewards
    assert {(r.address, r.allocated, r.matched) for r in rewards} == {
        (r.project, r.allocated, r.matched) for r in result.rewarded
    }
    assert await world.ask(REWARDS_STATUS, Nothing()) == RewardsStatus(
        head_number=closed.number,
        head_timestamp=closed.timestamp,
        last_pending_snapshot=1,
        last_finalized_snapshot=1,
    )

    await world.end_epoch(2)
    await world.close_window(2)  # nobody took the snapshot of epoch 2
    assert await states(world, 2) == [flags()]
    assert await leverages(world, 2) == [INVALID]
    assert await info(world, 2) is None


async def test_answers__about_epochs_that_cannot_be__are_refused_or_empty(world: World) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)
    await world.finalize(1)

    assert await states(world, *NOWHERE, *FAR) == [flags()] * 4 + [FUTURE] * 2
    assert await leverages(world, *NOWHERE, *FAR) == [INVALID] * 4 + [NOT_NOW] * 2
    for epoch in (*NOWHERE, *FAR):
        assert await info(world, epoch) is None
        assert await world.outcome(MERKLE_TREE, PageOfEpoch(epoch)) == INVALID
        assert (await world.ask(BUDGETS, PageOfEpoch(epoch))).budgets == []
        assert (await world.ask(USER_BUDGET, OfUserEpoch(user(1), epoch))).budget is None
    for epoch in (-(2**70), -1):
        assert await world.outcome(PROJECT_REWARDS, OfEpoch(epoch)) == INVALID
    for epoch in (0, *FAR):
        assert (await world.ask(PROJECT_REWARDS, OfEpoch(epoch))).rewards == []
    assert (await world.ask(WITHDRAWALS, OfUser(user(77)))).withdrawals == []


async def test_statistics__several_epochs__are_each_their_own(world: World) -> None:
    await world.begin()
    results = {}
    for epoch in (1, 2):
        await world.open_window(epoch, DEPOSITS)
        gifts = {P[0]: epoch * ETH // 2, P[1]: 3 * ETH, P[2]: 5 * ETH // 2}
        await world.tell(world.ledger.allocate(epoch, user(epoch), gifts))
        results[epoch] = world.ledger.finalization(epoch, world.proceeds, DEPOSITS)
        if epoch == 1:
            await world.finalize(epoch)

    one, two = await info(world, 1), await info(world, 2)

    # By the rules of epoch 1 a sixth of the 6 ETH is the threshold, and P[0] stays below it.
    donated = results[1].matched.matched + 3 * ETH + 5 * ETH // 2
    assert one == expected_info(world, 1, results[1], donated)
    assert two == expected_info(world, 2, results[2], results[2].funding.donated)
    assert await leverages(world, 1, 2) == [
        results[1].matched.matched / (6 * ETH),
        results[2].matched.matched / (6 * ETH + ETH // 2),
    ]
