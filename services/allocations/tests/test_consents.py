"""Terms of service: accepted once, by whoever signed them, with the IP address kept at home."""

import asyncio
import json
from pathlib import Path

import pytest
from octant_allocations.consents import repository
from octant_contracts.calls import ACCEPT_TERMS, CONSENT, AcceptTerms, OfUser
from octant_contracts.errors import Refusal
from octant_contracts.events import TosAccepted
from octant_contracts.values import Address, encode
from octant_protocol.messages import terms_of_service_text
from octant_protocol.signatures import personal_digest, sign_digest
from sqlalchemy import text

from .world import NOW, Person, head_at, person

VECTORS = json.loads((Path(__file__).parents[3] / "tests/vectors/signatures.json").read_text())
ALICE, BOB = person(1), person(2)
IP = "203.0.113.77"


def signed(who: Person, user: Address | None = None, ip: str = IP) -> AcceptTerms:
    digest = personal_digest(terms_of_service_text(who.address if user is None else user))
    return AcceptTerms(user=user or who.address, signature=sign_digest(who.key, digest), ip=ip)


async def accepted(world, user: Address) -> bool:
    return (await world.caller.ask(CONSENT, OfUser(user))).accepted


@pytest.mark.proves("GET /user/{user_address}/tos")
@pytest.mark.proves("POST /user/{user_address}/tos")
@pytest.mark.parametrize("case", VECTORS["tos"], ids=lambda case: case["id"])
async def test_terms__signed_as_the_golden_cases_are__are_accepted(world, case):
    await world.announce(head_at(NOW))
    user = Address.parse(case["address"])
    assert await accepted(world, user) is False
    request = AcceptTerms(user=user, signature=case["signature"], ip="")
    assert (await world.caller.ask(ACCEPT_TERMS, request)).accepted is True
    assert await accepted(world, user) is True
    assert await world.events() == [TosAccepted(user=user, time=NOW)]
    row = (await world.stored())["consents"][0]
    assert row[:4] == (bytes(user), "", bytes.fromhex(case["digest"][2:]), NOW)


@pytest.mark.proves("POST /user/{user_address}/tos", "DuplicateConsent", "InvalidSignature")
async def test_refusals__in_their_order__leave_nothing_behind(world):
    await world.announce(head_at(NOW))
    bad = AcceptTerms(user=ALICE.address, signature="nonsense", ip=IP)
    invalid = f"400 Given signature nonsense is invalid or does not belong to {ALICE.address.text}"
    assert await world.told(ACCEPT_TERMS, bad) == invalid
    by_bob = signed(BOB, ALICE.address)
    assert (await world.told(ACCEPT_TERMS, by_bob)).startswith("400 Given signature 0x")
    lower = personal_digest(
        terms_of_service_text(ALICE.address).replace(ALICE.address.text, ALICE.address.text.lower())
    )
    in_lower_case = AcceptTerms(user=ALICE.address, signature=sign_digest(ALICE.key, lower), ip=IP)
    assert (await world.told(ACCEPT_TERMS, in_lower_case)).startswith("400 Given signature 0x")
    await world.caller.ask(ACCEPT_TERMS, signed(ALICE))
    duplicate = f"400 Given user {ALICE.address.text} has already accepted the Terms of Service"
    for request in (bad, by_bob, signed(ALICE)):
        assert await world.told(ACCEPT_TERMS, request) == duplicate


async def test_terms__before_the_first_block__are_not_accepted_yet(world):
    assert await world.told(ACCEPT_TERMS, signed(ALICE)) == (
        "503 The chain is not loaded yet; try again in a moment."
    )


async def test_contract_wallet__that_confirms_the_text__accepts(world):
    await world.announce(head_at(NOW))
    request = AcceptTerms(user=ALICE.address, signature="0xC0ffee", ip=IP)
    world.wallet_answer = Refusal("UpstreamTimeout")
    assert (await world.told(ACCEPT_TERMS, request)).startswith("504 ")
    world.wallet_answer = True
    await world.caller.ask(ACCEPT_TERMS, request)
    assert bytes(world.wallet_questions[-1].digest) == personal_digest(
        terms_of_service_text(ALICE.address)
    )


async def test_acceptances__of_one_user_at_once__end_in_one_consent(world):
    await world.announce(head_at(NOW))
    answers = await asyncio.gather(
        *(world.caller.ask(ACCEPT_TERMS, signed(ALICE)) for _ in range(8)), return_exceptions=True
    )
    codes = [a.code for a in answers if isinstance(a, Refusal)]
    assert codes == ["DuplicateConsent"] * 7
    assert len(await world.events(TosAccepted)) == 1


async def test_ip_address__of_a_consent__stays_in_its_table_until_its_time_is_over(world):
    await world.announce(head_at(NOW))
    await world.caller.ask(ACCEPT_TERMS, signed(ALICE))
    await world.caller.ask(ACCEPT_TERMS, signed(BOB, ip="198.51.100.1"))
    stored = await world.stored()
    assert sorted(row[1] for row in stored["consents"]) == ["198.51.100.1", IP]
    assert not any(IP.encode() in encode(event) for event in await world.events())
    async with world.database.transaction("test") as connection:
        await connection.execute(
            text("UPDATE consents SET accepted_at = now() - interval '31 days' WHERE ip = :ip"),
            {"ip": IP},
        )
        assert await repository.forget_ips(connection, 30.0) == 1
    left = {bytes(row[0]): row[1] for row in (await world.stored())["consents"]}
    assert left == {bytes(ALICE.address): None, bytes(BOB.address): "198.51.100.1"}
