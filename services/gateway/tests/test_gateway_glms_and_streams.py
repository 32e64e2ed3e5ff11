"""The gift of GLM, and GLM that people receive as streams."""

import pytest
from octant_contracts import calls
from octant_contracts.calls import ClaimableGlm, ClaimGlm, Nothing, OfUser, StreamsRequest
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Wei

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
USER = Address.parse(ALICE)
CLAIM = "POST /glms/claim"
CHECK = "GET /glms/claim/{user_address}/check"
REFUSALS = {
    "GlmClaimDisabled": (403, "GLM claiming is disabled"),
    "NotEligibleToClaimGLM": (403, f"User with address: {ALICE} is not eligible to claim GLMs."),
    "GlmClaimed": (400, f"User with address: {ALICE} has already claimed GLMs."),
}


def stream(amount: int, recipient: str = ALICE) -> calls.SablierStream:
    return calls.SablierStream(
        amount=Wei(amount),
        date_available_for_withdrawal="1757545931",
        is_cancelled=False,
        remaining_amount=Wei(0),
        recipient_address=Address.parse(recipient),
    )


async def test_claim__of_a_signature__is_created_with_an_empty_body(world) -> None:
    world.services.on(calls.CLAIM_GLM, Nothing())
    response = await world.client.post("/glms/claim", json={"signature": "0xabc", "more": 1})
    assert (response.status_code, response.content) == (201, b"null")
    assert world.services.requests(calls.CLAIM_GLM) == [ClaimGlm("0xabc")]


async def test_check__of_a_user__tells_what_can_be_claimed(world) -> None:
    world.services.on(calls.CLAIMABLE_GLM, ClaimableGlm(USER, Wei(10**21)))
    response = await world.get(f"/glms/claim/{ALICE.lower()}/check")
    assert response.status_code == 200
    assert response.json() == {"address": ALICE, "claimable": "1000000000000000000000"}
    assert world.services.requests(calls.CLAIMABLE_GLM) == [OfUser(USER)]


@pytest.mark.parametrize("code", REFUSALS)
async def test_claim_or_check__refused__has_status_and_text(world, code) -> None:
    status, message = REFUSALS[code]
    for call in (calls.CLAIM_GLM, calls.CLAIMABLE_GLM):
        world.services.on(call, Refusal(code, user=ALICE))
    told = [await world.client.post("/glms/claim", json={"signature": "0x"})]
    told += [await world.get(f"/glms/claim/{ALICE}/check")]
    assert [(r.status_code, r.json()) for r in told] == [(status, {"message": message})] * 2


@pytest.mark.proves(CLAIM, "InvalidSignature")
async def test_claim__with_a_malformed_signature__names_nobody(world) -> None:
    def refuse(request: ClaimGlm) -> Refusal:
        return Refusal("InvalidSignature", signature=request.signature, user="unknown")

    world.services.on(calls.CLAIM_GLM, refuse)
    for signature in ("", "0x", "zz", "0x12", "ä{user}"):
        response = await world.client.post("/glms/claim", json={"signature": signature})
        assert response.status_code == 400
        assert response.json() == {
            "message": f"Given signature {signature} is invalid or does not belong to unknown"
        }


@pytest.mark.proves(CLAIM, "422")
async def test_claim__without_a_signature__is_a_fault(world) -> None:
    missing = {"type": "missing", "loc": ["body", "signature"], "msg": "Field required"}
    for body in ({}, {"Signature": "0x"}):
        response = await world.client.post("/glms/claim", json=body)
        assert response.status_code == 422
        assert response.json() == {"detail": [missing | {"input": body}]}
    nothing = await world.client.post("/glms/claim")
    assert nothing.status_code == 422
    assert nothing.json()["detail"][0]["loc"] == ["body"]
    number = await world.client.post("/glms/claim", json={"signature": 5})
    assert number.json()["detail"][0]["type"] == "string_type"
    assert world.services.asked == []


@pytest.mark.proves(CHECK, "422")
@pytest.mark.proves("GET /user/{user_address}/sablier-streams", "422")
async def test_address__that_is_none__is_a_fault(world) -> None:
    for path in ("/glms/claim/0x12/check", "/user/0x12/sablier-streams"):
        response = await world.get(path)
        assert response.status_code == 422
        assert response.json()["detail"][0]["loc"] == ["path", "user_address"]


@pytest.mark.proves("GET /user/{user_address}/sablier-streams")
@pytest.mark.proves("GET /user/sablier-streams/all")
async def test_streams__of_one_or_all__are_in_the_public_form(world) -> None:
    def answer(request: StreamsRequest) -> calls.SablierStreams:
        everybody = [stream(500 * 10**18), stream(2**200, BOB)]
        found = [s for s in everybody if request.recipient in (None, s.recipient_address)]
        return calls.SablierStreams(sablier_streams=found, next_cursor=None)

    world.services.on(calls.SABLIER_STREAMS, answer)
    own = {
        "amount": "500000000000000000000",
        "dateAvailableForWithdrawal": "1757545931",
        "isCancelled": False,
        "remainingAmount": "0",
        "recipientAddress": ALICE,
    }
    of_user = await world.get(f"/user/{ALICE}/sablier-streams")
    assert (of_user.status_code, of_user.json()) == (200, {"sablierStreams": [own]})
    of_all = await world.get("/user/sablier-streams/all")
    assert of_all.status_code == 200
    other = own | {"amount": str(2**200), "recipientAddress": BOB}
    assert of_all.json() == {"sablierStreams": [own, other]}
    asked = [request.recipient for request in world.services.requests(calls.SABLIER_STREAMS)]
    assert asked == [USER, None]


async def test_streams__of_several_pages__are_joined(world) -> None:
    pages = {
        0: calls.SablierStreams(sablier_streams=[stream(1)], next_cursor=1000),
        1000: calls.SablierStreams(sablier_streams=[stream(2)], next_cursor=None),
    }
    world.services.on(calls.SABLIER_STREAMS, lambda request: pages[request.cursor])
    told = (await world.get("/user/sablier-streams/all")).json()
    assert [one["amount"] for one in told["sablierStreams"]] == ["1", "2"]
    assert list(told) == ["sablierStreams"]
