"""Bodies made to break something."""

import copy
import json
from collections import defaultdict

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
OPEN = Window(pending_epoch=3)


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


HOSTILE = {
    "NaN": b'{"signature":NaN}',
    "Infinity": b'{"signature":-Infinity}',
    "infinite float": b'{"signature":1e999}',
    "nesting": b"[" * 100_000,
    "nested value": b'{"signature":' + b"[" * 900 + b"]" * 900 + b"}",
    "nested objects": b'{"a":' * 900 + b"1" + b"}" * 900,
    "digits": b'{"signature":' + b"9" * 100_000 + b"}",
    "digits in text": b'{"signature":"' + b"9" * 100_000 + b'"',
    "lone surrogate": rb'{"signature":"\ud800"}',
    "lone surrogate in a key": rb'{"\ud800":1}',
    "invalid utf-8": b'{"signature":"\xff\xfe"}',
    "null byte": b"\0",
    "utf-16": '{"signature":5}'.encode("utf-16"),
}


async def test_hostile_body__of_any_kind__is_422_in_valid_json(world) -> None:
    world.services.on(calls.ALLOCATION_WINDOW, OPEN)
    for name, data in HOSTILE.items():
        for method, path in (
            ("PATCH", f"/user/{ALICE}/patron-mode"),
            ("POST", "/allocations/allocate"),
        ):
            response = await world.client.request(method, path, content=data)
            assert response.status_code == 422, name
            json.loads(response.content)["detail"][0]["type"]
    huge = json.dumps(BODY).replace('"1000"', "9" * 5000)
    assert (await world.client.post("/allocations/allocate", content=huge)).status_code == 422
    asked = defaultdict(int)
    for one in world.services.asked:
        asked[one.call] += 1
    assert set(asked) == {calls.ALLOCATION_WINDOW}


async def test_body__that_grows_on_its_way_to_the_service__is_refused_before(world) -> None:
    world.services.on(calls.SET_PATRON_MODE, calls.PatronMode(True))
    for text in ("x" * 500_000, "é" * 300_000, "\x01" * 100_000):
        response = await world.client.patch(f"/user/{ALICE}/patron-mode", json={"signature": text})
        assert response.status_code == 413
    item = {"proposalAddress": PROJECT, "amount": 10**76}
    response = await world.client.post(
        "/allocations/allocate", json=changed(payload__allocations=[item] * 5_000)
    )
    assert response.status_code == 413
    fits = await world.client.patch(f"/user/{ALICE}/patron-mode", json={"signature": "x" * 200_000})
    assert fits.status_code == 200
