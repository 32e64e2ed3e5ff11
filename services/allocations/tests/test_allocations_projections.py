"""What the service learns from the others, however often they say it."""

import asyncio

from octant_allocations import tables
from octant_chassis.outbox import append
from octant_chassis.tables import positions
from octant_contracts.calls import ALLOCATION_WINDOW, ALLOCATIONS_STATUS, Nothing, Window
from octant_contracts.events import (
    ALLOCATIONS,
    CHAIN_SYNC,
    EPOCHS,
    REWARDS,
    EpochStarted,
    FactsReverted,
    FinalizedSnapshotTaken,
    ProjectsSet,
    UqScoreSet,
    WindowOpened,
    stream_name,
)
from octant_contracts.values import Address, BlockRef, Decimal, Hex, Wei
from octant_devnet.testkit import eventually
from sqlalchemy import select, text

from .world import BUDGET, EPOCH, NOW, block, budget_rows, head_at, person, snapshot

ALICE = person(1)
P = [Address(bytes([n]) * 20) for n in range(1, 4)]
PROJECTED = ("head", "projects", "epochs", "windows", "snapshots", "budgets", "users")


async def projected(world):
    async with world.database.engine.connect() as connection:
        return {
            name: sorted(tuple(r) for r in await connection.execute(text(f"TABLE {name}")))
            for name in PROJECTED
        }


async def test_head__reverted__goes_back_and_forth(world):
    await world.announce(head_at(100), head_at(120))
    back = BlockRef(number=110, hash=Hex(b"\7" * 32), timestamp=111)
    await world.announce(FactsReverted(to_block=back, from_number=120))
    status = await world.caller.ask(ALLOCATIONS_STATUS, Nothing())
    assert (status.head_number, status.head_timestamp) == (110, 111)
    assert (await projected(world))["head"] == [(1, 110, b"\7" * 32, 111, 120)]
    await world.announce(head_at(130))
    assert (await world.caller.ask(ALLOCATIONS_STATUS, Nothing())).head_number == 130


async def test_projects__set_again__replace_the_list(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    await world.announce(
        ProjectsSet(block=block(NOW), epoch=EPOCH, projects=[P[2], P[1]], cid="Qn")
    )
    assert (await projected(world))["projects"] == [
        (EPOCH, 0, bytes(P[2])),
        (EPOCH, 1, bytes(P[1])),
    ]
    assert (await world.allocate(ALICE.allocation([(P[0], 1)], 0))).code == "InvalidProjects"
    assert await world.allocate(ALICE.allocation([(P[2], 1)], 0)) is None


async def test_bounds__told_again_before_the_seal__count_and_after_it_change_nothing(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    earlier = WindowOpened(epoch=EPOCH, opens_at=NOW - 50, closes_at=NOW - 1)
    await world.announce(earlier)
    assert (await world.allocate(ALICE.allocation([(P[0], 1)], 0))).code == "AllocationWindowClosed"
    later = WindowOpened(epoch=EPOCH, opens_at=NOW - 50, closes_at=NOW + 50)
    started = EpochStarted(epoch=EPOCH, start=1, end=NOW - 50, decision_window=77)
    await world.announce(later, started)
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0)) is None
    await world.close_window()
    sealed = await projected(world)
    assert (EPOCH, 1, NOW - 50, 77, NOW + 27) in sealed["epochs"]
    await world.announce(
        earlier, EpochStarted(epoch=EPOCH, start=2, end=NOW - 40, decision_window=5)
    )
    assert await projected(world) == sealed


async def test_budgets__of_many_pages__are_read_to_the_end(world):
    people = {person(n).address: n * 10**20 for n in range(1, 26)}
    world.budget_page = 4
    await world.open_window(people, P)
    assert world.asked_budget_pages == 7
    async with world.database.engine.connect() as connection:
        rows = (await connection.execute(select(tables.budgets))).all()
    assert {row.user: row.budget for row in rows} == people


