"""What a user allocated and gave as a patron, as the history shows it."""

import random
from collections import Counter
from typing import Any

import pytest
from octant_allocations import tables
from octant_allocations.history.calls import MOST, MOST_ROWS
from octant_contracts.calls import (
    ALLOCATIONS_HISTORY,
    ALLOCATIONS_HISTORY_COUNTS,
    HistoryAllocation,
    HistoryCountsRequest,
    HistoryItem,
    HistoryRequest,
)
from octant_contracts.events import FinalizedSnapshotTaken, LeverageComputed
from octant_contracts.values import Address, Wei, encode
from sqlalchemy import insert, select

from .world import BUDGET, CLOSES, DECISION_WINDOW, END, EPOCH, NOW, head_at, person

ALICE, BOB = person(1), person(2)
P = [Address(bytes([n]) * 20) for n in range(1, 4)]
F = END + DECISION_WINDOW  # the end of epoch 1's window
FINALIZED = FinalizedSnapshotTaken(
    epoch=EPOCH,
    matched_rewards=Wei(0),
    patrons_rewards=Wei(BUDGET),
    leftover=Wei(0),
    total_withdrawals=Wei(0),
    staking_matched_reserved_for_v2=Wei(0),
    merkle_root=None,
    leaves_count=0,
)


async def ask(world, user: Address = ALICE.address, limit: int = 100, **bounds: Any):
    request = HistoryRequest(user=user, limit=limit, **bounds)
    return await world.caller.ask(ALLOCATIONS_HISTORY, request)


async def items_of(world, user: Address = ALICE.address, **bounds: Any) -> list[HistoryItem]:
    page = await ask(world, user, **bounds)
    assert page.following is None
    return page.items


def rows(item: HistoryItem) -> list[tuple[Address, int]]:
    return [(row.project_address, row.amount) for row in item.event_data.allocations or ()]


async def sequences(world) -> list[int]:
    async with world.database.engine.connect() as connection:
        return list(await connection.scalars(select(tables.requests.c.sequence).order_by("nonce")))


async def store(world, table, *rows: dict[str, Any]) -> None:
    async with world.database.transaction("test") as connection:
        await connection.execute(insert(table), list(rows))


async def test_requests__replaced_since__stay_with_the_rows_they_had(world):
    await world.open_window({ALICE.address: BUDGET, BOB.address: BUDGET}, P)
    assert await items_of(world) == []
    await world.allocate(ALICE.allocation([(P[1], 5), (P[0], 7)], 0))
    await world.allocate(BOB.allocation([(P[0], 1)], 0))
    await world.announce(head_at(NOW + 5))
    await world.allocate(ALICE.allocation([(P[2], 0)], 1, edited=True))
    await world.allocate(ALICE.allocation([(P[0], BUDGET)], 2))
    found = await items_of(world)
    assert [(i.type, i.timestamp, rows(i)) for i in found] == [
        ("allocation", str(NOW + 5), [(P[0], BUDGET)]),
        ("allocation", str(NOW + 5), [(P[2], 0)]),
        ("allocation", str(NOW), [(P[1], 5), (P[0], 7)]),
    ]
    assert [i.event_data.is_manually_edited for i in found] == [False, True, False]
    for data in (item.event_data for item in found):
        assert (data.amount, data.transaction_hash, data.epoch, data.leverage) == (None,) * 4
    assert [i.timestamp for i in await items_of(world, until=NOW + 4)] == [str(NOW)]
    assert await items_of(world, until=NOW - 1) == []

    # Patron mode ends what is live, not what was.
    await world.set_patron_mode(ALICE.patron_mode(True))
    assert await items_of(world) == found
    assert await world.live() == {BOB.address: [(P[0], 1)]}


