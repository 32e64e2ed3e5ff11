"""Bodies: accepted forms, missing ones, broken JSON, and what is told first."""

import copy
import json

import pytest
from octant_contracts import calls
from octant_contracts.calls import Nothing, Window

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
PROJECT = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f"
BODY = {
    "payload": {"allocations": [{"proposalAddress": PROJECT, "amount": "1000"}], "nonce": 0},
    "userAddress": ALICE,
    "signature": "0xabc",
    "isManuallyEdited": False,
}


def fault(kind: str, loc: list, msg: str, given: object, **ctx: object) -> dict:
    item = {"type": kind, "loc": loc, "msg": msg, "input": given}
    return {**item, "ctx": ctx} if ctx else item


def bad_address(loc: list, text: str) -> dict:
    return fault(
        "value_error",
        loc,
        f"Value error, Unknown format '{text}', attempted to normalize to '{text}'",
        text,
        error={},
    )


def changed(**changes: object) -> dict:
    """BODY with values at `payload__allocations__0__amount` and so on replaced or removed."""
    body = copy.deepcopy(BODY)
    for place, value in changes.items():
        *way, last = [int(k) if k.isdigit() else k for k in place.split("__")]
        target = body
        for key in way:
            target = target[key]
        if value is ...:
            del target[last]
        else:
            target[last] = value
    return body


MODEL = "Input should be a valid dictionary or object to extract fields from"


async def test_body__in_every_accepted_form__is_the_same_request(world) -> None:
    world.services.on(calls.ALLOCATE, Nothing())
    forms = [
        BODY,
        {
            "payload": {
                "allocations": [{"project_address": PROJECT.lower(), "amount": 1000}],
                "nonce": "0",
            },
            "user_address": ALICE[2:],
            "signature": "0xabc",
            "is_manually_edited": "no",
            "unknown": {"ignored": 1},
        },
        changed(payload__allocations__0__amount=1e3, payload__nonce=0.0, isManuallyEdited=0),
        changed(payload__allocations__0__amount=" +01000 ", isManuallyEdited="off"),
    ]
    for body in forms:
        for content_type in ("application/json", "application/json; charset=utf-8", None):
            headers = {} if content_type is None else {"Content-Type": content_type}
            response = await world.client.post(
                "/allocations/allocate", content=json.dumps(body), headers=headers
            )
            assert (response.status_code, response.text) == (201, "null"), (body, content_type)
    asked = world.services.requests(calls.ALLOCATE)
    assert asked == [asked[0]] * 12
    assert world.services.requests(calls.ALLOCATION_WINDOW) == []


async def test_nonce__of_any_size__reaches_the_service(world) -> None:
    world.services.on(calls.ALLOCATE, Nothing())
    for nonce in (2**31, 2**63, 2**256, 10**4000):
        response = await world.client.post(
            "/allocations/allocate", content=json.dumps(changed(payload__nonce=nonce))
        )
        assert response.status_code == 201
    assert [r.nonce for r in world.services.requests(calls.ALLOCATE)] == [
        2**31,
        2**63,
        2**256,
        10**4000,
    ]


async def test_body__that_is_no_json_by_its_type__is_taken_as_text(world) -> None:
    text = json.dumps({"signature": "0x"})
    for content_type in ("text/plain", "application/x-www-form-urlencoded"):
        response = await world.client.patch(
            f"/user/{ALICE}/patron-mode", content=text, headers={"Content-Type": content_type}
        )
        assert response.status_code == 422
        assert response.json() == {
            "detail": [fault("model_attributes_type", ["body"], MODEL, text)]
        }


async def test_body__that_is_missing__is_one_fault(world) -> None:
    response = await world.client.patch(f"/user/{ALICE}/patron-mode")
    assert response.status_code == 422
    assert response.json() == {"detail": [fault("missing", ["body"], "Field required", None)]}


async def test_faults__of_path_and_body__come_in_that_order(world) -> None:
    response = await world.client.patch("/user/0x12/patron-mode", json={})
    assert response.json() == {
        "detail": [
            bad_address(["path", "user_address"], "0x12"),
            fault("missing", ["body", "signature"], "Field required", {}),
        ]
    }


@pytest.mark.parametrize(
    ("text", "position", "reason"),
    [
        ('{"a":', 5, "Expecting value"),
        ("{", 1, "Expecting property name enclosed in double quotes"),
        ('{"a":1} x', 8, "Extra data"),
        ("{'a':1}", 1, "Expecting property name enclosed in double quotes"),
    ],
)
async def test_body__that_cannot_be_parsed__is_told_before_all_else(
    world, text, position, reason
) -> None:
    for method, path in (("POST", "/allocations/allocate"), ("PATCH", "/user/0x12/patron-mode")):
        response = await world.client.request(method, path, content=text)
        assert response.status_code == 422
        assert response.json() == {
            "detail": [
                fault("json_invalid", ["body", position], "JSON decode error", {}, error=reason)
            ]
        }
    assert world.services.asked == []


async def test_closed_window__is_told_before_faults_of_the_body_but_after_broken_json(
    world,
) -> None:
    world.services.on(calls.ALLOCATION_WINDOW, Window(pending_epoch=None))
    response = await world.client.post("/allocations/allocate", json={})
    assert response.status_code == 403
    assert response.json() == {
        "message": "This action is available only during the allocation window."
    }
    assert (await world.client.post("/allocations/allocate", content="{")).status_code == 422
