"""Score delegation: every check in its order, what is stored, and who may not take part twice."""

import asyncio
import json
from pathlib import Path

import pytest
from octant_allocations.antisybil import lists
from octant_allocations.antisybil.provider import Passport
from octant_allocations.delegation.model import Salts
from octant_contracts.calls import (
    ANTISYBIL_STATUS,
    DELEGATE_SCORE,
    FIND_DELEGATION,
    RECALCULATE_SCORE,
    REFRESH_ANTISYBIL,
    UNIQUENESS_QUOTIENT,
    AmongAddresses,
    DelegateScore,
    DelegationPair,
    OfUser,
    OfUserEpoch,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import ScoreDelegated, WindowClosed, WindowOpened
from octant_contracts.values import Address, encode
from octant_protocol.signatures import personal_digest, sign_digest

from .world import (
    BUDGET,
    CLOSES,
    DECISION_WINDOW,
    EPOCH,
    NOW,
    Person,
    epoch_started,
    head_at,
    person,
)

VECTORS = json.loads((Path(__file__).parents[3] / "tests/vectors/signatures.json").read_text())
ALICE, BOB, CAROL, DAVE = person(1), person(2), person(3), person(4)
TIMEOUT = min(lists.timeouts_of(11155111))
LATER = NOW + 10**6
EXISTS = "400 Delegation already exists"
NONE = "400 Delegation does not exists"
USED = "400 Address is already used for delegation"
AWAY = "504 Request to an external service failed."


def pair(
    primary: Person, secondary: Person, by: tuple[Person, Person] | None = None
) -> DelegateScore:
    text = f"Delegation of UQ score from {secondary.address.text} to {primary.address.text}"
    first, second = (sign_digest(p.key, personal_digest(text)) for p in by or (primary, secondary))
    return DelegateScore(
        primary=primary.address,
        secondary=secondary.address,
        primary_signature=first,
        secondary_signature=second,
    )


def names(primary: Person, secondary: Person) -> DelegationPair:
    return DelegationPair(primary=primary.address, secondary=secondary.address)


async def delegate(world, primary: Person, secondary: Person) -> None:
    await world.caller.ask(DELEGATE_SCORE, pair(primary, secondary))


async def ready(world, *users: Person) -> None:
    """The window is open and the users have budgets; Bob and Dave have scores to give."""
    await world.open_window({u.address: BUDGET for u in users or (ALICE,)}, [])
    for giver in (BOB, DAVE):
        world.provider.knows(giver.address, 20.5, ("TrustedCitizen", LATER))


@pytest.mark.proves(
    "POST /delegation/delegate",
    "InvalidSignature",
    "InvalidDelegationRequest",
    "DelegationAlreadyExists",
    "UserNotFound",
    "UpstreamTimeout",
    "AntisybilScoreTooLow",
    "EpochNotIndexed",
    "InvalidDelegationForLockingAddress",
)
async def test_refusals__come_in_the_order_of_the_checks(world):
    await ready(world)
    world.deposits.until_now[BOB.address] = 100 * 10**18
    swapped = pair(CAROL, BOB, by=(BOB, CAROL))
    assert await world.told(DELEGATE_SCORE, swapped) == (
        f"400 Given signature {swapped.primary_signature} is invalid "
        f"or does not belong to {CAROL.address.text}"
    )
    half = pair(CAROL, BOB, by=(CAROL, CAROL))
    assert await world.told(DELEGATE_SCORE, half) == (
        f"400 Given signature {half.secondary_signature} is invalid "
        f"or does not belong to {BOB.address.text}"
    )
    world.wallet_answer = True  # signatures are fine from here on
    timed_out = DelegateScore(
        primary=CAROL.address,
        secondary=TIMEOUT,
        primary_signature="0x",
        secondary_signature="0x",
    )
    for request in (timed_out, pair(CAROL, CAROL)):
        assert await world.told(DELEGATE_SCORE, request) == "400 Invalid delegation request"
    await delegate(world, ALICE, DAVE)
    for request in (pair(ALICE, BOB), pair(CAROL, DAVE), pair(CAROL, ALICE), pair(DAVE, BOB)):
        assert await world.told(DELEGATE_SCORE, request) == EXISTS
    assert await world.told(DELEGATE_SCORE, pair(CAROL, BOB)) == (
        f"404 User with address {CAROL.address.text} not found"
    )
    assert world.provider.asked == [DAVE.address], "outsiders are asked last"
    world.deposits.first[CAROL.address] = EPOCH
    # The score before the deposit; of both being wrong without a score, the deposit is known.
    locking = "400 Secondary address cannot lock any GLMs"
    world.provider.passports[BOB.address] = Refusal("UpstreamTimeout")
    assert await world.told(DELEGATE_SCORE, pair(CAROL, BOB)) == locking
    world.provider.knows(BOB.address, 14.99, ("SelfStakingGold", LATER))
    assert await world.told(DELEGATE_SCORE, pair(CAROL, BOB)) == (
        "400 Antisybil score 14.99 is lower then 15"
    )
    world.provider.knows(BOB.address, 15.0, ("SelfStakingGold", LATER))
    assert await world.told(DELEGATE_SCORE, pair(CAROL, BOB)) == locking
    world.deposits.trouble = Refusal("EpochNotIndexed", epoch=2)
    await make_known(world, CAROL)
    assert await world.told(DELEGATE_SCORE, pair(CAROL, BOB)) == (
        "400 Epoch 2 has not yet been indexed in the Graph."
    )
    world.deposits.trouble = None
    world.deposits.until_now[BOB.address] = 0
    world.provider.passports[BOB.address] = Refusal("UpstreamTimeout")
    assert await world.told(DELEGATE_SCORE, pair(CAROL, BOB)) == AWAY
    world.provider.knows(BOB.address, 15.0, ("SelfStakingGold", LATER))
    await delegate(world, CAROL, BOB)


async def make_known(world, who: Person) -> None:
    from .test_consents import ACCEPT_TERMS, signed

    await world.caller.ask(ACCEPT_TERMS, signed(who))


@pytest.mark.proves("POST /delegation/delegate")
@pytest.mark.proves("GET /delegation/check/{user_addresses}")
@pytest.mark.proves("GET /delegation/check/{user_addresses}", "DelegationDoesNotExist")
@pytest.mark.proves(
    "PUT /delegation/recalculate", "DelegationDoesNotExist", "InvalidRecalculationRequest"
)
@pytest.mark.proves("PUT /user/{user_address}/antisybil-status", "AddressAlreadyDelegated")
async def test_delegation__of_a_pair__moves_the_score_and_can_be_found_by_who_knows_both(world):
    await ready(world)
    assert await world.told(RECALCULATE_SCORE, names(ALICE, BOB)) == NONE
    everybody = AmongAddresses([CAROL.address, BOB.address, ALICE.address])
    assert await world.told(FIND_DELEGATION, everybody) == NONE
    await delegate(world, ALICE, BOB)
    assert await world.events() == [ScoreDelegated(user=ALICE.address, time=NOW)]
    shown = await world.caller.ask(ANTISYBIL_STATUS, OfUser(ALICE.address))
    assert (shown.status.score, shown.status.expires_at) == ("16.491", str(LATER))
    uq = await world.caller.ask(UNIQUENESS_QUOTIENT, OfUserEpoch(ALICE.address, EPOCH))
    assert str(uq.quotient.uniqueness_quotient) == "1.0"
    for among in ([BOB, ALICE], [ALICE, BOB], [CAROL, BOB, DAVE, ALICE]):
        request = AmongAddresses([p.address for p in among])
        assert await world.caller.ask(FIND_DELEGATION, request) == names(ALICE, BOB)
    assert await world.told(FIND_DELEGATION, AmongAddresses([CAROL.address, BOB.address])) == NONE
    assert await world.told(RECALCULATE_SCORE, names(ALICE, BOB)) == (
        "400 Invalid recalculation request"
    )
    assert await world.told(RECALCULATE_SCORE, names(BOB, ALICE)) == NONE
    assert await world.told(DELEGATE_SCORE, pair(ALICE, BOB)) == EXISTS
    for user in (ALICE, BOB):
        assert await world.told(REFRESH_ANTISYBIL, OfUser(user.address)) == USED


async def test_stored_delegation__of_any_pair__is_hashes_and_names_nobody_else(world):
    await ready(world)
    await delegate(world, ALICE, BOB)
    stored = await world.stored()
    expected = Salts("salt_primary", "salt").hashes(ALICE.address, BOB.address)
    assert {(row[2], row[1]) for row in stored["delegations"]} == {
        ("primary", expected.primary),
        ("secondary", expected.secondary),
        ("both", expected.both),
    }
    assert BOB.address.text.encode() not in b"".join(encode(e) for e in await world.events())
    assert [bytes(row[1]) for row in stored["antisybil_records"]] == [bytes(ALICE.address)]


@pytest.mark.parametrize("case", VECTORS["delegation_signatures"], ids=lambda case: case["id"])
async def test_delegation__signed_as_the_golden_cases_are__is_granted(world, case):
    primary, secondary = (Address.parse(case[f"{n}Addr"]) for n in ("primary", "secondary"))
    await world.open_window({primary: BUDGET}, [])
    world.provider.knows(secondary, 15.0)
    await world.caller.ask(
        DELEGATE_SCORE,
        DelegateScore(
            primary=primary,
            secondary=secondary,
            primary_signature=case["primaryAddrSignature"],
            secondary_signature=case["secondaryAddrSignature"],
        ),
    )
    assert await world.events() == [ScoreDelegated(user=primary, time=NOW)]


def test_hashes__of_the_golden_cases__are_found_by_their_pair():
    for case in VECTORS["delegation_hashes"]:
        salts = Salts(case["delegation_salt_primary"], case["delegation_salt"])
        primary, secondary = Address.parse(case["primary"]), Address.parse(case["secondary"])
        assert salts.of_one(primary)[0] == case["primary_hash"]
        assert salts.of_one(secondary)[1] == case["secondary_hash"]
        if primary != secondary:
            assert salts.of_pairs([secondary, primary])[case["both_hash"]] == (primary, secondary)


async def test_delegations__of_one_secondary_at_once__end_in_one(world):
    await ready(world, ALICE, CAROL)
    gate = asyncio.Event()
    passport = world.provider.passports[BOB.address]
    waiting = 0

    async def all_at_once(user: Address) -> Passport:
        nonlocal waiting
        waiting += 1
        if waiting == 4:
            gate.set()
        await gate.wait()
        return passport

    world.provider.passport = all_at_once
    answers = await asyncio.gather(
        *(delegate(world, primary, BOB) for primary in (ALICE, CAROL, ALICE, CAROL)),
        return_exceptions=True,
    )
    assert [a.code for a in answers if isinstance(a, Refusal)] == ["DelegationAlreadyExists"] * 3
    assert len(await world.events(ScoreDelegated)) == 1
    assert len((await world.stored())["delegations"]) == 3


async def test_delegation_and_swapped_roles__at_once__end_in_one(world):
    await ready(world, ALICE, BOB)
    world.provider.knows(ALICE.address, 16.0)
    gate = asyncio.Event()
    passports = dict(world.provider.passports)
    waiting = 0

    async def both_at_once(user: Address) -> Passport:
        nonlocal waiting
        waiting += 1
        if waiting == 2:
            gate.set()
        await gate.wait()
        return passports[user]

    world.provider.passport = both_at_once
    answers = await asyncio.gather(
        delegate(world, ALICE, BOB), delegate(world, BOB, ALICE), return_exceptions=True
    )
    assert [a.code for a in answers if isinstance(a, Refusal)] == ["DelegationAlreadyExists"]


async def test_refresh__that_meets_a_delegation__does_not_replace_its_score(world):
    await ready(world)
    passport = world.provider.passports[BOB.address]

    async def delegated_meanwhile(user: Address) -> Passport:
        if user == ALICE.address:
            await delegate(world, ALICE, BOB)
            return Passport(1.0, [])
        return passport

    world.provider.passport = delegated_meanwhile
    with pytest.raises(Refusal) as refused:
        await world.caller.ask(REFRESH_ANTISYBIL, OfUser(ALICE.address))
    assert refused.value.code == "AddressAlreadyDelegated"
    shown = await world.caller.ask(ANTISYBIL_STATUS, OfUser(ALICE.address))
    assert shown.status.score == "16.491"


async def test_delegation__when_its_window_has_closed__counts_no_more_and_can_be_renewed(world):
    await ready(world, ALICE, CAROL)
    world.provider.knows(ALICE.address, 1.0)
    await world.caller.ask(REFRESH_ANTISYBIL, OfUser(ALICE.address))
    await delegate(world, ALICE, BOB)
    await world.announce(
        epoch_started(2, 2000, 3000, DECISION_WINDOW),
        WindowClosed(epoch=EPOCH, closes_at=CLOSES),
        head_at(CLOSES + 1),
    )
    shown = await world.caller.ask(ANTISYBIL_STATUS, OfUser(ALICE.address))
    assert shown.status.score == "1.0", "the user's own score counts again"
    both = AmongAddresses([ALICE.address, BOB.address])
    assert await world.told(FIND_DELEGATION, both) == NONE
    await world.caller.ask(REFRESH_ANTISYBIL, OfUser(ALICE.address))
    world.provider.knows(BOB.address, 30.0)
    await delegate(world, ALICE, BOB)  # the same signatures
    await world.announce(
        head_at(3001), WindowOpened(epoch=2, opens_at=3000, closes_at=3000 + DECISION_WINDOW)
    )
    assert await world.caller.ask(FIND_DELEGATION, both) == names(ALICE, BOB)
    for epoch, expected in ((2, "1.0"), (3, "0.01")):
        uq = await world.caller.ask(UNIQUENESS_QUOTIENT, OfUserEpoch(ALICE.address, epoch))
        assert str(uq.quotient.uniqueness_quotient) == expected


async def test_delegation__before_the_calendar_is_known__is_not_stored(world):
    await world.announce(head_at(NOW))
    await make_known(world, ALICE)
    world.provider.knows(BOB.address, 20.0)
    assert await world.told(DELEGATE_SCORE, pair(ALICE, BOB)) == (
        "503 The calendar is not loaded yet; try again in a moment."
    )
