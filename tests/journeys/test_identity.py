"""Who somebody is: patron, uniqueness, terms of service."""

from typing import Any

import pytest
from octant_devnet.people import Person
from octant_protocol.address import parse_address
from octant_protocol.messages import patron_mode_text, terms_of_service_text
from octant_protocol.signatures import personal_digest, sign_digest

from journeys.settled import Settled
from journeys.stage import Stage

pytestmark = pytest.mark.timeout(180)


def signed(person: Person, text: str) -> dict[str, str]:
    return {"signature": sign_digest(bytes.fromhex(person.key[2:]), personal_digest(text))}


def patron_mode(person: Person, enable: bool) -> dict[str, str]:
    return signed(person, patron_mode_text(parse_address(person.address), enable))


@pytest.mark.proves("GET /user/{user_address}/patron-mode")
@pytest.mark.proves("PATCH /user/{user_address}/patron-mode", "success", "InvalidSignature")
@pytest.mark.proves("GET /user/patrons/{epoch_number}")
@pytest.mark.proves("POST /allocations/allocate", "NotAllowedInPatronMode")
def test_patron__through_an_epoch__gives_the_whole_budget_to_the_pool(fresh_stage: Stage) -> None:
    """J11."""
    on = fresh_stage
    alice = on.alice.address
    path = f"/user/{alice}/patron-mode"
    enabling, disabling = (patron_mode(on.alice, enable) for enable in (True, False))
    assert on.get(path) == {"status": False}
    assert on.refused("PATCH", path, json=enabling) == (200, {"status": True})
    status, body = on.refused("PATCH", path, json=enabling)
    assert (status, "is invalid or does not belong to" in body["message"]) == (400, True)
    assert on.get("/user/patrons/1") == {"patrons": []}
    assert on.refused("PATCH", path, json=disabling) == (200, {"status": False})
    # Wallets sign deterministically: the same signature must do again.
    assert on.refused("PATCH", path, json=enabling) == (200, {"status": True})
    assert on.refused("PATCH", path, json=disabling) == (200, {"status": False})

    for who in (on.alice, on.bob):
        on.lock(who, 5_000)
    on.to_epoch(2)
    on.take("pending")
    for who in (on.alice, on.bob):
        on.allocate(who, 10**12, on.projects[:2])
    assert on.get(f"/withdrawals/{alice}")[0]["status"] == "pending"
    assert on.refused("PATCH", path, json=enabling) == (200, {"status": True})
    assert on.get(f"/allocations/user/{alice}/epoch/1")["allocations"] == []
    assert on.get("/user/patrons/1") == {"patrons": [alice]}
    assert on.get(f"/withdrawals/{alice}") == []
    body = on.gateway.signed_allocation(on.alice, [(on.projects[0], 1)])
    status, refusal = on.refused("POST", "/allocations/allocate", json=body)
    assert (status, refusal) == (
        403,
        {"message": f"This action is not allowed in patron mode; user address: {alice}"},
    )
    budget = on.get(f"/rewards/budget/{alice}/epoch/1")["budget"]
    assert on.get("/epochs/info/1")["patronsRewards"] == budget
    on.to_epoch(3)
    on.take("finalized")
    assert on.get("/epochs/info/1")["patronsRewards"] == budget
    on.check_invariants(1)
    donation = on.get(f"/history/{alice}")["history"][0]
    bounds = [donation["type"], donation["eventData"]["amount"], donation["eventData"]["epoch"]]
    assert bounds == ["patron_mode_donation", budget, 1]


@pytest.mark.xdist_group("settled")
@pytest.mark.proves("GET /user/{user_address}/tos")
@pytest.mark.proves(
    "POST /user/{user_address}/tos",
    "success", "DuplicateConsent", "XRealIpHeaderMissing", "InvalidSignature",
)  # fmt: skip
def test_terms__accepted_once__stay_accepted(settled: Settled) -> None:
    """J12."""
    on, person, other = settled.on, settled.stranger(), settled.stranger()
    path = f"/user/{person.address}/tos"
    text = terms_of_service_text(parse_address(person.address))
    real_ip = {"X-Real-IP": "192.0.2.7"}

    def post(signer: Person, headers: dict[str, str]) -> tuple[int, Any]:
        return on.refused("POST", path, json=signed(signer, text), headers=headers)

    assert on.get(path) == {"accepted": False}
    assert post(person, {}) == (400, {"message": "X-Real-IP header is missing"})
    status, body = post(other, real_ip)
    assert (status, f"does not belong to {person.address}" in body["message"]) == (400, True)
    assert on.get(path) == {"accepted": False}
    assert post(person, real_ip) == (201, {"accepted": True})
    assert on.get(path) == {"accepted": True}
    again = {"message": f"Given user {person.address} has already accepted the Terms of Service"}
    assert post(person, real_ip) == (400, again)


@pytest.mark.proves("GET /user/{user_address}/uq/{epoch_number}")
@pytest.mark.proves("GET /user/uq/{epoch_number}/all")
def test_uniqueness__of_allocating_users__is_kept_in_their_order(fresh_stage: Stage) -> None:
    """J7, J14."""
    on = fresh_stage
    stranger = f"/user/{on.carol.address}/uq/4"
    assert on.get(stranger) == {"uniquenessQuotient": "0.01"}
    on.to_epoch(4)
    for who in (on.alice, on.bob):
        on.lock(who, 10_000)
    on.to_epoch(5)
    assert on.take("pending") == {"epoch": 4}
    assert on.get("/user/uq/4/all") == {"uqsInfo": []}
    for who in (on.bob, on.alice):
        on.allocate(who, 1_000, on.projects[:3])
    assert on.get(f"/user/{on.alice.address}/uq/4") == {"uniquenessQuotient": "0.01"}
    assert on.get("/user/uq/4/all") == {
        "uqsInfo": [
            {"userAddress": who.address, "uniquenessQuotient": "0.01"} for who in (on.bob, on.alice)
        ]
    }
    assert on.get("/user/uq/3/all") == {"uqsInfo": []}
