"""A user's locks, unlocks and withdrawals: all of them, in the published order, page by page."""

import random
from typing import Any

from octant_chain_sync.history.service import MOST, history, history_counts
from octant_chain_sync.tables import (
    deposit_facts,
    sablier_actions,
    sablier_streams,
    withdrawals,
)
from octant_contracts.calls import PAGE, HistoryCountsRequest, HistoryItem, HistoryRequest
from octant_contracts.values import Address, encode
from octant_devnet.people import lock, unlock
from sqlalchemy import insert

ME, OTHER, PAYEE = (Address(bytes([n]) * 20) for n in (1, 2, 3))


def fact(number: int, second: int, amount: int, user: Address = ME, **more: Any) -> dict[str, Any]:
    return {
        "block_number": number,
        "log_index": number % 7,
        "block_hash": bytes(32),
        "timestamp": second,
        "transaction_hash": number.to_bytes(32),
        "user": user,
        "amount": amount,
        **more,
    }


def deposit(kind: str, *args: Any, **more: Any) -> dict[str, Any]:
    return fact(*args, kind=kind, deposit_before=0, **more)


def stream(number: int, recipient: Address = ME) -> dict[str, Any]:
    return {
        "id": f"0xabc-1337-{number}",
        "number": number,
        "created_at": number,
        "recipient": recipient,
        "deposit_amount": 500,
        "intact_amount": 0,
        "end_time": 10**9,
        "canceled": False,
    }


def action(stream: int, position: int, category: str, second: int, a: Any, b: Any) -> dict:
    return {
        "stream_id": f"0xabc-1337-{stream}",
        "position": position,
        "category": category,
        "timestamp": second,
        "transaction_hash": (1000 * stream + position).to_bytes(32),
        "address_b": PAYEE,
        "amount_a": a,
        "amount_b": b,
    }


async def store(database, table, *rows: dict[str, Any]) -> None:
    async with database.transaction("test") as connection:
        await connection.execute(insert(table), list(rows))


async def ask(database, limit: int = 100, *, streams: bool = True, **bounds: Any):
    return await history(database, HistoryRequest(user=ME, limit=limit, **bounds), streams=streams)


def told(items: list[HistoryItem]) -> list[tuple[str, int, int, int]]:
    """(type, timestamp, amount, transaction)."""
    return [
        (i.type, int(i.timestamp), data.amount, int.from_bytes(data.transaction_hash))
        for i in items
        for data in [i.event_data]
    ]


async def walk(database, limit: int, **bounds: Any) -> list[HistoryItem]:
    found, after = [], None
    while True:
        page = await ask(database, limit, after=after, **bounds)
        found += page.items
        after = page.following
        if after is None:
            return found
        assert len(page.items) == min(limit, MOST)


def mined(chain, receipt) -> str:
    return str(int(chain.block(receipt.block_number)["timestamp"], 16))


async def test_history__of_real_transactions__has_their_amounts_hashes_and_times(
    chain, deployment, database, make_indexer, alice, bob
):
    first = lock(chain, deployment, alice, 100)
    lock(chain, deployment, bob, 5)
    second = unlock(chain, deployment, alice, 40)
    await make_indexer().poll()
    request = HistoryRequest(user=Address.parse(alice.address), limit=10)
    page = await history(database, request, streams=False)
    assert page.following is None
    assert [(i.type, i.timestamp, i.event_data.amount) for i in page.items] == [
        ("unlock", mined(chain, second), 40),
        ("lock", mined(chain, first), 100),
    ]
    hashes = [i.event_data.transaction_hash.text for i in page.items]
    assert hashes == [second.hash, first.hash]
    for item in page.items:
        data = item.event_data
        rest = (data.epoch, data.is_manually_edited, data.leverage, data.allocations)
        assert rest == (None,) * 4


async def test_history__within_one_second__is_by_type_amount_and_hash(database):
    await store(
        database,
        deposit_facts,
        deposit("Locked", 1, 10, 9),
        deposit("Locked", 2, 10, 10**20),
        deposit("Locked", 3, 10, 9),
        deposit("Unlocked", 4, 10, 1),
        deposit("Locked", 5, 11, 1),
        deposit("Unlocked", 6, 9, 2**255),
        deposit("Locked", 7, 10, 8, OTHER),
    )
    await store(
        database,
        withdrawals,
        fact(8, 10, 1, epoch=2),
        fact(9, 10, 3, epoch=2**255),
        fact(10, 10, 3, OTHER, epoch=1),
    )
    assert told((await ask(database)).items) == [
        ("lock", 11, 1, 5),
        ("withdrawal", 10, 3, 9),
        ("withdrawal", 10, 1, 8),
        ("unlock", 10, 1, 4),
        ("lock", 10, 10**20, 2),
        ("lock", 10, 9, 3),
        ("lock", 10, 9, 1),
        ("unlock", 9, 2**255, 6),
    ]
    assert [i.timestamp for i in (await ask(database, until=10)).items] == ["10"] * 6 + ["9"]
    assert (await ask(database, until=8)).items == []


