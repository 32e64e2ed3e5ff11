"""J13, J15, J16, J22 as far as they go where no outside system is: no score provider, no Safe
service, no Sablier. What we know ourselves is told; the rest is a clear 503 that changes nothing.
"""

from typing import Any

import httpx
import pytest
from e2e import expected
from e2e.client import allocation_body
from faults.support import stored
from octant_devnet.people import Person
from octant_protocol.messages import delegation_text, terms_of_service_text
from octant_protocol.signatures import personal_digest, sign_digest

from journeys.settled import FINAL, OPEN, TIMED_OUT, Settled, address_of

pytestmark = [pytest.mark.xdist_group("settled"), pytest.mark.timeout(180)]

REAL_IP = {"X-Real-IP": "192.0.2.7"}
Told = tuple[int, Any]


def away(response: httpx.Response, system: str) -> bool:
    """Says which outside system is missing, and to try again."""
    text = f"The {system} service does not answer at the moment; try again."
    told = (response.status_code, response.json(), response.headers["Retry-After"])
    return told == (503, {"message": text}, "1")


def sign(person: Person, text: str) -> str:
    return sign_digest(bytes.fromhex(person.key[2:]), personal_digest(text))


def not_found(person: Person) -> Told:
    return 404, {"message": f"User with address {person.address} not found"}


def status_path(person: Person) -> str:
    return f"/user/{person.address}/antisybil-status"


def give_score(settled: Settled, person: Person, score: float) -> None:
    """As a provider would have told it a while ago."""
    settled.execute(
        'INSERT INTO allocations.antisybil_records ("user", score, expires_at, stamps, time) '
        "VALUES ($1, $2, 4102444800, '[]', 1)",
        [[address_of(person), score]],
    )


def test_antisybil__without_a_provider__keeps_what_is_stored(settled: Settled) -> None:
    """J13."""
    stranger, alice, bob = settled.stranger(), settled.on.alice, settled.on.bob
    missing = "GP Stamps not found for user or the user does not exist, try fetching them first"
    for person in (stranger, alice):
        assert settled.told("GET", status_path(person)) == (404, {"message": missing})
    before = stored(settled.on.world)
    assert settled.told("PUT", status_path(stranger)) == not_found(stranger)
    assert away(settled.ask("PUT", status_path(alice)), "score provider")
    assert stored(settled.on.world) == before
    assert settled.told("GET", status_path(alice)) == (404, {"message": missing})

    give_score(settled, bob, 22.5)
    known = {
        "status": "Known", "score": "22.5", "expiresAt": "4102444800", "isOnTimeOutList": False,
    }  # fmt: skip
    fresh = settled.ask("GET", status_path(bob))
    assert (fresh.status_code, fresh.json()) == (200, known)
    assert "X-Octant-Stale" not in fresh.headers
    assert away(settled.ask("PUT", status_path(bob)), "score provider")
    kept = settled.ask("GET", status_path(bob))
    assert (kept.status_code, kept.json()) == (200, known)
    assert int(kept.headers["X-Octant-Stale"]) >= 0
    high = {"uniquenessQuotient": "1.0"}
    assert settled.told("GET", f"/user/{bob.address}/uq/{OPEN}") == (200, high)


def test_antisybil__of_who_is_in_time_out__counts_for_nothing(settled: Settled) -> None:
    """J13."""
    give_score(settled, TIMED_OUT, 99.0)
    status, told = settled.told("GET", status_path(TIMED_OUT))
    assert (status, told["score"], told["isOnTimeOutList"]) == (200, "0.0", True)
    nothing = {"uniquenessQuotient": "0.0"}
    assert settled.told("GET", f"/user/{TIMED_OUT.address}/uq/{OPEN}") == (200, nothing)


class Pair:
    """Two people about to delegate."""

    def __init__(self, settled: Settled, primary: Person, secondary: Person) -> None:
        self.settled, self.primary, self.secondary = settled, primary, secondary
        text = delegation_text(address_of(primary), address_of(secondary))
        self.body = {
            "primaryAddr": primary.address,
            "secondaryAddr": secondary.address,
            "primaryAddrSignature": sign(primary, text),
            "secondaryAddrSignature": sign(secondary, text),
        }

    def delegate(self, **changes: str) -> Told:
        return self.settled.told("POST", "/delegation/delegate", json=self.body | changes)


def refused(text: str) -> Told:
    return 400, {"message": text}


def invalid(signature: str, person: Person) -> Told:
    return refused(f"Given signature {signature} is invalid or does not belong to {person.address}")


