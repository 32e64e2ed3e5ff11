"""Bodies that do not fit: every fault, told exactly as the API's clients know it."""

import copy
import json

from octant_contracts import calls
from octant_contracts.calls import Window

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
PROJECT = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f"
BODY = {
    "payload": {"allocations": [{"proposalAddress": PROJECT, "amount": "1000"}], "nonce": 0},
    "userAddress": ALICE,
    "signature": "0xabc",
    "isManuallyEdited": False,
}
NOT_AN_INTEGER = "Input should be a valid integer, unable to parse string as an integer"
OPEN = Window(pending_epoch=3)


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
BODIES = {
    "empty object": (
        {},
        [
            fault("missing", ["body", name], "Field required", {})
            for name in ("payload", "userAddress", "signature", "isManuallyEdited")
        ],
    ),
    "list": ([], [fault("model_attributes_type", ["body"], MODEL, [])]),
    "text": ("x", [fault("model_attributes_type", ["body"], MODEL, "x")]),
    "null": (None, [fault("missing", ["body"], "Field required", None)]),
    "negative amount": (
        changed(payload__allocations__0__amount=-1),
        [
            fault(
                "greater_than_equal",
                ["body", "payload", "allocations", 0, "amount"],
                "Input should be greater than or equal to 0",
                -1,
                ge=0,
            )
        ],
    ),
    "amount of 2^256": (
        changed(payload__allocations__0__amount=str(2**256)),
        [
            fault(
                "less_than",
                ["body", "payload", "allocations", 0, "amount"],
                f"Input should be less than {2**256}",
                str(2**256),
                lt=2**256,
            )
        ],
    ),
    "fractional amount": (
        changed(payload__allocations__0__amount=1.5),
        [
            fault(
                "int_from_float",
                ["body", "payload", "allocations", 0, "amount"],
                "Input should be a valid integer, got a number with a fractional part",
                1.5,
            )
        ],
    ),
    "amount null": (
        changed(payload__allocations__0__amount=None),
        [
            fault(
                "int_type",
                ["body", "payload", "allocations", 0, "amount"],
                "Input should be a valid integer",
                None,
            )
        ],
    ),
    "amount as exponent text": (
        changed(payload__allocations__0__amount="1e3"),
        [
            fault(
                "int_parsing",
                ["body", "payload", "allocations", 0, "amount"],
                NOT_AN_INTEGER,
                "1e3",
            )
        ],
    ),
    "negative nonce": (
        changed(payload__nonce=-1),
        [
            fault(
                "greater_than_equal",
                ["body", "payload", "nonce"],
                "Input should be greater than or equal to 0",
                -1,
                ge=0,
            )
        ],
    ),
    "bad addresses": (
        changed(payload__allocations__0__proposalAddress="0x12", userAddress="0x34"),
        [
            bad_address(["body", "payload", "allocations", 0, "proposalAddress"], "0x12"),
            bad_address(["body", "userAddress"], "0x34"),
        ],
    ),
    "address of the wrong type": (
        changed(userAddress=5),
        [fault("string_type", ["body", "userAddress"], "Input should be a valid string", 5)],
    ),
    "manually edited null": (
        changed(isManuallyEdited=None),
        [fault("bool_type", ["body", "isManuallyEdited"], "Input should be a valid boolean", None)],
    ),
    "manually edited missing": (
        changed(isManuallyEdited=...),
        [
            fault(
                "missing",
                ["body", "isManuallyEdited"],
                "Field required",
                changed(isManuallyEdited=...),
            )
        ],
    ),
    "allocations no list": (
        changed(payload__allocations={}),
        [
            fault(
                "list_type",
                ["body", "payload", "allocations"],
                "Input should be a valid list",
                {},
            )
        ],
    ),
    "second allocation no object": (
        changed(payload__allocations=[BODY["payload"]["allocations"][0], 7]),
        [fault("model_attributes_type", ["body", "payload", "allocations", 1], MODEL, 7)],
    ),
}


async def test_body__that_does_not_fit__lists_every_fault(world) -> None:
    world.services.on(calls.ALLOCATION_WINDOW, OPEN)
    for name, (body, faults) in BODIES.items():
        response = await world.client.post("/allocations/allocate", content=json.dumps(body))
        assert response.status_code == 422, name
        assert response.json() == {"detail": faults}, name
    assert world.services.requests(calls.ALLOCATE) == []
