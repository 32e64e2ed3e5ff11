"""What an address can withdraw, from the first allocation to the claim on chain."""

from octant_contracts.calls import Withdrawal
from octant_contracts.events import FactsReverted, FinalizedSnapshotTaken
from octant_contracts.values import Address, Hex
from octant_protocol.merkle import leaf_hash, verify_proof

from .rewards_played import (
    ETH,
    GLM,
    PROJECTS,
    block,
    end_of,
    expected_budgets,
    root_set,
    user,
    withdrawn,
)
from .rewards_world import World

DEPOSITS = {user(n): (1_000 + n) * GLM for n in range(1, 6)} | {PROJECTS[0]: 2_000 * GLM}
P = PROJECTS


def kept(epoch: int, amount: int) -> Withdrawal:
    return Withdrawal(epoch=epoch, amount=amount, proof=[], status="pending")


def proven(entry: Withdrawal, who: Address, snapshot: FinalizedSnapshotTaken) -> bool:
    assert snapshot.merkle_root is not None
    return verify_proof(snapshot.merkle_root, leaf_hash(who, entry.amount), entry.proof)


async def statuses(world: World, who: Address) -> list[tuple[int, str]]:
    return [(entry.epoch, entry.status) for entry in await world.withdrawals(who)]


async def two_epochs(world: World) -> list[FinalizedSnapshotTaken]:
    """Finalized, each with something for user 1, user 2 and two projects."""
    await world.begin()
    snapshots = []
    for epoch in (1, 2):
        await world.open_window(epoch, DEPOSITS)
        await world.tell(
            world.ledger.allocate(epoch, user(1), {P[0]: ETH}),
            world.ledger.allocate(epoch, user(2), {P[1]: epoch * ETH}),
        )
        snapshots.append(await world.finalize(epoch))
    return snapshots


async def test_withdrawals__while_the_epoch_is_not_final__are_what_is_kept(world: World) -> None:
    ledger = world.ledger
    await world.begin()
    await world.open_window(1, DEPOSITS)
    budget = expected_budgets(world.proceeds, DEPOSITS)
    assert await world.withdrawals(user(1)) == []  # never allocated: claims nothing

    await world.tell(
        ledger.allocate(1, user(1), {P[0]: 0}),
        ledger.allocate(1, user(2), {P[0]: ETH, P[1]: 5}),
        ledger.allocate(1, user(3), {P[0]: budget[user(3)]}),
        ledger.allocate(1, user(4), {P[0]: 1}),
        ledger.allocate(1, user(9), {P[0]: 7}),  # has no budget
    )
    await world.tell(ledger.patron(user(4), True, end_of(1) + 20, revoked_epoch=1))

    assert await world.withdrawals(user(1)) == [kept(1, budget[user(1)])]
    assert await world.withdrawals(user(2)) == [kept(1, budget[user(2)] - ETH - 5)]
    for number in (3, 4, 5, 9):
        assert await world.withdrawals(user(number)) == []
    assert await world.withdrawals(P[0]) == []

    await world.tell(ledger.allocate(1, user(2), {P[0]: 3}))
    assert await world.withdrawals(user(2)) == [kept(1, budget[user(2)] - 3)]

    await world.close_window(1)  # final only with the snapshot
    assert await world.withdrawals(user(1)) == [kept(1, budget[user(1)])]