@pytest.mark.parametrize(
    ("leverage", "text"),
    [(12.5, "12.5"), (1.0, "1.0"), (0.1 + 0.2, "0.30000000000000004"), (0.0, "0.0")],
)
async def test_leverage__once_computed__is_told_as_its_decimal_text(world, leverage, text):
    await world.open_window({ALICE.address: BUDGET}, P)
    await world.allocate(ALICE.allocation([(P[0], 1)], 0))
    await world.allocate(ALICE.allocation([(P[0], 2)], 1))
    first, _ = await sequences(world)
    await world.announce(
        LeverageComputed(
            epoch=EPOCH, user=ALICE.address, nonce=0, sequence=first, leverage=leverage
        )
    )
    assert [i.event_data.leverage for i in await items_of(world)] == [None, text]


async def test_donation__of_a_patron__is_shown_once_the_epoch_is_final(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    await world.set_patron_mode(ALICE.patron_mode(True))
    await world.set_patron_mode(BOB.patron_mode(True))
    await world.announce(head_at(CLOSES + 1))
    await world.close_window()
    assert await items_of(world) == []
    await world.announce(FINALIZED)
    (item,) = await items_of(world)
    assert (item.type, item.timestamp) == ("patron_mode_donation", str(F))
    data = item.event_data
    assert (data.amount, data.epoch) == (BUDGET, EPOCH)
    rest = (data.transaction_hash, data.is_manually_edited, data.leverage, data.allocations)
    assert rest == (None,) * 4
    assert await items_of(world, BOB.address) == []  # a patron without a budget

    # A later change of mind changes nothing of it.
    await world.set_patron_mode(ALICE.patron_mode(False))
    assert await items_of(world) == [item]
    assert await items_of(world, until=F - 1) == []
    assert await items_of(world, until=F) == [item]


def epoch(number: int, *, finalized: bool = True) -> list[tuple]:
    """Rows of an epoch whose window ended at number · 100, sealed at sequence a million."""
    return [
        (
            tables.epochs,
            {
                "epoch": number,
                "start_at": 0,
                "end_at": 0,
                "decision_window": 0,
                "finalized_at": number * 100,
            },
        ),
        (
            tables.windows,
            {"epoch": number, "opens_at": 0, "closes_at": 0, "sealed_at_sequence": 10**6},
        ),
        (
            tables.snapshots,
            {"epoch": number, "budgets_count": 0, "budgets_digest": "", "finalized": finalized},
        ),
    ]


def budget(number: int, amount: int) -> tuple:
    return tables.budgets, {"epoch": number, "user": ALICE.address, "budget": amount}


def event(sequence: int, time: int, enabled: bool) -> tuple:
    row = {"sequence": sequence, "user": ALICE.address, "enabled": enabled, "time": time}
    return tables.patron_events, row


@pytest.mark.parametrize(
    ("events", "donated"),
    [
        ([], []),
        ([(1, 50, True)], [3, 2, 1]),
        ([(1, 100, True)], [3, 2, 1]),  # up to the end of the window, inclusive
        ([(1, 101, True)], [3, 2]),
        ([(1, 50, True), (2, 150, False)], [1]),
        ([(1, 50, True), (2, 150, False), (3, 250, True)], [3, 1]),
        ([(2, 50, False), (1, 60, True)], [3, 2, 1]),  # by time, not by number
        ([(2, 50, True), (1, 50, False)], [3, 2, 1]),  # of one time the later number
        ([(10**6 + 1, 50, True)], []),  # after the seals: it was not counted
        ([(1, 301, True)], []),
    ],
)
async def test_donations__of_several_epochs__follow_the_patron_mode_of_each(world, events, donated):
    stored = [row for number in (1, 2, 3) for row in [*epoch(number), budget(number, number)]]
    stored += [*epoch(4, finalized=False), budget(4, 4), *epoch(5)]
    for table, row in [*stored, *(event(*one) for one in events)]:
        await store(world, table, row)
    found = await items_of(world)
    assert [item.event_data.epoch for item in found] == donated
    assert [(i.event_data.amount, i.timestamp) for i in found] == [
        (number, str(number * 100)) for number in donated
    ]


async def test_donation__of_an_epoch_that_was_not_sealed_here__goes_by_time_alone(world):
    rows = [row for row in [*epoch(1), budget(1, 7)] if row[0] is not tables.windows]
    for table, row in [*rows, event(10**9, 100, True)]:
        await store(world, table, row)
    assert [item.event_data.amount for item in await items_of(world)] == [7]


async def walk(world, limit: int, **bounds: Any) -> list[HistoryItem]:
    found, after = [], None
    while True:
        page = await ask(world, limit=limit, after=after, **bounds)
        assert 0 < len(page.items) <= limit or not found
        assert len(encode(page)) < 256 * 1024
        found += page.items
        after = page.following
        if after is None:
            return found


def request(sequence: int, time: int, user: Address = ALICE.address) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "epoch": 1,
        "user": user,
        "nonce": sequence,
        "signature": "",
        "is_manually_edited": None,
        "time": time,
        "leverage": None,
    }


