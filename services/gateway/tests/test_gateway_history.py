"""The history: joined from two services, cut into pages that lose and repeat nothing."""

import base64
import random
from collections import Counter
from typing import Any

import pytest
from octant_chassis.calls import Written
from octant_contracts import calls
from octant_contracts.calls import (
    ALLOCATIONS_HISTORY,
    ALLOCATIONS_HISTORY_COUNTS,
    CHAIN_HISTORY,
    CHAIN_HISTORY_COUNTS,
    PAGE,
    HistoryAllocation,
    HistoryCount,
    HistoryCounts,
    HistoryCountsRequest,
    HistoryEventData,
    HistoryItem,
    HistoryPage,
    HistoryPosition,
    HistoryRequest,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Hex, Wei

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
PROJECT = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f"
USER = Address.parse(ALICE)
OPERATION = "GET /history/{user_address}"
NOTHING = dict.fromkeys(
    ("amount", "transactionHash", "epoch", "isManuallyEdited", "leverage", "allocations")
)


def on_chain(kind: str, timestamp: int, amount: int, transaction: int = 0) -> HistoryItem:
    data = HistoryEventData(amount=Wei(amount), transaction_hash=Hex(transaction.to_bytes(32)))
    return HistoryItem(type=kind, timestamp=str(timestamp), event_data=data)


def allocation(timestamp: int, amount: int, leverage: str | None = None) -> HistoryItem:
    rows = [HistoryAllocation(project_address=Address.parse(PROJECT), amount=Wei(amount))]
    data = HistoryEventData(is_manually_edited=True, leverage=leverage, allocations=rows)
    return HistoryItem(type="allocation", timestamp=str(timestamp), event_data=data)


def donation(timestamp: int, amount: int, epoch: int) -> HistoryItem:
    data = HistoryEventData(amount=Wei(amount), epoch=epoch)
    return HistoryItem(type="patron_mode_donation", timestamp=str(timestamp), event_data=data)


def expected_json(item: HistoryItem) -> dict[str, Any]:
    """As the public table has it, from nothing but the item's values."""
    data = item.event_data
    told: dict[str, Any] = dict(NOTHING)
    if item.type == "allocation":
        told |= {
            "isManuallyEdited": data.is_manually_edited,
            "leverage": data.leverage,
            "allocations": [
                {"projectAddress": PROJECT, "amount": str(row.amount)}
                for row in data.allocations or ()
            ],
        }
    else:
        told["amount"] = str(int(data.amount or 0))
        if data.transaction_hash is not None:
            told["transactionHash"] = "0x" + bytes(data.transaction_hash).hex()
        told["epoch"] = data.epoch
    return {"type": item.type, "timestamp": item.timestamp, "eventData": told}


def play(world, call, counts_call, items: list[HistoryItem], page: int = 1000) -> None:
    """A service that has `items`, newest first, and gives at most `page` in one answer."""

    def within(request: HistoryRequest | HistoryCountsRequest) -> list[tuple[int, HistoryItem]]:
        assert request.user == USER
        return [
            (place, item)
            for place, item in enumerate(items, start=1)
            if request.until is None or int(item.timestamp) <= request.until
        ]

    def answer(request: HistoryRequest) -> HistoryPage:
        first = request.after.place[0] if request.after else 0
        left = [(place, item) for place, item in within(request) if place > first]
        left = left[request.skip :]
        shown = left[: min(page, request.limit)]
        following = None
        if len(left) > len(shown):
            place, last = shown[-1]
            following = HistoryPosition(
                timestamp=int(last.timestamp),
                type=last.type,
                amount=Wei(0),
                transaction_hash=Hex(b""),
                place=(place, 0),
            )
        return HistoryPage(items=[item for _, item in shown], following=following)

    def counted(request: HistoryCountsRequest) -> HistoryCounts:
        runs = Counter((int(item.timestamp), item.type) for _, item in within(request))
        counts = [
            HistoryCount(timestamp=second, type=kind, count=count)
            for (second, kind), count in runs.items()
        ]
        return HistoryCounts(counts=counts[:PAGE])

    world.services.on(call, answer)
    world.services.on(counts_call, counted)


def played_items(world, chain: list[HistoryItem], given: list[HistoryItem], page: int = 1000):
    play(world, CHAIN_HISTORY, CHAIN_HISTORY_COUNTS, chain, page)
    play(world, ALLOCATIONS_HISTORY, ALLOCATIONS_HISTORY_COUNTS, given, page)


async def page_of(world, limit: int | None = None, cursor: str | None = None) -> tuple[list, Any]:
    query = [f"limit={limit}"] if limit is not None else []
    query += [f"cursor={cursor}"] if cursor is not None else []  # raw, as the client sends it
    response = await world.get(f"/history/{ALICE}?{'&'.join(query)}")
    assert response.status_code == 200, response.text
    told = response.json()
    assert list(told) == ["history", "nextCursor"]
    return told["history"], told["nextCursor"]


async def walk(world, limit: int) -> tuple[list, list[str]]:
    """All pages in a row, and the cursors between them."""
    found, cursors = [], []
    items, cursor = await page_of(world, limit)
    while True:
        assert len(items) == limit or cursor is None
        found += items
        if cursor is None:
            return found, cursors
        cursors.append(cursor)
        assert len(cursors) < 2000
        items, cursor = await page_of(world, limit, cursor)


def plain(cursors: list[str]) -> list[str]:
    return [base64.urlsafe_b64decode(cursor).decode() for cursor in cursors]


@pytest.mark.proves(OPERATION)
async def test_history__of_every_type__has_all_keys_and_one_order_within_a_second(world) -> None:
    chain = [
        on_chain("withdrawal", 1700000000, 1, 1),
        on_chain("unlock", 1700000000, 10, 7),
        on_chain("unlock", 1700000000, 9, 8),
        on_chain("lock", 1700000000, 5, 3),
        on_chain("lock", 1700000000, 5, 2),
    ]
    given = [
        donation(1700000000, 7, 4),
        allocation(1700000000, 1000, "12.5"),
        allocation(1700000000, 5),
    ]
    played_items(world, chain, given)
    items, cursor = await page_of(world)
    order = [*chain[:3], given[0], *chain[3:], *given[1:]]
    assert items == [expected_json(item) for item in order]
    assert cursor is None
    assert items[3]["eventData"] == {**NOTHING, "amount": "7", "epoch": 4}
    assert items[6] == {
        "type": "allocation",
        "timestamp": "1700000000",
        "eventData": {
            "amount": None,
            "transactionHash": None,
            "epoch": None,
            "isManuallyEdited": True,
            "leverage": "12.5",
            "allocations": [{"projectAddress": PROJECT, "amount": "1000"}],
        },
    }


async def test_history__of_nobody__is_empty(world) -> None:
    played_items(world, [], [])
    assert await page_of(world) == ([], None)


@pytest.mark.parametrize(
    ("times", "limit", "cursors"),
    [
        ([9, 8, 8, 8, 5], 2, ["8.1", "5.0"]),
        ([8, 8, 8, 8], 1, ["8.1", "8.2", "8.3"]),
        ([8, 8, 8, 8], 2, ["8.2"]),
        ([8, 8, 8, 8], 4, []),
        ([1700000200, 200, 3], 1, ["200.0", "3.0"]),
    ],
)
async def test_cursor__after_each_page__names_the_second_and_what_was_given_of_it(
    world, times, limit, cursors
) -> None:
    # Every other item comes from the other service: the border falls inside one second.
    chain = [on_chain("lock", t, 100 - i) for i, t in enumerate(times) if i % 2]
    given = [allocation(t, 100 - i) for i, t in enumerate(times) if not i % 2]
    played_items(world, chain, given)
    found, told = await walk(world, limit)
    assert plain(told) == cursors
    assert [int(item["timestamp"]) for item in found] == times
    assert len({str(item) for item in found}) == len(times)


@pytest.mark.parametrize(
    ("text", "cursor"),
    [("200.0", "MjAwLjA="), ("3.0", "My4w"), ("1700000200.0", "MTcwMDAwMDIwMC4w")],
)
async def test_cursor__in_its_published_form__is_read_and_written(world, text, cursor) -> None:
    second = int(text.split(".")[0])
    played_items(world, [on_chain("lock", t, 1) for t in (second + 1, second)], [])
    items, told = await page_of(world, 1)
    assert (told, len(items)) == (cursor, 1)
    for form in (cursor, cursor.replace("=", "%3D")):
        items, following = await page_of(world, 1, form)
        assert ([item["timestamp"] for item in items], following) == ([str(second)], None)


async def test_cursor__that_skips_more_than_its_second_has__goes_on_in_older_ones(world) -> None:
    times = [9, 8, 8, 8, 5]
    played_items(world, [on_chain("lock", t, 100 - i) for i, t in enumerate(times)], [])

    def at(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode()

    items, cursor = await page_of(world, 1, at("9.2"))
    assert [item["eventData"]["amount"] for item in items] == ["98"]
    assert plain([cursor]) == ["8.2"]
    assert await page_of(world, 5, at("9.5")) == ([], None)
    assert await page_of(world, 5, at("4.0")) == ([], None)
    assert await page_of(world, 5, at("9.999999999")) == ([], None)
    items, cursor = await page_of(world, 5, at("999999999999999999.0"))
    assert (len(items), cursor) == (5, None)


async def test_cursor__that_skips_over_items_of_both_services__counts_them_by_the_order(
    world,
) -> None:
    chain = [on_chain("unlock", 9, 1), on_chain("lock", 9, 1), on_chain("lock", 7, 1)]
    given = [donation(9, 1, 1), allocation(9, 1), allocation(8, 1), allocation(7, 1)]
    played_items(world, chain, given)
    everything, _ = await page_of(world)
    assert len(everything) == 7
    for skipped in range(9):
        cursor = base64.urlsafe_b64encode(f"9.{skipped}".encode()).decode()
        assert await page_of(world, cursor=cursor) == (everything[skipped:], None)
    # The services are not asked for what is skipped.
    asked = world.services.requests(CHAIN_HISTORY)[-1]
    assert (asked.skip, asked.limit) == (3, 101)


async def test_cursor__that_leads_beyond_what_is_counted__is_refused(world) -> None:
    chain = [on_chain("lock", 10_000 - i, 1) for i in range(PAGE + 10)]
    given = [allocation(i, 1) for i in range(50, 0, -1)]
    played_items(world, chain, given)
    for skipped, following in ((PAGE - 1, 10_000 - PAGE + 1), (PAGE, 10_000 - PAGE)):
        cursor = base64.urlsafe_b64encode(f"10000.{skipped}".encode()).decode()
        items, _ = await page_of(world, 1, cursor)
        assert items[0]["timestamp"] == str(following)
    for skipped in (PAGE + 1, PAGE + 20, 10**8):
        cursor = base64.urlsafe_b64encode(f"10000.{skipped}".encode()).decode()
        response = await world.get(f"/history/{ALICE}?cursor={cursor}")
        assert (response.status_code, response.json()) == (400, {"message": "Invalid cursor"})


BAD_CURSORS = ["", "x", "My4", "My4w=", "w7wuMA==", "LjA=", "My4=", "Mw==", "LTMuMA==", "My4tMQ==",
    "My4wLjA=", "My4wIA==", "%00", "My4w%0A", "KzMuMA==", "4paIwqA=", "\u00fc",
    base64.urlsafe_b64encode(b"9" * 19 + b".0").decode(),
    base64.urlsafe_b64encode(b"3." + b"9" * 10).decode(),
    base64.urlsafe_b64encode("\u0663.0".encode()).decode(),
    base64.urlsafe_b64encode(b"9" * 5000 + b".0").decode()]  # fmt: skip


@pytest.mark.proves(OPERATION, "InvalidCursor")
@pytest.mark.parametrize("cursor", BAD_CURSORS, ids=range(len(BAD_CURSORS)))
async def test_cursor__malformed__is_refused(world, cursor) -> None:
    response = await world.get(f"/history/{ALICE}?limit=12&cursor={cursor}")
    assert (response.status_code, response.json()) == (400, {"message": "Invalid cursor"})
    assert world.services.asked == []


@pytest.mark.proves(OPERATION, "422")
@pytest.mark.parametrize(
    ("query", "kind", "message", "given", "ctx"),
    [
        ("limit=0", "greater_than_equal", "Input should be greater than or equal to 1", "0",
         {"ge": 1}),
        ("limit=-1", "greater_than_equal", "Input should be greater than or equal to 1", "-1",
         {"ge": 1}),
        ("limit=a", "int_parsing",
         "Input should be a valid integer, unable to parse string as an integer", "a", None),
        ("limit=", "int_parsing",
         "Input should be a valid integer, unable to parse string as an integer", "", None),
    ],
)  # fmt: skip
async def test_limit__that_is_no_page_size__is_a_fault(
    world, query, kind, message, given, ctx
) -> None:
    fault = {"type": kind, "loc": ["query", "limit"], "msg": message, "input": given}
    response = await world.get(f"/history/{ALICE}?{query}&cursor=x")
    assert response.status_code == 422
    assert response.json() == {"detail": [fault | ({"ctx": ctx} if ctx else {})]}
    bad_address = await world.get("/history/0x12")
    assert bad_address.status_code == 422
    assert bad_address.json()["detail"][0]["loc"] == ["path", "user_address"]


async def test_limit__absent_or_large__is_a_hundred(world) -> None:
    played_items(world, [on_chain("lock", 1000 - i, 1) for i in range(150)], [])
    for limit, length in ((None, 100), (100, 100), (10**30, 100), (99, 99), (12, 12)):
        items, cursor = await page_of(world, limit)
        assert len(items) == length
        assert plain([cursor]) == [f"{1000 - length}.0"]


@pytest.mark.proves(OPERATION, "HistoryUnavailable")
@pytest.mark.parametrize("service", ["chain-sync", "allocations"])
async def test_history__without_one_of_its_sources__is_unavailable_for_a_while(
    world, service
) -> None:
    played_items(world, [on_chain("lock", 1, 1)], [allocation(1, 1)])
    await world.services.stop(service)
    response = await world.get(f"/history/{ALICE}")
    assert response.status_code == 503
    assert response.json() == {"message": "History is temporarily unavailable"}
    assert response.headers["retry-after"] == "1"
    await world.services.start(service)
    assert len((await page_of(world))[0]) == 2


async def test_history__of_a_source_that_is_not_loaded__says_what_is_missing(world) -> None:
    played_items(world, [], [])
    world.services.on(CHAIN_HISTORY, Refusal("NotLoadedYet", what="Your last change"))
    response = await world.get(f"/history/{ALICE}")
    assert response.status_code == 503
    assert response.json()["message"].startswith("Your last change is not loaded yet")


async def test_own_allocation__before_the_history_is_read__is_in_it(world) -> None:
    """Allocations itself needs no token of its own; what chain-sync has to see is waited for."""
    played_items(world, [], [])
    world.services.on(calls.TAKE_FINALIZED_SNAPSHOT, Written(calls.SnapshotTaken(3), (7,)))
    assert (await world.client.post("/snapshots/finalized")).status_code == 201
    await page_of(world)
    waited = {a.call.service: a.after for a in world.services.asked if a.call.name == "history"}
    assert waited == {"chain-sync": (("rewards", 7),), "allocations": (("rewards", 7),)}


def many(seed: int, count: int) -> tuple[list[HistoryItem], list[HistoryItem]]:
    """Items of two services, most of them crowded in a few seconds, each as its service sorts."""
    dice = random.Random(seed)
    seconds = [dice.randrange(1_600_000_000, 1_700_000_000) for _ in range(max(3, count // 12))]
    chain, given = [], []
    for number in range(count):
        second = dice.choice(seconds[: dice.choice((1, 3, len(seconds)))])
        kind = dice.choice(("lock", "unlock", "withdrawal", "allocation", "patron_mode_donation"))
        if kind == "allocation":
            given.append((second, number, allocation(second, number, dice.choice((None, "1.0")))))
        elif kind == "patron_mode_donation":
            given.append((second, number, donation(second, dice.choice((1, 10**30)), number)))
        else:
            amount = dice.choice((1, 2, 10, 9 * 10**20, 10**21))
            chain.append((second, number, on_chain(kind, second, amount, number)))
    return [whole(chain), whole(given)]  # type: ignore[return-value]


def whole(items: list[tuple[int, int, HistoryItem]]) -> list[HistoryItem]:
    """Sorted by the published order; of full ties the later one first."""
    return [
        item
        for _, _, item in sorted(
            items,
            key=lambda one: (
                one[0],
                one[2].type,
                int(one[2].event_data.amount or 0),
                (one[2].event_data.transaction_hash or b"").hex(),
                one[1],
            ),
            reverse=True,
        )
    ]


@pytest.mark.parametrize(("seed", "count"), [(1, 500), (2, 60), (3, 7)])
async def test_pages__of_any_size__are_the_whole_history_once(world, seed, count) -> None:
    chain, given = many(seed, count)
    played_items(world, chain, given, page=90)
    numbered = [(int(i.timestamp), -place, i) for place, i in enumerate([*chain, *given])]
    everything = [expected_json(item) for item in whole(numbered)]
    assert len(everything) == count
    limits = range(1, 101) if count < 500 else (1, 2, 3, 5, 12, 31, 50, 99, 100)
    for limit in limits:
        found, cursors = await walk(world, limit)
        assert found == everything, limit
        assert len(cursors) == (count - 1) // limit
