"""Patrons of an epoch and stored uniqueness quotients: in their order, page by page."""

from decimal import Decimal

import pytest
from octant_contracts.calls import (
    PATRONS,
    QUOTIENTS,
    PatronsRequest,
    Quotients,
    QuotientsRequest,
)
from octant_contracts.values import Address
from sqlalchemy import text

from .world import (
    BUDGET,
    CLOSES,
    DECISION_WINDOW,
    EPOCH,
    NOW,
    epoch_started,
    head_at,
    person,
)

PEOPLE = [person(n) for n in range(1, 7)]
P = [Address(bytes([n]) * 20) for n in range(1, 4)]


async def patrons(world, epoch: int = EPOCH) -> list[Address]:
    return (await world.caller.ask(PATRONS, PatronsRequest(epoch=epoch))).patrons


async def quotients(world, epoch: int = EPOCH) -> list[tuple[Address, str]]:
    found: Quotients = await world.caller.ask(QUOTIENTS, QuotientsRequest(epoch=epoch))
    assert found.next_cursor is None
    return [(row.user_address, str(row.uniqueness_quotient)) for row in found.uqs_info]


@pytest.mark.proves("GET /user/patrons/{epoch_number}")
@pytest.mark.proves("GET /user/patrons/{epoch_number}", "EpochNotIndexed")
async def test_patrons__of_an_epoch__are_those_with_a_budget_by_their_text(world):
    funded, penniless = PEOPLE[:4], PEOPLE[4]
    for epoch in (EPOCH, -1, 2**31, 2**40):
        assert await world.told(PATRONS, PatronsRequest(epoch=epoch)) == (
            f"400 Epoch {epoch} has not yet been indexed in the Graph."
        )
    await world.open_window({p.address: BUDGET for p in funded} | {penniless.address: 0}, P)
    assert await patrons(world) == []
    for someone in (*funded, penniless, PEOPLE[5]):
        assert await world.set_patron_mode(someone.patron_mode(True)) is True
    texts = sorted(p.address.text for p in funded)
    assert [p.text for p in await patrons(world)] == texts
    assert await world.set_patron_mode(funded[0].patron_mode(False)) is False
    left = sorted(p.address.text for p in funded[1:])
    assert [p.text for p in await patrons(world)] == left
    # What comes after the epoch is decided, or after its seal, is of the next one.
    await world.close_window()
    assert await world.set_patron_mode(funded[1].patron_mode(False)) is False
    assert [p.text for p in await patrons(world)] == left
    await world.announce(epoch_started(2, 2000, 3000, DECISION_WINDOW), head_at(CLOSES + 1))
    assert await world.set_patron_mode(funded[2].patron_mode(False)) is False
    assert [p.text for p in await patrons(world)] == left
    assert await patrons(world, 2) == []  # no budgets yet


async def test_patrons__of_more_than_a_page__are_shown_as_they_were_at_the_first(world):
    many = {Address(n.to_bytes(20, "big")): 1 for n in range(1, 2203)}
    await world.open_window(many, P)
    async with world.database.transaction("test") as connection:
        await connection.execute(
            text(
                'INSERT INTO patron_events (sequence, "user", enabled, time)'
                " SELECT nextval('allocation_sequence'), \"user\", true, :now FROM budgets"
            ),
            {"now": NOW},
        )
    first = await world.caller.ask(PATRONS, PatronsRequest(epoch=EPOCH))
    async with world.database.transaction("test") as connection:
        await connection.execute(
            text(
                'INSERT INTO patron_events (sequence, "user", enabled, time)'
                " SELECT nextval('allocation_sequence'), \"user\", false, :now FROM budgets"
            ),
            {"now": NOW},
        )
    pages = [first]
    while pages[-1].next_cursor is not None:
        request = PatronsRequest(epoch=EPOCH, cursor=pages[-1].next_cursor, as_of=first.as_of)
        pages.append(await world.caller.ask(PATRONS, request))
    assert [len(page.patrons) for page in pages] == [1000, 1000, 202]
    found = [patron.text for page in pages for patron in page.patrons]
    assert found == sorted(user.text for user in many)
    assert found != [user.text for user in sorted(many)], "an order of text, not of bytes"


@pytest.mark.proves("GET /user/uq/{epoch_number}/all")
async def test_quotients__of_an_epoch__are_those_who_allocated_in_their_order(world):
    people = [PEOPLE[n] for n in (3, 0, 2, 1)]
    await world.open_window({p.address: BUDGET for p in people}, P)
    assert await quotients(world) == []
    for nonce in (0, 1):
        for someone in people:
            assert await world.allocate(someone.allocation([(P[0], 1)], nonce)) is None
    expected = [(p.address, "0.01") for p in people]
    assert await quotients(world) == expected
    body = {"epoch": EPOCH, "user": people[1].address.text, "score": "1.0"}
    body |= {"who": "Olga", "why": "known"}
    assert (await world.operate(body)).status_code == 200
    assert (await world.operate(body | {"user": PEOPLE[5].address.text})).status_code == 200
    expected[1] = (people[1].address, "1.0")
    assert await quotients(world) == [*expected, (PEOPLE[5].address, "1.0")]
    for epoch in (0, 2, -1, 2**31, 2**70):
        assert await quotients(world, epoch) == []


async def test_quotients__of_more_than_a_page__are_each_there_once(world):
    async with world.database.transaction("test") as connection:
        await connection.execute(
            text(
                "INSERT INTO uniqueness_quotients"
                " SELECT 1, decode(lpad(to_hex(n), 40, '0'), 'hex'), 0.2, 3 * n"
                " FROM generate_series(2500, 1, -1) n"
            )
        )
    pages = [await world.caller.ask(QUOTIENTS, QuotientsRequest(epoch=1))]
    async with world.database.transaction("test") as connection:
        await connection.execute(
            text(
                "INSERT INTO uniqueness_quotients"
                " SELECT 1, decode(lpad(to_hex(n), 40, '1'), 'hex'), 0.2, 9000 + n"
                " FROM generate_series(1, 10) n"
            )
        )
    while pages[-1].next_cursor is not None:
        request = QuotientsRequest(epoch=1, cursor=pages[-1].next_cursor, as_of=pages[0].as_of)
        pages.append(await world.caller.ask(QUOTIENTS, request))
    rows = [row for page in pages for row in page.uqs_info]
    assert [row.user_address for row in rows] == [
        Address(n.to_bytes(20, "big")) for n in range(1, 2501)
    ]
    assert {row.uniqueness_quotient for row in rows} == {Decimal("0.2")}