async def test_withdrawals__of_a_final_epoch__are_available_with_our_root_on_chain(
    world: World,
) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)
    await world.tell(
        *(world.ledger.allocate(1, user(n), {P[n]: n * ETH}) for n in range(1, 6)),
        world.head(end_of(1) + 5),
    )
    snapshot = await world.finalize(1)
    result = world.ledger.finalization(1, world.proceeds, DEPOSITS)
    before = world.node_head
    assert len(result.leaves) == 10

    for address, amount in result.leaves:
        (entry,) = await world.withdrawals(Address(address))
        assert (entry.epoch, entry.amount, entry.status) == (1, amount, "pending")
        assert proven(entry, Address(address), snapshot)

    foreign = Hex(bytes(31) + b"\1")
    await world.tell(root_set(1, foreign, before.number + 1))
    assert await statuses(world, user(1)) == [(1, "pending")]

    # That block never happened; the next one has the right root.
    await world.tell(FactsReverted(to_block=before, from_number=before.number + 1))
    assert snapshot.merkle_root is not None
    await world.tell(root_set(1, snapshot.merkle_root, before.number + 1))
    assert await statuses(world, user(1)) == [(1, "available")]
    assert await statuses(world, P[1]) == [(1, "available")]
    assert await world.withdrawals(user(77)) == []

    await world.tell(FactsReverted(to_block=before, from_number=before.number + 1))
    assert await statuses(world, user(1)) == [(1, "pending")]


async def test_withdrawals__after_a_claim__are_those_of_later_epochs(world: World) -> None:
    first, _ = await two_epochs(world)
    assert first.merkle_root is not None
    await world.tell(root_set(1, first.merkle_root, 50))
    assert await statuses(world, user(1)) == [(1, "available"), (2, "pending")]

    await world.tell(withdrawn(user(1), 1, 1, number=51))
    assert await statuses(world, user(1)) == [(2, "pending")]
    assert await statuses(world, user(2)) == [(1, "available"), (2, "pending")]

    # The later epoch first forfeits the earlier one, in whatever order they are told.
    await world.tell(withdrawn(P[1], 2, 1, number=52))
    assert await statuses(world, P[1]) == []
    await world.tell(withdrawn(user(2), 2, 1, number=53), withdrawn(user(2), 1, 1, number=54))
    assert await statuses(world, user(2)) == []

    await world.tell(FactsReverted(to_block=block(51), from_number=52))
    assert await statuses(world, user(1)) == [(2, "pending")]
    assert await statuses(world, user(2)) == [(1, "available"), (2, "pending")]
    await world.tell(FactsReverted(to_block=block(49), from_number=50))
    assert await statuses(world, user(1)) == [(1, "pending"), (2, "pending")]


async def test_withdrawals__next_epoch_open__lists_what_is_kept_first(world: World) -> None:
    await two_epochs(world)
    await world.open_window(3, DEPOSITS)
    await world.tell(world.ledger.allocate(3, user(1), {P[0]: 1}))
    budget = expected_budgets(world.proceeds, DEPOSITS)[user(1)]

    found = await world.withdrawals(user(1))

    assert found[0] == kept(3, budget - 1)
    assert [(e.epoch, bool(e.proof)) for e in found] == [(3, False), (1, True), (2, True)]


async def test_withdrawals__of_a_project_that_also_claims__are_one_summed_leaf(
    world: World,
) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)
    await world.tell(
        world.ledger.allocate(1, P[0], {P[1]: 5}),
        world.ledger.allocate(1, user(1), {P[0]: ETH}),
    )
    snapshot = await world.finalize(1)
    result = world.ledger.finalization(1, world.proceeds, DEPOSITS)
    (earned,) = [r for r in result.rewarded if r.project == P[0]]
    claimed = expected_budgets(world.proceeds, DEPOSITS)[P[0]] - 5

    (entry,) = await world.withdrawals(P[0])

    assert entry.amount == earned.allocated + earned.matched + claimed
    assert proven(entry, P[0], snapshot)
    assert snapshot.leaves_count == 3


async def test_withdrawals__of_a_tree_with_one_leaf__have_an_empty_proof(world: World) -> None:
    await world.begin()
    await world.open_window(1, DEPOSITS)
    await world.tell(world.ledger.allocate(1, user(1), {P[0]: 0}))
    snapshot = await world.finalize(1)

    (entry,) = await world.withdrawals(user(1))

    assert entry.proof == []
    assert proven(entry, user(1), snapshot)
