"""Users, delegation and multisig: the ingress' header, bodies of two kinds, pages, staleness."""

from decimal import Decimal
from typing import Any

import pytest
from octant_contracts import calls
from octant_contracts.calls import Nothing
from octant_contracts.errors import Refusal
from octant_contracts.values import Address

from .user_cases import ALICE, BOB, GIFT, IP, PAIR, PENDING, PROJECT, STATUS, TOS, USER

MISSING = {"message": "X-Real-IP header is missing"}
POSTS = [
    (TOS, {"signature": "0x"}, calls.ACCEPT_TERMS, calls.Consent(True)),
    (f"{PENDING}/tos", {"message": "I agree"}, calls.REGISTER_MULTISIG, Nothing()),
]


@pytest.mark.proves("POST /user/{user_address}/tos", "XRealIpHeaderMissing")
@pytest.mark.proves(
    "POST /multisig-signatures/pending/{user_address}/type/{op_type}", "XRealIpHeaderMissing"
)
@pytest.mark.parametrize(("path", "body", "call", "answer"), POSTS)
async def test_real_ip__missing__is_told_before_any_fault_but_broken_json(
    world, path, body, call, answer
) -> None:
    world.services.on(call, answer)
    for sent in (body, {}, {"signature": 5}, "x"):
        response = await world.client.post(path, json=sent)
        assert (response.status_code, response.json()) == (400, MISSING), sent
    bad_path = path.replace(ALICE, "0x12")
    response = await world.client.post(bad_path, json=body)
    assert (response.status_code, response.json()) == (400, MISSING)
    response = await world.client.post(path, content=b"{")
    assert response.status_code == 422
    assert world.services.asked == []
    for ip in ("", "2001:db8::1, 192.0.2.7", "no address at all"):
        response = await world.client.post(path, json=body, headers={"X-Real-IP": ip})
        assert response.status_code == 201
        assert world.services.requests(call)[-1].ip == ip


@pytest.mark.parametrize(("path", "body", "call", "answer"), POSTS)
async def test_real_ip__not_required__is_the_peers_whatever_the_header_says(
    gateway_with, path, body, call, answer
) -> None:
    async with gateway_with(x_real_ip_required=False, cool_down_seconds=0) as world:
        world.services.on(call, answer)
        for headers in ({}, {"X-Real-IP": IP}):
            response = await world.client.post(path, json=body, headers=headers)
            assert response.status_code == 201
        assert {request.ip for request in world.services.requests(call)} == {"127.0.0.1"}


async def test_stale_answers__say_how_old_they_are(world) -> None:
    quotient = calls.UniquenessQuotient(uniqueness_quotient=Decimal("1.0"))
    for stale_for, header in ((None, None), (0, "0"), (3600, "3600")):
        world.services.on(
            calls.ANTISYBIL_STATUS, calls.AntisybilAnswer(status=STATUS, stale_for=stale_for)
        )
        world.services.on(
            calls.UNIQUENESS_QUOTIENT,
            calls.UniquenessAnswer(quotient=quotient, stale_for=stale_for),
        )
        for path in (f"/user/{ALICE}/antisybil-status", f"/user/{ALICE}/uq/1"):
            response = await world.get(path)
            assert response.status_code == 200
            assert response.headers.get("x-octant-stale") == header


async def test_lists_of_several_pages__are_joined_as_of_the_first(world) -> None:
    users = [Address(bytes([n]) * 20) for n in range(1, 4)]

    def patrons(request: calls.PatronsRequest) -> calls.Patrons:
        place = request.cursor
        return calls.Patrons(
            patrons=[users[place]], next_cursor=place + 1 if place < 2 else None, as_of=77
        )

    def quotients(request: calls.QuotientsRequest) -> calls.Quotients:
        place = request.cursor
        row = calls.UserQuotient(user_address=users[place], uniqueness_quotient=Decimal("0.2"))
        return calls.Quotients(
            uqs_info=[row], next_cursor=place + 1 if place < 2 else None, as_of=77
        )

    world.services.on(calls.PATRONS, patrons)
    world.services.on(calls.QUOTIENTS, quotients)
    response = await world.get("/user/patrons/1")
    assert response.json() == {"patrons": [user.text for user in users]}
    response = await world.get("/user/uq/1/all")
    assert response.json() == {
        "uqsInfo": [{"userAddress": user.text, "uniquenessQuotient": "0.2"} for user in users]
    }
    for call in (calls.PATRONS, calls.QUOTIENTS):
        asked = world.services.requests(call)
        assert [(request.cursor, request.as_of) for request in asked] == [
            (0, None), (1, 77), (2, 77)
        ]  # fmt: skip