def allocation(sequence: int, place: int, amount: int = 1) -> dict[str, Any]:
    return {
        "sequence": sequence,
        "place": place,
        "epoch": 1,
        "user": ALICE.address,
        "project": P[0],
        "amount": amount,
        "deleted_sequence": sequence + 1,
    }


async def test_pages__of_any_size__are_the_whole_history_once(world):
    dice = random.Random(1)
    for number in range(1, 41):
        for table, row in [*epoch(number), budget(number, number)]:
            await store(world, table, row)
    await store(world, *event(10**5, 0, True))
    times = {n: dice.choice((100, 200, 300, dice.randrange(50, 4200))) for n in range(1, 461)}
    await store(world, tables.requests, *(request(n, time) for n, time in times.items()))
    await store(world, tables.requests, request(10**4, 100, BOB.address))
    await store(world, tables.allocations, *(allocation(n, 1, n) for n in times))
    expected = [(time, "allocation", n) for n, time in times.items()]
    expected += [(n * 100, "patron_mode_donation", n) for n in range(1, 41)]
    expected.sort(reverse=True)

    def told(items: list[HistoryItem]) -> list[tuple[int, str, int]]:
        return [
            (int(i.timestamp), i.type, i.event_data.epoch or i.event_data.allocations[0].amount)
            for i in items
        ]

    assert len(expected) == 500
    for skip in (1, 250, 499, 500, 10**9):
        assert told((await ask(world, limit=500, skip=skip)).items) == expected[skip:], skip
    counts = await world.caller.ask(
        ALLOCATIONS_HISTORY_COUNTS, HistoryCountsRequest(user=ALICE.address, until=200)
    )
    runs = Counter(one[:2] for one in expected if one[0] <= 200)
    assert [((c.timestamp, c.type), c.count) for c in counts.counts] == list(runs.items())
    assert len(runs) > 5
    for limit in (1, 2, 7, 99, 500, 501):
        assert told(await walk(world, limit)) == expected, limit
    assert told(await walk(world, 13, until=200)) == [one for one in expected if one[0] <= 200]


async def test_page__of_large_requests__holds_as_many_as_one_message(world):
    """A page ends early, but never before its first item."""
    sizes = {1: 3, 2: MOST_ROWS, 3: 600, 4: 600, 5: 600, 6: MOST_ROWS + 400, 7: 1, 8: 0}
    await store(world, tables.requests, *(request(n, 10) for n in sizes))
    for n, size in sizes.items():
        if size:
            amounts = (allocation(n, place, 10**24) for place in range(1, size + 1))
            await store(world, tables.allocations, *amounts)
    found = await walk(world, 100)
    assert [len(item.event_data.allocations) for item in found] == [
        sizes[n] for n in sorted(sizes, reverse=True)
    ]
    assert found[0].event_data.allocations == []
    first = await ask(world)
    assert [len(item.event_data.allocations) for item in first.items] == [0, 1]
    assert found[1].event_data.allocations == [
        HistoryAllocation(project_address=P[0], amount=Wei(10**24))
    ]


async def test_page__of_many_requests__holds_as_many_as_one_message(world):
    await store(world, tables.requests, *(request(n, 10) for n in range(1, MOST + 11)))
    page = await ask(world, limit=10**6)
    assert len(page.items) == MOST
    assert len(await walk(world, 10**6)) == MOST + 10
