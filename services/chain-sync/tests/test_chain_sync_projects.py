"""The search for projects, and the rows that every installation begins with."""

import json
import time
from pathlib import Path

import pytest
from octant_chain_sync.projects import model
from octant_chain_sync.projects.model import Named
from octant_chain_sync.projects.service import project_details
from octant_chain_sync.tables import epoch_zero_claims
from octant_chain_sync.tables import project_details as names
from octant_contracts.calls import PAGE, ProjectDetailsRequest
from octant_contracts.errors import Refusal
from octant_contracts.values import Address
from octant_devnet import contracts
from sqlalchemy import delete, insert, select

FACTS = json.loads((Path(__file__).parents[3] / "tests" / "vectors" / "seed_data.json").read_text())
AA, BB = (Address(bytes([n]) * 20) for n in (0xAA, 0xBB))
ROWS = [Named("Alpha", AA, 1), Named("Beta", BB, 1), Named("Alpha", AA, 2)]


def found(epochs: list[int], phrases: list[str], rows: list[Named] = ROWS) -> list[str]:
    wanted = [row for row in rows if row.epoch in epochs]
    return [f"{row.name}/{row.epoch}" for row in model.search(wanted, epochs, phrases)]


@pytest.mark.parametrize(
    ("epochs", "phrases", "expected"),
    [
        ([1], [""], ["Alpha/1", "Beta/1"]),
        ([2, 1], ["alpha"], ["Alpha/2", "Alpha/1"]),
        ([1], ["beta", "ALP"], ["Beta/1", "Alpha/1"]),
        ([1], ["0xbb"], ["Beta/1"]),
        ([1], ["al pha"], []),
        ([1, 1], ["a"], ["Alpha/1", "Beta/1"]),
        ([1], ["bet", ""], ["Beta/1", "Alpha/1"]),
        ([1], ["", "bet"], ["Alpha/1", "Beta/1"]),
        ([1], ["  ALPha "], ["Alpha/1"]),
        ([1, 2], ["beta", "alpha"], ["Beta/1", "Alpha/1", "Alpha/2"]),
        ([3], [""], []),
        ([1], ["zz"], []),
        ([1], ["0XAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"], ["Alpha/1"]),
        ([1], ["0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"], []),
        ([], [""], []),
    ],
)
def test_search__of_epochs_and_phrases__is_ordered_by_them(epochs, phrases, expected):
    assert found(epochs, phrases) == expected


def test_search__of_letters_beyond_ascii__ignores_their_case():
    assert found([1], ["ÄPFEL"], [Named("Süße Äpfel", AA, 1)]) == ["Süße Äpfel/1"]


def test_search__with_a_thousand_phrases_in_vain__is_quick():
    rows = [Named(f"Project {n}", Address(n.to_bytes(20)), n % 30) for n in range(900)]
    phrases = [f"{n} nowhere" for n in range(1000)]
    started = time.process_time()
    assert found(list(range(30)), phrases, rows) == []
    assert time.process_time() - started < 2


async def details(database, epochs: list[int], *phrases: str):
    request = ProjectDetailsRequest(epochs=epochs, phrases=list(phrases))
    answer = await project_details(database, request)
    assert answer.next_cursor is None
    return [(row.epoch, row.address.text, row.name) for row in answer.projects_details]


async def test_details__of_a_new_installation__are_the_names_everybody_knows(
    chain, deployment, database, make_indexer
):
    start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
    chain.travel_to(start + 10 * 5000)  # epoch 11
    await make_indexer().poll()
    rows = [(str(epoch), address, name) for epoch, address, name in FACTS["project_details"]]
    assert len(rows) == 273
    assert await details(database, list(range(1, 12)), "") == rows
    assert await details(database, [11], "") == [
        ("11", "0xdddd576bAF106bAAe54bDE40BCac602bB4a7cf79", "Protocol Guild")
    ]
    assert await details(database, [3, 1], "protocol GUILD", "0xdDDd576b") == [
        row for epoch in "31" for row in rows if row[0] == epoch and row[2] == "Protocol Guild"
    ]


async def test_details__of_epochs_that_are_not_yet__are_left_out(chain, database, make_indexer):
    await make_indexer().poll()  # epoch 1: the next one is known already
    everything = await details(database, [3, 2, 1, 0, -1, 11, 2**31 - 1, -(2**31)], "")
    assert [epoch for epoch, _, _ in everything] == ["2"] * 24 + ["1"] * 24
    assert await details(database, [-1, 0, 999], "") == []


async def test_details__before_the_first_look_at_the_chain__are_not_loaded(database):
    with pytest.raises(Refusal) as refused:
        await details(database, [1], "")
    assert refused.value.code == "NotLoadedYet"


async def test_details__of_many_rows__come_in_pages(database, make_indexer):
    await make_indexer().poll()
    addresses = [Address(n.to_bytes(20)) for n in range(1, 2502)]
    async with database.transaction("test") as connection:
        await connection.execute(delete(names))
        rows = [{"address": a, "name": f"P{i}", "epoch": 1} for i, a in enumerate(addresses)]
        await connection.execute(insert(names), rows)
    cursor, told, pages = 0, [], 0
    while cursor is not None:
        request = ProjectDetailsRequest(epochs=[1], phrases=["p"], cursor=cursor)
        page = await project_details(database, request)
        told += [row.address for row in page.projects_details]
        assert len(page.projects_details) <= PAGE
        cursor, pages = page.next_cursor, pages + 1
    assert (told, pages) == (addresses, 3)


async def test_claims__of_a_new_installation__are_open_to_those_everybody_knows(database):
    async with database.engine.connect() as connection:
        rows = (await connection.execute(select(epoch_zero_claims))).all()
        ids = list(await connection.scalars(select(names.c.id).order_by(names.c.id)))
    assert {row.address.text for row in rows} == set(FACTS["epoch_zero_claims"])
    assert len(rows) == 658
    assert {(row.claim_nonce, row.status) for row in rows} == {(None, None)}
    assert ids == list(range(1, 274))