@pytest.mark.proves(
    "GET /delegation/check/{user_addresses}", "DelegationCheckWrongParams", "InvalidAddressFormat"
)
async def test_check__of_too_few_too_many_or_no_addresses__is_refused_unasked(world) -> None:
    wrong_number = {"message": "Please specify at least 2 and not more than 10 addresses"}
    wrong_format = {"message": "Invalid address format"}
    for given, expected in (
        (ALICE, wrong_number),
        (",".join([ALICE] * 11), wrong_number),
        ("nonsense", wrong_number),
        (f"{ALICE},", wrong_format),
        (f"{ALICE},%20{BOB}", wrong_format),
        (f"{ALICE},0x12", wrong_format),
        (",".join("x" * 10), wrong_format),
        (f"{ALICE},%F0%9F%98%80", wrong_format),
    ):
        response = await world.get(f"/delegation/check/{given}")
        assert (response.status_code, response.json()) == (400, expected), given
    assert world.services.asked == []
    world.services.on(calls.FIND_DELEGATION, Refusal("DelegationDoesNotExist"))
    response = await world.get(f"/delegation/check/{','.join([ALICE] * 10)}")
    assert (response.status_code, response.json()) == (
        400,
        {"message": "Delegation does not exists"},
    )


async def faults(world: Any, path: str, body: Any) -> list[tuple[str, list[Any]]]:
    response = await world.client.post(path, json=body, headers={"X-Real-IP": IP})
    assert response.status_code == 422, response.text
    return [(fault["type"], fault["loc"]) for fault in response.json()["detail"]]


async def test_multisig_message__of_neither_kind__lists_the_faults_as_both(world) -> None:
    text, gift = ["body", "message", "str"], ["body", "message", "UserAllocationRequestRawV1"]
    path = f"{PENDING}/allocation"
    assert await faults(world, path, {"message": 5}) == [
        ("string_type", text),
        ("model_attributes_type", gift),
    ]
    negative = {"proposalAddress": PROJECT, "amount": -1}
    message = GIFT | {"payload": {"allocations": [negative], "nonce": 0}}
    assert await faults(world, path, {"message": message}) == [
        ("string_type", text),
        ("greater_than_equal", [*gift, "payload", "allocations", 0, "amount"]),
    ]
    assert await faults(world, path, {"message": {}}) == [
        ("string_type", text),
        ("missing", [*gift, "payload"]),
        ("missing", [*gift, "isManuallyEdited"]),
    ]
    assert await faults(world, path, {}) == [("missing", ["body", "message"])]
    surrogate = b'{"message":"\\ud800"}'
    response = await world.client.post(path, content=surrogate, headers={"X-Real-IP": IP})
    assert response.status_code == 422
    assert world.services.asked == []


async def test_multisig_type__unknown__is_named_with_the_known_ones(world) -> None:
    for method in ("GET", "POST"):
        response = await world.client.request(
            method, f"{PENDING}/foo", json={"message": "x"}, headers={"X-Real-IP": IP}
        )
        assert (response.status_code, response.json()) == (
            422,
            {
                "detail": [
                    {
                        "type": "enum",
                        "loc": ["path", "op_type"],
                        "msg": "Input should be 'tos' or 'allocation'",
                        "input": "foo",
                        "ctx": {"expected": "'tos' or 'allocation'"},
                    }
                ]
            },
        )


async def test_delegation_body__that_does_not_fit__names_its_fields_as_clients_do(world) -> None:
    for method, path in (("POST", "/delegation/delegate"), ("PUT", "/delegation/recalculate")):
        response = await world.client.request(method, path, json={})
        assert [fault["loc"] for fault in response.json()["detail"]] == [
            ["body", name] for name in PAIR
        ]
        response = await world.client.request(method, path, json=PAIR | {"secondaryAddr": "0x12"})
        (fault,) = response.json()["detail"]
        assert (fault["type"], fault["loc"]) == ("value_error", ["body", "secondaryAddr"])
    assert world.services.asked == []


async def test_paths__that_look_alike__lead_to_their_own_operation(world) -> None:
    answer = calls.UniquenessAnswer(
        quotient=calls.UniquenessQuotient(uniqueness_quotient=Decimal("0.01")), stale_for=None
    )
    world.services.on(calls.UNIQUENESS_QUOTIENT, answer)
    response = await world.get(f"/user/{ALICE}/uq/-7")
    assert response.json() == {"uniquenessQuotient": "0.01"}
    (request,) = world.services.requests(calls.UNIQUENESS_QUOTIENT)
    assert (request.user, request.epoch) == (USER, -7)
    for path in ("/user/patrons/tos", "/user/uq/x/all", "/user/patrons/patron-mode"):
        response = await world.get(path)
        assert response.status_code == 422, path
        assert response.json()["detail"][0]["loc"] == ["path", "epoch_number"]


@pytest.mark.proves("PUT /delegation/recalculate")
async def test_recalculation__were_it_ever_granted__would_answer_nothing(world) -> None:
    world.services.on(calls.RECALCULATE_SCORE, Nothing())
    response = await world.client.put("/delegation/recalculate", json=PAIR)
    assert (response.status_code, response.content) == (204, b"")