async def test_history__of_streams__is_that_of_their_recipient_whoever_was_paid(database):
    await store(database, deposit_facts, deposit("Locked", 1, 20, 7))
    await store(database, sablier_streams, stream(1), stream(2, OTHER), stream(3, PAYEE))
    await store(
        database,
        sablier_actions,
        action(1, 0, "Create", 10, 500, None),
        action(1, 1, "Withdraw", 20, None, 30),
        action(1, 2, "Cancel", 30, 400, 70),
        action(2, 0, "Create", 10, 1, None),
        action(3, 0, "Create", 10, 2, None),
    )
    assert told((await ask(database)).items) == [
        ("unlock", 30, 400, 1002),
        ("unlock", 20, 30, 1001),
        ("lock", 20, 7, 1),
        ("lock", 10, 500, 1000),
    ]
    assert told((await ask(database, until=19)).items) == [("lock", 10, 500, 1000)]
    without = await ask(database, streams=False)
    assert told(without.items) == [("lock", 20, 7, 1)]


async def test_pages__of_any_size__are_the_whole_history_once(database):
    dice = random.Random(1)
    expected, deposits, payments, actions = [], [], [], []
    for number in range(1, 501):
        second = dice.choice((10, 11, 12, dice.randrange(10, 100)))
        amount = dice.choice((1, 2, 9, 10, 10**21))
        kind = dice.choice(("lock", "unlock", "withdrawal", "stream"))
        transaction = number
        if kind == "withdrawal":
            payments.append(fact(number, second, amount, epoch=1))
        elif kind == "stream":
            kind, category = dice.choice((("lock", "Create"), ("unlock", "Cancel")))
            actions.append(action(1, number, category, second, amount, 10**30))
            transaction = 1000 + number
        else:
            deposits.append(deposit(kind.capitalize() + "ed", number, second, amount))
        expected.append((kind, second, amount, transaction))
    await store(database, deposit_facts, *deposits)
    await store(database, withdrawals, *payments)
    await store(database, sablier_streams, stream(1))
    await store(database, sablier_actions, *actions)
    expected.sort(key=lambda one: (one[1], one[0], one[2], one[3].to_bytes(32)), reverse=True)
    for limit in (1, 2, 7, 100, 499, 500, 501):
        assert told(await walk(database, limit)) == expected, limit
    upto = [one for one in expected if one[1] <= 11]
    assert told(await walk(database, 13, until=11)) == upto


async def test_skip_and_counts__of_a_user__are_those_of_the_same_order(database):
    seconds = [12, 12, 12, 11, 10, 10]
    deposits = [deposit("Locked", n, second, n) for n, second in enumerate(seconds, start=1)]
    await store(database, deposit_facts, *deposits, deposit("Locked", 99, 12, 1, OTHER))
    await store(database, withdrawals, fact(7, 12, 5, epoch=1), fact(8, 9, 5, epoch=1))
    await store(database, sablier_streams, stream(1))
    await store(database, sablier_actions, action(1, 0, "Create", 12, 3, None))
    everything = told((await ask(database)).items)
    for skip in range(12):
        page = await ask(database, skip=skip, until=12)
        assert told(page.items) == everything[skip:]
    answer = await history_counts(database, HistoryCountsRequest(user=ME, until=11), streams=True)
    assert [(c.timestamp, c.type, c.count) for c in answer.counts] == [
        (11, "lock", 1),
        (10, "lock", 2),
        (9, "withdrawal", 1),
    ]
    for streams, locks in ((True, 4), (False, 3)):
        request = HistoryCountsRequest(user=ME, until=12)
        answer = await history_counts(database, request, streams=streams)
        first, second, *_ = answer.counts
        assert (first.timestamp, first.type, first.count) == (12, "withdrawal", 1)
        assert (second.timestamp, second.type, second.count) == (12, "lock", locks)


async def test_counts__of_many_seconds__are_the_newest_of_them(database):
    facts = [deposit("Locked", n, n, 1) for n in range(1, PAGE + 11)]
    await store(database, deposit_facts, *facts)
    request = HistoryCountsRequest(user=ME, until=10**9)
    answer = await history_counts(database, request, streams=False)
    assert [c.timestamp for c in answer.counts] == list(range(PAGE + 10, 10, -1))


async def test_page__of_identical_facts__shows_every_one_of_them_once(database):
    same = [deposit("Locked", 5, 10, 2**256) | {"log_index": index} for index in range(1200)]
    await store(database, deposit_facts, *same)
    assert len(await walk(database, 5000)) == 1200
    assert len(await walk(database, 7)) == 1200
    page = await ask(database, 5000)
    assert len(page.items) == MOST
    assert page.following is not None
    assert len(encode(page)) < 256 * 1024


async def test_page__that_ends_with_the_last_item__says_so(database):
    await store(database, deposit_facts, *(deposit("Locked", n, n, 1) for n in range(1, 4)))
    assert [(await ask(database, limit)).following is None for limit in (2, 3, 4)] == [
        False,
        True,
        True,
    ]
    assert (await history(database, HistoryRequest(user=OTHER, limit=9), streams=True)).items == []
