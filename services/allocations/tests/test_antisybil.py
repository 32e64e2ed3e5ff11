"""Antisybil records: refreshed from the provider, shown, and weighing allocations."""

import asyncio
from decimal import Decimal

import pytest
from octant_allocations.antisybil import lists, repository
from octant_allocations.antisybil.model import make_record
from octant_allocations.antisybil.service import Refresher
from octant_allocations.consents.known import KnownUsers
from octant_allocations.settings import Settings
from octant_contracts.calls import (
    ALLOCATION_TERMS,
    ANTISYBIL_STATUS,
    REFRESH_ANTISYBIL,
    UNIQUENESS_QUOTIENT,
    AntisybilStatus,
    OfUser,
    OfUserEpoch,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import Allocated
from octant_contracts.values import Address
from sqlalchemy import text

from .world import BUDGET, EPOCH, NOW, head_at, person

ALICE, BOB = person(1), person(2)
P = [Address(bytes([n]) * 20) for n in range(1, 4)]
TIMEOUT = min(lists.timeouts_of(11155111))
GUEST = min(lists.guests_of(11155111))
LATER = NOW + 1000
NO_STAMPS = "404 GP Stamps not found for user or the user does not exist, try fetching them first"


async def refresh(world, user: Address) -> None:
    await world.caller.ask(REFRESH_ANTISYBIL, OfUser(user))


async def shown(world, user: Address) -> AntisybilStatus:
    return (await world.caller.ask(ANTISYBIL_STATUS, OfUser(user))).status


async def quotient(world, user: Address, epoch: int = EPOCH) -> str:
    answer = await world.caller.ask(UNIQUENESS_QUOTIENT, OfUserEpoch(user, epoch))
    return str(answer.quotient.uniqueness_quotient)


@pytest.mark.proves("GET /user/{user_address}/antisybil-status")
@pytest.mark.proves("GET /user/{user_address}/antisybil-status", "GPStampsNotFound")
@pytest.mark.proves("PUT /user/{user_address}/antisybil-status")
async def test_refresh__of_a_user_with_a_budget__stores_what_the_provider_says(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    assert await world.told(ANTISYBIL_STATUS, OfUser(ALICE.address)) == NO_STAMPS
    world.provider.knows(
        ALICE.address, 16.123456, ("TrustedCitizen", LATER), ("SelfStakingGold", NOW - 1)
    )
    await refresh(world, ALICE.address)
    assert await shown(world, ALICE.address) == AntisybilStatus(
        status="Known", score="12.114456", expires_at=str(LATER), is_on_time_out_list=False
    )
    world.provider.knows(ALICE.address, 7.0)
    await refresh(world, ALICE.address)
    assert await shown(world, ALICE.address) == AntisybilStatus(
        status="Known", score="7.0", expires_at=str(NOW), is_on_time_out_list=False
    )
    assert world.provider.asked == [ALICE.address] * 2
    assert await world.told(ANTISYBIL_STATUS, OfUser(BOB.address)) == NO_STAMPS


async def test_score__of_somebody_in_time_out_or_a_guest__is_nothing_or_21_more(world):
    await world.open_window({TIMEOUT: BUDGET, GUEST: BUDGET}, P)
    world.provider.knows(TIMEOUT, 100.0)
    world.provider.knows(GUEST, 0.0)
    for user in (TIMEOUT, GUEST):
        await refresh(world, user)
    assert (await shown(world, TIMEOUT)).score == "0.0"
    assert (await shown(world, TIMEOUT)).is_on_time_out_list is True
    assert (await shown(world, GUEST)).score == "21.0"
    raw = {bytes(row[1]): row[2] for row in (await world.stored())["antisybil_records"]}
    assert raw == {bytes(TIMEOUT): 0.0, bytes(GUEST): 0.0}


@pytest.mark.proves("PUT /user/{user_address}/antisybil-status", "UserNotFound", "UpstreamTimeout")
async def test_refresh__of_a_stranger__is_refused_before_anybody_is_asked(world):
    await world.announce(head_at(NOW))
    stranger = f"404 User with address {ALICE.address.text} not found"
    assert await world.told(REFRESH_ANTISYBIL, OfUser(ALICE.address)) == stranger
    await world.set_patron_mode(ALICE.patron_mode(True))  # leaves a row, but makes nobody known
    world.deposits.first[ALICE.address] = 1  # settled, but no snapshot was taken
    assert await world.told(REFRESH_ANTISYBIL, OfUser(ALICE.address)) == stranger
    await world.open_window({BOB.address: BUDGET}, P)
    world.deposits.first[ALICE.address] = 2
    assert await world.told(REFRESH_ANTISYBIL, OfUser(ALICE.address)) == stranger
    assert world.provider.asked == []
    world.deposits.first[ALICE.address] = 1  # too small for a budget
    world.provider.knows(ALICE.address, 1.0)
    await refresh(world, ALICE.address)
    world.deposits.trouble = Refusal("ServiceUnavailable", service="epochs")
    assert (await world.told(REFRESH_ANTISYBIL, OfUser(ALICE.address))).startswith("503 ")
    await refresh_of_known(world, BOB.address)


async def refresh_of_known(world, user: Address) -> None:
    """Nobody else is needed for who has a budget."""
    world.provider.knows(user, 1.0)
    await refresh(world, user)


async def test_refresh__that_fails__leaves_the_score_as_it_was_and_says_how_old_it_is(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    world.provider.knows(ALICE.address, 9.0, ("Discord", LATER))
    await refresh(world, ALICE.address)
    answer = await world.caller.ask(ANTISYBIL_STATUS, OfUser(ALICE.address))
    assert answer.stale_for is None
    async with world.database.transaction("test") as connection:
        await connection.execute(
            text("UPDATE antisybil_records SET refreshed_at = now() - interval '100 s'")
        )
    for trouble in (Refusal("UpstreamTimeout"), Refusal("UpstreamTimeout")):
        world.provider.passports[ALICE.address] = trouble
        with pytest.raises(Refusal) as refused:
            await refresh(world, ALICE.address)
        assert refused.value.code == "UpstreamTimeout"
    world.provider.knows(ALICE.address, float("nan"))
    with pytest.raises(Refusal) as refused:
        await refresh(world, ALICE.address)
    assert refused.value.code == "UpstreamTimeout"
    answer = await world.caller.ask(ANTISYBIL_STATUS, OfUser(ALICE.address))
    assert answer.status.score == "9.0"
    assert 100 <= answer.stale_for < 160
    uq = await world.caller.ask(UNIQUENESS_QUOTIENT, OfUserEpoch(ALICE.address, EPOCH))
    assert str(uq.quotient.uniqueness_quotient) == "1.0"
    assert 100 <= uq.stale_for < 160
    world.provider.knows(ALICE.address, 2.0, ("Discord", LATER))
    await refresh(world, ALICE.address)
    answer = await world.caller.ask(ANTISYBIL_STATUS, OfUser(ALICE.address))
    assert (answer.status.score, answer.stale_for) == ("2.0", None)
    await world.announce(head_at(LATER + 1))
    answer = await world.caller.ask(ANTISYBIL_STATUS, OfUser(ALICE.address))
    assert answer.status.score == "2.0"
    assert answer.stale_for is not None


async def test_provider__that_never_answers__is_a_time_out(world):
    await world.open_window({ALICE.address: BUDGET}, P)

    async def never(user: Address) -> None:
        await asyncio.Event().wait()

    world.provider.passport = never
    assert (await world.told(REFRESH_ANTISYBIL, OfUser(ALICE.address))) == (
        "504 Request to an external service failed."
    )


async def test_refresh__within_the_pause__asks_nobody_unless_the_last_one_failed(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    settings = Settings()
    refresher = Refresher(
        world.database,
        world.provider,
        KnownUsers(world.database, world.caller),
        settings.lists,
        settings.salts,
        timeout=1.0,
        pause=60.0,
    )
    world.provider.knows(ALICE.address, 5.0)
    for _ in range(3):
        await refresher.refresh(OfUser(ALICE.address))
    assert len(world.provider.asked) == 1
    async with world.database.transaction("test") as connection:
        await repository.note_failure(connection, ALICE.address)
    world.provider.knows(ALICE.address, 6.0)
    await refresher.refresh(OfUser(ALICE.address))
    assert (await shown(world, ALICE.address)).score == "6.0"
    async with world.database.transaction("test") as connection:
        await connection.execute(
            text("UPDATE antisybil_records SET refreshed_at = now() - interval '61 s'")
        )
    await refresher.refresh(OfUser(ALICE.address))
    assert len(world.provider.asked) == 3


async def test_history__of_a_user__is_bounded(world):
    await world.open_window({ALICE.address: BUDGET, BOB.address: BUDGET}, P)
    for score in range(14):
        for who in (ALICE, BOB):
            async with world.database.transaction("test") as connection:
                record = make_record(float(score), [], NOW)
                await repository.add(connection, who.address, record, NOW)
    rows = (await world.stored())["antisybil_records"]
    for who in (ALICE, BOB):
        scores = [row[2] for row in rows if bytes(row[1]) == bytes(who.address)]
        assert scores == [float(score) for score in range(4, 14)]


@pytest.mark.proves("GET /user/{user_address}/uq/{epoch_number}")
async def test_quotient__of_anybody__follows_from_the_score_until_an_allocation_freezes_it(world):
    users = [ALICE.address, BOB.address, TIMEOUT, GUEST]
    await world.open_window(dict.fromkeys(users, BUDGET), P)
    world.provider.knows(BOB.address, 5.0)
    await refresh(world, BOB.address)
    assert [await quotient(world, user) for user in users] == ["0.01", "1.0", "0.0", "1.0"]
    assert [await quotient(world, ALICE.address, n) for n in (-1, 0, 99, 2**31, 2**63)] == [
        "0.01"
    ] * 5
    assert (await world.stored())["uniqueness_quotients"] == []
    for user, expected in ((ALICE, "0.01"), (BOB, "1.0")):
        terms = await world.caller.ask(ALLOCATION_TERMS, OfUser(user.address))
        assert str(terms.uniqueness_quotient) == expected
        assert await world.allocate(user.allocation([(P[0], 1)], 0)) is None
    assert [e.uniqueness_quotient for e in await world.events(Allocated)] == [
        Decimal("0.01"),
        Decimal("1.0"),
    ]
    # Scores change; what is frozen does not, until another epoch.
    world.provider.knows(ALICE.address, 5.0)
    world.provider.knows(BOB.address, 4.999)
    for user in (ALICE, BOB):
        await refresh(world, user.address)
        assert await world.allocate(user.allocation([(P[1], 2)], 1)) is None
    assert [await quotient(world, u.address) for u in (ALICE, BOB)] == ["0.01", "1.0"]
    assert [await quotient(world, u.address, 2) for u in (ALICE, BOB)] == ["1.0", "0.01"]
    terms = await world.caller.ask(ALLOCATION_TERMS, OfUser(BOB.address))
    assert str(terms.uniqueness_quotient) == "1.0"
    assert [str(e.uniqueness_quotient) for e in await world.events(Allocated)][2:] == [
        "0.01",
        "1.0",
    ]


async def test_quotient__of_stamps_that_count_until_an_hour__changes_with_the_chains_time(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    world.provider.knows(ALICE.address, 6.0, ("TrustedCitizen", NOW + 10))
    await refresh(world, ALICE.address)
    assert await quotient(world, ALICE.address) == "0.01"
    await world.announce(head_at(NOW + 11))
    assert await quotient(world, ALICE.address) == "1.0"
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0)) is None
    (event,) = await world.events(Allocated)
    assert event.uniqueness_quotient == Decimal("1.0")


async def test_frozen_zero__of_somebody_in_time_out__stays(world):
    who = person(7)
    await world.open_window({who.address: BUDGET}, P)
    async with world.database.transaction("test") as connection:
        await connection.execute(
            text("INSERT INTO uniqueness_quotients VALUES (:e, :u, 0.0, 0)"),
            {"e": EPOCH, "u": bytes(who.address)},
        )
    world.provider.knows(who.address, 50.0)
    await refresh(world, who.address)
    assert await quotient(world, who.address) == "0.0"
    assert await world.allocate(who.allocation([(P[0], 1)], 0)) is None
    (event,) = await world.events(Allocated)
    assert event.uniqueness_quotient == 0


async def test_refreshes_and_allocations__of_one_user_at_once__agree_on_one_quotient(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    world.provider.knows(ALICE.address, 50.0)
    await asyncio.gather(
        *(refresh(world, ALICE.address) for _ in range(6)),
        *(world.allocate(ALICE.allocation([(P[0], 1)], nonce)) for nonce in range(3)),
    )
    events = await world.events(Allocated)
    assert len(events) >= 1
    assert {str(e.uniqueness_quotient) for e in events} == {await quotient(world, ALICE.address)}
