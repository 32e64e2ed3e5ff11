"""Snapshots that take themselves: in order, once, and loudly when they cannot."""

from decimal import Decimal

import pytest
from octant_contracts.calls import (
    EPOCH_STATISTICS,
    ESTIMATED_PROJECT_REWARDS,
    LEVERAGE,
    SIMULATE_FINALIZED,
    SIMULATE_LEVERAGE,
    TAKE_FINALIZED_SNAPSHOT,
    FinalizedSimulationRequest,
    Nothing,
    OfEpoch,
    SimulateLeverageRequest,
    SnapshotTaken,
)
from octant_contracts.events import FinalizedSnapshotTaken, PendingSnapshotTaken
from octant_devnet.testkit import eventually

from .rewards_played import ETH, GLM, PROJECTS, WINDOW, end_of, expected_budgets, user
from .rewards_world import World

DEPOSITS = {user(n): (1_000 + n) * GLM for n in range(1, 6)}


async def taken(world: World) -> list[tuple[str, int]]:
    return [(type(event).__name__, event.epoch) for event in await world.announced()]


async def are_taken(world: World, *wanted: tuple[str, int]) -> None:
    """Within seconds: far below what a transaction waiting for its own leader would need."""

    async def there() -> bool:
        return await taken(world) == list(wanted)

    await eventually(there, timeout=8, what=f"{wanted} taken")


PENDING, FINALIZED = PendingSnapshotTaken.__name__, FinalizedSnapshotTaken.__name__


async def test_automatic__inputs_sealed__takes_both_snapshots_by_itself(auto_world: World) -> None:
    world = auto_world
    await world.begin()
    await world.end_epoch(1)
    assert await taken(world) == []

    await world.tell(world.settlement(1, DEPOSITS))
    await are_taken(world, (PENDING, 1))
    assert await world.budgets(1) == expected_budgets(world.proceeds, DEPOSITS)

    await world.tell(world.ledger.allocate(1, user(1), {PROJECTS[0]: ETH}))
    await world.close_window(1)
    assert await taken(world) == [(PENDING, 1)]
    await world.tell(world.ledger.seal(1))
    await are_taken(world, (PENDING, 1), (FINALIZED, 1))
    result = world.ledger.finalization(1, world.proceeds, DEPOSITS)
    assert result.tree is not None
    assert (await world.announced())[1].merkle_root == result.tree.root
    assert await world.take_pending() is None
    assert await world.take_finalized() is None
    assert world.service.readiness.waiting() == {}


async def test_automatic__two_epochs_at_once__takes_all_in_order(auto_world: World) -> None:
    world = auto_world
    await world.begin()
    ledger = world.ledger
    allocated = [ledger.allocate(n, user(1), {PROJECTS[0]: n * ETH}) for n in (1, 2)]
    await world.tell(*allocated, world.projects(1), world.projects(2))
    # Time jumps over two epochs: everything is due together, the newer seal first.
    world.proceeds_free.clear()
    await world.tell(
        world.head(end_of(2) + WINDOW + 1),
        world.settlement(1, DEPOSITS),
        world.settlement(2, DEPOSITS),
        ledger.seal(2),
        ledger.seal(1),
    )

    world.proceeds_free.set()

    await are_taken(world, (PENDING, 1), (PENDING, 2), (FINALIZED, 1), (FINALIZED, 2))


async def test_automatic__proceeds_away__is_not_ready_with_the_reason_and_heals(
    auto_world: World,
) -> None:
    world = auto_world
    await world.begin()
    await world.end_epoch(1)
    world.proceeds_away = True

    await world.tell(world.settlement(1, DEPOSITS))

    await eventually(lambda: world.waits_for("snapshots"))
    status, waiting = await world.readyz()
    assert status == 503
    assert set(waiting) == {"snapshots"}
    assert waiting["snapshots"].startswith("pending snapshot of epoch 1: The staking proceeds")
    assert await world.counts("pending_snapshots", "budgets") == [0, 0]

    world.proceeds_away = False
    await are_taken(world, (PENDING, 1))
    await eventually(lambda: not world.service.readiness.waiting())
    assert (await world.readyz())[0] == 200


@pytest.mark.proves("GET /rewards/projects/estimated", "InvalidMatchedRewardsStrategy")
@pytest.mark.proves("GET /rewards/leverage/{epoch_number}", "InvalidMatchedRewardsStrategy")
@pytest.mark.proves("GET /epochs/info/{epoch_number}", "InvalidMatchedRewardsStrategy")
@pytest.mark.proves("GET /snapshots/finalized/simulate", "InvalidMatchedRewardsStrategy")
@pytest.mark.proves("POST /allocations/leverage/{user_address}", "InvalidMatchedRewardsStrategy")
async def test_automatic__locked_ratio_without_a_rule__stores_nothing_and_others_go_on(
    auto_world: World,
) -> None:
    world = auto_world
    await world.begin()
    await world.end_epoch(1)
    await world.tell(world.settlement(1, {user(1): 710_000_000 * GLM}))
    await are_taken(world, (PENDING, 1))
    planned = SimulateLeverageRequest(
        user=user(2), epoch=1, uniqueness_quotient=Decimal(1), allocations=[]
    )
    for call, request in (
        (ESTIMATED_PROJECT_REWARDS, Nothing()),
        (LEVERAGE, OfEpoch(1)),
        (EPOCH_STATISTICS, OfEpoch(1)),
        (SIMULATE_FINALIZED, FinalizedSimulationRequest()),
        (SIMULATE_LEVERAGE, planned),
    ):
        assert await world.outcome(call, request) == "InvalidMatchedRewardsStrategy"
    await world.close_window(1)
    await world.tell(world.ledger.seal(1))

    # Epoch 1 is due all the time and no rule allows it.
    await world.end_epoch(2)
    await world.tell(world.settlement(2, DEPOSITS))
    await world.close_window(2)
    await world.tell(world.ledger.seal(2))

    await are_taken(world, (PENDING, 1), (PENDING, 2), (FINALIZED, 2))
    assert await world.outcome(TAKE_FINALIZED_SNAPSHOT, Nothing()) == SnapshotTaken(None)
    assert await world.counts("finalized_snapshots", "rewards", "leaves") == [1, 0, 0]
    assert world.waits_for("snapshots") == ""


async def test_automatic__one_epoch_fails__does_not_keep_the_others_back(
    auto_world: World,
) -> None:
    world = auto_world
    await world.begin()
    await world.end_epoch(1)
    await world.tell(world.settlement(1, DEPOSITS))
    await are_taken(world, (PENDING, 1))
    await world.close_window(1)
    world.proceeds_away = True
    await world.end_epoch(2)
    await world.tell(world.settlement(2, DEPOSITS))
    await eventually(lambda: "epoch 2" in world.waits_for("snapshots"))

    await world.tell(world.ledger.seal(1))

    await are_taken(world, (PENDING, 1), (FINALIZED, 1))
    assert "pending snapshot of epoch 2" in world.waits_for("snapshots")
