"""Streams of GLM: none where they are off, else oldest first."""

import msgspec
import pytest
from octant_chain_sync.streams.service import sablier_streams
from octant_chain_sync.tables import sablier_streams as streams
from octant_chassis.settings import Secret
from octant_contracts.calls import PAGE, SablierStream, StreamsRequest
from octant_contracts.values import Address, Wei
from sqlalchemy import insert

ALICE, BOB = (Address(bytes([n]) * 20) for n in (1, 2))


def row(number: int, created_at: int, recipient: Address = ALICE, **more):
    return {
        "id": f"0xabc-1337-{number}",
        "number": number,
        "created_at": created_at,
        "recipient": recipient,
        "deposit_amount": 500 + number,
        "intact_amount": number,
        "end_time": 1757545931,
        "canceled": False,
        **more,
    }


async def store(database, *rows) -> None:
    async with database.transaction("test") as connection:
        await connection.execute(insert(streams), list(rows))


async def amounts(database, recipient: Address | None = None, *, enabled: bool = True):
    answer = await sablier_streams(database, StreamsRequest(recipient=recipient), enabled=enabled)
    return [stream.amount - 500 for stream in answer.sablier_streams]


async def test_streams__of_one_or_all__are_the_oldest_first(database):
    await store(database, row(10, 5), row(9, 5), row(3, 7, BOB), row(4, 4, BOB, canceled=True))
    assert await amounts(database) == [4, 9, 10, 3]
    assert await amounts(database, ALICE) == [9, 10]
    assert await amounts(database, Address(bytes(20))) == []
    request = StreamsRequest(recipient=BOB)
    answer = await sablier_streams(database, request, enabled=True)
    assert answer.sablier_streams[0] == SablierStream(
        amount=Wei(504),
        date_available_for_withdrawal="1757545931",
        is_cancelled=True,
        remaining_amount=Wei(4),
        recipient_address=BOB,
    )


async def test_streams__where_they_are_off__are_none_whatever_is_stored(database):
    await store(database, row(1, 1))
    assert await amounts(database, enabled=False) == []
    assert await amounts(database, ALICE, enabled=False) == []


async def test_streams__more_than_one_answer_holds__come_in_pages(database):
    await store(database, *(row(n, n) for n in range(PAGE + 5)))
    first = await sablier_streams(database, StreamsRequest(), enabled=True)
    assert (len(first.sablier_streams), first.next_cursor) == (PAGE, PAGE)
    rest = await sablier_streams(database, StreamsRequest(cursor=PAGE), enabled=True)
    assert [s.remaining_amount for s in rest.sablier_streams] == list(range(PAGE, PAGE + 5))
    assert rest.next_cursor is None


@pytest.mark.parametrize(
    ("changes", "on"),
    [
        ({}, False),
        ({"sablier_sepolia_subgraph_url": "http://x"}, True),
        ({"sablier_mainnet_subgraph_url": "http://x"}, False),
        ({"sablier_mainnet_subgraph_url": "http://x", "chain_id": 1}, True),
        ({"sablier_sepolia_subgraph_url": "http://x", "chain_id": 1}, False),
        ({"sablier_sepolia_subgraph_url": "http://x", "env_type": "e2e"}, False),
        ({"sablier_mainnet_subgraph_url": "http://x", "chain_id": 1, "env_type": "e2e"}, False),
        ({"sablier_sepolia_subgraph_url": "http://x", "env_type": "other"}, True),
    ],
)
def test_streams__by_url_chain_and_kind_of_environment__are_on_or_off(settings, changes, on):
    values = {k: Secret(v) if k.endswith("url") else v for k, v in changes.items()}
    assert msgspec.structs.replace(settings, **values).has_streams is on