async def test_allocate__while_the_budgets_are_on_their_way__waits_for_them(world):
    await world.announce(
        head_at(NOW),
        ProjectsSet(block=block(NOW), epoch=EPOCH, projects=P, cid="Qm"),
        EpochStarted(epoch=EPOCH, start=1, end=NOW - 50, decision_window=100),
        WindowOpened(epoch=EPOCH, opens_at=NOW - 50, closes_at=NOW + 50),
    )
    request = ALICE.allocation([(P[0], 1)], 0)
    assert (await world.allocate(request)).code == "BudgetNotFound"  # there is no snapshot at all

    world.pending_snapshot = EPOCH
    assert (await world.allocate(request)).code == "NotLoadedYet"
    world.budgets[EPOCH] = budget_rows({ALICE.address: BUDGET})
    allocating = asyncio.create_task(world.allocate(request))
    await world.announce(snapshot(EPOCH, world.budgets[EPOCH]))
    assert await allocating is None


async def test_budgets__while_rewards_is_away__are_waited_for(world):
    world.budgets[EPOCH] = budget_rows({ALICE.address: BUDGET})
    world.budgets_away = True
    token = await world.publish(snapshot(EPOCH, world.budgets[EPOCH]))
    await eventually(lambda: world.asked_budget_pages > 2)
    assert (await projected(world))["budgets"] == []
    world.budgets_away = False
    await world.applied(token)
    assert (await projected(world))["budgets"] == [(EPOCH, bytes(ALICE.address), BUDGET)]


async def test_budgets__other_than_announced__stop_the_projection_until_they_fit(world):
    rows = budget_rows({ALICE.address: BUDGET})
    world.budgets[EPOCH] = budget_rows({ALICE.address: BUDGET + 1})
    token = await world.publish(snapshot(EPOCH, rows))
    await eventually(
        lambda: any("BudgetsMismatch" in r for r in world.service.readiness.waiting().values())
    )
    assert (await projected(world))["budgets"] == []
    world.budgets[EPOCH] = rows
    await world.applied(token)
    await eventually(lambda: not world.service.readiness.waiting())


async def test_own_events__refused_by_the_bus__make_the_service_not_ready_until_they_leave(world):
    jetstream, waiting = world.service.bus.jetstream, world.service.readiness.waiting
    config = (await jetstream.stream_info(stream_name(ALLOCATIONS))).config
    await jetstream.update_stream(config, max_msg_size=10)
    async with world.database.transaction("test") as connection:
        await append(connection, UqScoreSet(epoch=1, user=ALICE.address, score=Decimal("1.0")))
    await eventually(lambda: "own events" in waiting(), timeout=20)
    assert waiting()["own events"].startswith("not published: ")
    await jetstream.update_stream(config, max_msg_size=-1)
    await eventually(lambda: not waiting(), timeout=20)
    assert (await jetstream.stream_info(stream_name(ALLOCATIONS))).state.messages == 1


async def test_snapshot__finalized__is_marked(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    zero = Wei(0)
    await world.announce(
        FinalizedSnapshotTaken(
            epoch=EPOCH,
            matched_rewards=zero,
            patrons_rewards=zero,
            leftover=zero,
            total_withdrawals=zero,
            staking_matched_reserved_for_v2=zero,
            merkle_root=None,
            leaves_count=0,
        )
    )
    assert [row[3] for row in (await projected(world))["snapshots"]] == [True]


async def test_streams__lost_and_delivered_again__change_nothing(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0)) is None
    await world.close_window()
    before = await world.stored(), await projected(world)

    async def lives():
        async with world.database.engine.connect() as connection:
            rows = await connection.execute(select(positions))
            return {(row.stream, row.incarnation): row.sequence for row in rows}

    old = await lives()
    for owner in (CHAIN_SYNC, EPOCHS, REWARDS):
        await world.service.bus.jetstream.delete_stream(stream_name(owner))

    async def read_again() -> bool:
        new = await lives()
        return not set(new) & set(old) and sorted(new.values()) == sorted(old.values())

    await eventually(read_again, timeout=20, what="the streams are read again")
    assert (await world.stored(), await projected(world)) == before
    assert await world.caller.ask(ALLOCATION_WINDOW, Nothing()) == Window(pending_epoch=None)