def test_delegation__up_to_the_score__is_judged_by_what_we_know(settled: Settled) -> None:
    """J15: steps 1, 2, 5 without a delegation, 7, 9 and 10; then the score would be asked for."""
    alice, bob, one, other = (
        settled.on.alice, settled.on.bob, settled.stranger(), settled.stranger(),
    )  # fmt: skip
    before = stored(settled.on.world)
    wrong_number = refused("Please specify at least 2 and not more than 10 addresses")
    for addresses in ([alice], [settled.stranger() for _ in range(11)]):
        path = "/delegation/check/" + ",".join(person.address for person in addresses)
        assert settled.told("GET", path) == wrong_number
    none = refused("Delegation does not exists")
    check = f"/delegation/check/{one.address},{other.address}"
    assert settled.told("GET", check) == none

    pair = Pair(settled, alice, one)
    assert settled.told("PUT", "/delegation/recalculate", json=pair.body) == none
    by_alice, by_one = (pair.body[f"{who}AddrSignature"] for who in ("primary", "secondary"))
    assert pair.delegate(
        primaryAddrSignature=by_one, secondaryAddrSignature=by_alice
    ) == invalid(by_one, alice)  # fmt: skip
    by_other = sign(other, delegation_text(address_of(alice), address_of(one)))
    assert pair.delegate(secondaryAddrSignature=by_other) == invalid(by_other, one)
    assert pair.delegate(primaryAddrSignature="0x12") == invalid("0x12", alice)
    # What both signed was the other way round.
    turned = {"primaryAddr": one.address, "secondaryAddr": alice.address}
    assert pair.delegate(**turned) == invalid(by_alice, one)

    assert Pair(settled, alice, alice).delegate() == refused("Invalid delegation request")
    assert Pair(settled, alice, TIMED_OUT).delegate() == refused("Invalid delegation request")
    assert Pair(settled, one, other).delegate() == not_found(one)
    locking = refused("Secondary address cannot lock any GLMs")
    assert Pair(settled, alice, bob).delegate() == locking
    # All that we know allows it, the locked GLM of the primary too.
    response = settled.ask("POST", "/delegation/delegate", json=pair.body)
    assert away(response, "score provider")
    assert settled.told("GET", f"/delegation/check/{alice.address},{one.address}") == none
    assert stored(settled.on.world) == before


def test_multisig__without_a_safe_service__registers_nothing(settled: Settled) -> None:
    """J16."""
    on, safe, alice = settled.on, settled.stranger(), settled.on.alice
    before = stored(on.world)

    def pending(person: Person, kind: str) -> str:
        return f"/multisig-signatures/pending/{person.address}/type/{kind}"

    def post(person: Person, kind: str, message: object, ip: dict[str, str] = REAL_IP) -> Told:
        return settled.told("POST", pending(person, kind), json={"message": message}, headers=ip)

    def gift(person: Person, amount: int, nonce: int) -> dict[str, Any]:
        body = allocation_body(person, [(on.projects[0], amount)], nonce)
        return {key: body[key] for key in ("payload", "isManuallyEdited")}

    nobody = 200, {"message": None, "hash": None}
    for kind in ("tos", "allocation"):
        assert settled.told("GET", pending(safe, kind)) == nobody
    terms = terms_of_service_text(address_of(safe))
    assert post(safe, "tos", terms, {}) == refused("X-Real-IP header is missing")
    failed = refused("Given multisig signature request failed validation")
    for message in ("I agree", terms_of_service_text(address_of(alice)), gift(safe, 1, 0)):
        assert post(safe, "tos", message) == failed
    assert post(safe, "allocation", terms) == failed
    assert post(safe, "allocation", gift(safe, 1, 0)) == (
        404, {"message": f"User {safe.address} does not have a budget for epoch {OPEN}"},
    )  # fmt: skip
    nonce = on.gateway.nonce(alice)
    assert post(alice, "allocation", gift(alice, 1, nonce + 1)) == refused(
        f"Attempt to use wrong value of nonce ({nonce + 1} instead of {nonce}) "
        "when signing allocations"
    )
    assert post(alice, "allocation", gift(alice, 2**200, nonce)) == refused(
        "You cannot allocate more funds than your rewards budget."
    )
    for person, kind, message in (
        (safe, "tos", terms),
        (alice, "allocation", gift(alice, 1, nonce)),
    ):
        body = {"message": message}
        response = settled.ask("POST", pending(person, kind), json=body, headers=REAL_IP)
        assert away(response, "Safe transaction")
        assert settled.told("GET", pending(person, kind)) == nobody
    assert settled.told("PATCH", "/multisig-signatures/pending/approve") == (204, None)
    assert settled.told("GET", f"/user/{safe.address}/tos") == (200, {"accepted": False})
    assert stored(on.world) == before


def test_streams__switched_off__are_none_and_leave_deposits_alone(settled: Settled) -> None:
    """J22."""
    on = settled.on
    for who in ("all", on.alice.address, settled.stranger().address):
        path = "/user/sablier-streams/all" if who == "all" else f"/user/{who}/sablier-streams"
        assert settled.told("GET", path) == (200, {"sablierStreams": []})
    wanted = expected.deposits(on.chain, on.deployment, FINAL)
    assert {bytes(user) for user in wanted} == {
        address_of(person) for person in (on.alice, on.bob, on.carol)
    }
    for person in (on.alice, on.bob, on.carol):
        told = on.get(f"/deposits/users/{person.address}/{FINAL}")["effectiveDeposit"]
        assert told == str(wanted[address_of(person)].effective)
