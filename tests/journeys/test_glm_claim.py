"""J21, the one-time gift of GLM: who may, claims it once, and is queued.

Nothing pays it out: a claim ends as `queued`, with the nonce its payout is to have.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from laws.support import rows
from octant_devnet.people import Person

from journeys.settled import Settled, address_of
from journeys.stage import Stage

pytestmark = [pytest.mark.xdist_group("settled"), pytest.mark.timeout(180)]

GIFT = "1000000000000000000000"


def signed(person: Person) -> dict[str, str]:
    """By an implementation of EIP-712 that is not ours."""
    message = encode_typed_data(
        domain_data={"name": "Octant", "version": "1.0.0", "chainId": 1337},
        message_types={"ClaimGLMPayload": [{"name": "msg", "type": "string"}]},
        message_data={"msg": "Claim 1000 GLMs"},
    )
    return {"signature": Account.sign_message(message, person.key).signature.to_0x_hex()}


def eligible(settled: Settled) -> Person:
    """Somebody on the list of who may claim."""
    person = settled.stranger()
    settled.execute(
        "INSERT INTO chain_sync.epoch_zero_claims (address) VALUES ($1)", [[address_of(person)]]
    )
    return person


def queued(settled: Settled, *claimants: Person) -> list[tuple[int, str]]:
    """(nonce, status) of each, in the order of nonces."""
    found = rows(
        settled.on.world,
        "SELECT claim_nonce, status FROM chain_sync.epoch_zero_claims "
        "WHERE address = ANY($1) ORDER BY 1",
        [address_of(person) for person in claimants],
    )
    return [tuple(row) for row in found]


def test_claim__of_who_may__is_taken_once(settled: Settled) -> None:
    person = eligible(settled)
    check = f"/glms/claim/{person.address}/check"
    assert settled.told("GET", check) == (200, {"address": person.address, "claimable": GIFT})
    assert settled.told("POST", "/glms/claim", json=signed(person)) == (201, None)
    assert settled.told("GET", check) == (200, {"address": person.address, "claimable": "0"})
    again = f"User with address: {person.address} has already claimed GLMs."
    assert settled.told("POST", "/glms/claim", json=signed(person)) == (400, {"message": again})
    ((_, status),) = queued(settled, person)
    assert status == "queued"


def test_claim__of_a_stranger__is_refused(settled: Settled) -> None:
    person = settled.stranger()
    told = 403, {"message": f"User with address: {person.address} is not eligible to claim GLMs."}
    assert settled.told("POST", "/glms/claim", json=signed(person)) == told
    assert settled.told("GET", f"/glms/claim/{person.address}/check") == told
    assert queued(settled, person) == []


def test_claim__malformed__names_nobody(settled: Settled) -> None:
    for signature in ("", "0x12", "zz" * 65, "0x" + "00" * 65):
        text = f"Given signature {signature} is invalid or does not belong to unknown"
        told = settled.told("POST", "/glms/claim", json={"signature": signature})
        assert told == (400, {"message": text})
    assert settled.told("POST", "/glms/claim", json={})[0] == 422


def test_claims__of_two_at_once__are_both_queued_with_nonces_in_a_row(settled: Settled) -> None:
    people = [eligible(settled) for _ in range(2)]
    with ThreadPoolExecutor(len(people)) as pool:
        told = pool.map(lambda p: settled.told("POST", "/glms/claim", json=signed(p)), people)
    assert list(told) == [(201, None)] * 2
    (first, one), (second, other) = queued(settled, *people)
    assert (second - first, one, other) == (1, "queued", "queued")


def test_claim__where_claiming_is_disabled__says_so(fresh_stage: Stage) -> None:
    person = fresh_stage.alice
    told = 403, {"message": "GLM claiming is disabled"}
    assert fresh_stage.refused("POST", "/glms/claim", json=signed(person)) == told
    assert fresh_stage.refused("GET", f"/glms/claim/{person.address}/check") == told
