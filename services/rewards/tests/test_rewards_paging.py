"""What is larger than a page: deposits coming in, budgets and leaves going out."""

import pytest
from octant_contracts.calls import BUDGETS, MERKLE_TREE, PAGE, PageOfEpoch
from octant_contracts.events import EPOCHS, stream_name
from octant_devnet.testkit import eventually
from octant_protocol.merkle import build_tree

from .rewards_played import ETH, GLM, PROJECTS, deposit_rows, expected_budgets, settled, user
from .rewards_world import World

MANY = {user(n): (100 + n) * GLM for n in range(PAGE + 50)}


async def test_pages__of_deposits_budgets_and_leaves__are_complete_and_in_order(
    world: World,
) -> None:
    await world.begin()
    await world.open_window(1, MANY)

    assert [page.cursor for page in world.pages_asked] == [0, PAGE]
    budgets = expected_budgets(world.proceeds, MANY)
    assert list((await world.budgets(1)).items()) == list(budgets.items())
    pages = [await world.ask(BUDGETS, PageOfEpoch(1, n * PAGE)) for n in range(2)]
    assert [len(page.budgets) for page in pages] == [PAGE, 50]
    assert [page.next_cursor for page in pages] == [PAGE, None]

    donors = sorted(MANY)[: PAGE + 10]
    await world.tell(*(world.ledger.allocate(1, who, {PROJECTS[0]: 0}) for who in donors))
    snapshot = await world.finalize(1)

    expected = [(who, budgets[who]) for who in sorted(donors, key=lambda w: w.text)]
    first, second = [await world.ask(MERKLE_TREE, PageOfEpoch(1, n * PAGE)) for n in range(2)]
    assert [(leaf.address, leaf.amount) for leaf in first.leaves + second.leaves] == expected
    assert (len(first.leaves), first.next_cursor, second.next_cursor) == (PAGE, PAGE, None)
    assert first.root == second.root == snapshot.merkle_root == build_tree(expected).root
    assert first.rewards_sum == second.rewards_sum == sum(amount for _, amount in expected)
    assert snapshot.leaves_count == len(donors)


async def test_pages__with_cursors_nobody_sends__are_empty_or_the_first(world: World) -> None:
    await world.begin()
    await world.open_window(1, {user(1): 100 * GLM})
    await world.tell(world.ledger.allocate(1, user(1), {PROJECTS[0]: 0}))
    await world.finalize(1)

    for cursor in (1, 2**31, 2**70):
        assert (await world.ask(BUDGETS, PageOfEpoch(1, cursor))).budgets == []
        assert (await world.ask(MERKLE_TREE, PageOfEpoch(1, cursor))).leaves == []
    assert len((await world.ask(BUDGETS, PageOfEpoch(1, -5))).budgets) == 1
    assert len((await world.ask(MERKLE_TREE, PageOfEpoch(1, -(2**70)))).leaves) == 1


@pytest.mark.parametrize("fault", ["a row is missing", "an amount differs", "the order differs"])
async def test_deposits__pages_are_not_what_was_announced__stop_loudly(
    world: World, fault: str
) -> None:
    good = deposit_rows({user(n): (100 + n) * GLM for n in range(PAGE + 3)})
    await world.begin()
    await world.end_epoch(1)
    other = deposit_rows({user(0): 101 * GLM})
    world.deposits[1] = {
        "a row is missing": good[:-1],
        "an amount differs": [*good[:-1], *other],
        "the order differs": [*good[:-2], good[-1], good[-2]],
    }[fault]
    assert (await world.readyz())[0] == 200

    await world.say(settled(1, good))

    await eventually(lambda: "DepositsMismatch" in world.waits_for("events of epochs"))
    status, waiting = await world.readyz()
    assert status == 503
    assert f"announced {PAGE + 3} rows {settled(1, good).digest}" in waiting["events of epochs"]
    assert await world.counts("settlements", "deposits", "pending_snapshots") == [0, 0, 0]

    # The other streams go on, and the pages put right heal it.
    await world.tell(world.head(world.node_head.timestamp + 1))
    world.deposits[1] = good
    await eventually(lambda: not world.service.readiness.waiting())
    assert await world.take_pending() == 1


async def test_deposits__epochs_does_not_answer_yet__are_read_later(world: World) -> None:
    await world.begin()
    await world.end_epoch(1)
    rows = deposit_rows({user(1): 100 * GLM})
    await world.say(settled(1, rows))
    await eventually(lambda: "deposits of epoch 1" in world.waits_for("events of epochs"))

    world.deposits[1] = rows

    await eventually(lambda: not world.service.readiness.waiting())
    assert await world.counts("settlements", "deposits") == [1, 1]


async def test_deposits__announced_again_by_a_rebuilt_stream__change_nothing(world: World) -> None:
    await world.begin()
    await world.open_window(1, {user(1): 100 * ETH})
    before = await world.budgets(1)

    await world.service.bus.jetstream.delete_stream(stream_name(EPOCHS))
    await world.tell(world.settlement(2, {user(2): 100 * GLM}))

    assert await world.budgets(1) == before
    assert await world.counts("settlements", "deposits", "pending_snapshots") == [2, 2, 1]
