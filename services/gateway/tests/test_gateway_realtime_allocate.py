"""`allocate` over Socket.IO: the same as over HTTP, always acknowledged."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from octant_chassis.calls import Written
from octant_contracts import calls
from octant_contracts.calls import AllocateRequest, AllocationInput, Nothing, RequestStored, Window
from octant_contracts.errors import Refusal
from octant_contracts.events import ALLOCATIONS
from octant_contracts.values import Address, Wei
from octant_devnet.testkit import eventually
from realtime.node import POLLING, WEBSOCKET

from .realtime_world import ALICE, BOB, P1, Live, body, pushing

UNEXPECTED = {"message": "An unexpected error has occurred", "code": 500}
CLOSED = {"message": "This action is available only during the allocation window.", "code": 403}


@pytest.fixture
async def live(world) -> AsyncIterator[Live]:
    async with pushing(world) as made:
        grant(made)
        yield made


def grant(live: Live) -> None:
    live.world.services.on(calls.ALLOCATE, Written(Nothing(), (41,)))


def refuse(live: Live, code: str, **details: Any) -> None:
    live.world.services.on(calls.ALLOCATE, Refusal(code, **details))


def exceptions(client) -> list[Any]:
    return client.all("exception")


@pytest.mark.parametrize("options", [WEBSOCKET, POLLING], ids=["websocket", "polling"])
async def test_allocation__as_text_or_object__is_passed_on_and_acknowledged_empty(live, options):
    client = await live.greeted(**options)
    assert await client.emit("allocate", json.dumps(body())) == []
    assert await client.emit("allocate", body(1, isManuallyEdited=True)) == []
    allocations = [AllocationInput(Address.parse(P1), Wei(1000))]
    signed = {"user": Address.parse(ALICE), "allocations": allocations, "signature": "0xabc"}
    assert live.world.services.requests(calls.ALLOCATE) == [
        AllocateRequest(nonce=Wei(0), is_manually_edited=False, **signed),
        AllocateRequest(nonce=Wei(1), is_manually_edited=True, **signed),
    ]
    assert exceptions(client) == []


async def test_allocation__over_a_socket__is_waited_for_by_later_http_calls(live) -> None:
    client = await live.greeted()
    live.world.services.on(calls.LEVERAGE, calls.Leverage(0.0))
    await client.emit("allocate", json.dumps(body()))
    assert (await live.world.get("/rewards/leverage/1")).status_code == 200
    asked = live.world.services.asked[-1]
    assert (asked.call, asked.after) == (calls.LEVERAGE, ((ALLOCATIONS, 41),))


@pytest.mark.parametrize(
    ("code", "details", "status", "message"),
    [
        (
            "WrongAllocationsNonce",
            {"used": 0, "expected": 1},
            400,
            "Attempt to use wrong value of nonce (0 instead of 1) when signing allocations",
        ),
        (
            "InvalidSignature",
            {"signature": "0xabc", "user": ALICE},
            400,
            f"Given signature 0xabc is invalid or does not belong to {ALICE}",
        ),
        (
            "BudgetNotFound",
            {"user": ALICE, "epoch": 5},
            404,
            f"User {ALICE} does not have a budget for epoch 5",
        ),
        ("AllocationWindowClosed", {}, 403, CLOSED["message"]),
        (
            "NotLoadedYet",
            {"what": "The chain"},
            503,
            "The chain is not loaded yet; try again in a moment.",
        ),
    ],
)
async def test_refusal__of_any_kind__tells_the_sender_alone_what_http_tells(
    live, code, details, status, message
) -> None:
    refuse(live, code, **details)
    live.world.services.on(calls.REQUEST_STORED, RequestStored(False))
    sender, other = await live.greeted("c1"), await live.greeted("c2")
    error = {"message": message, "code": status}
    assert await sender.emit("allocate", json.dumps(body())) == [{"error": error}]
    assert exceptions(sender) == [error]
    response = await live.world.client.post("/allocations/allocate", json=body())
    assert (response.status_code, response.json()) == (status, {"message": message})
    assert await other.emit("hello") == []
    assert exceptions(other) == []


async def test_refusal__without_acknowledgement__still_sends_the_exception(live) -> None:
    refuse(live, "EmptyAllocations")
    client = await live.greeted()
    client.send("allocate", json.dumps(body()))
    await client.until_told("exception")
    assert exceptions(client) == [{"message": "Passed empty or zeroed allocations", "code": 400}]


async def test_repeat__of_a_stored_request__says_so(live) -> None:
    refuse(live, "WrongAllocationsNonce", used=0, expected=1)
    live.world.services.on(calls.REQUEST_STORED, RequestStored(True))
    client = await live.greeted()
    message = "Attempt to use wrong value of nonce (0 instead of 1) when signing allocations"
    assert await client.emit("allocate", json.dumps(body())) == [
        {"error": {"message": message, "code": 400, "alreadyStored": True}}
    ]
    assert exceptions(client) == [{"message": message, "code": 400}]
    (asked,) = live.world.services.requests(calls.REQUEST_STORED)
    assert (asked.user, asked.nonce, asked.signature) == (Address.parse(ALICE), 0, "0xabc")
    live.world.services.on(calls.REQUEST_STORED, Refusal("InternalError"))
    (answer,) = await client.emit("allocate", json.dumps(body()))
    assert answer == {"error": {"message": message, "code": 400}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Field required"),
        (("",), "Field required"),
        (("null",), "Field required"),
        ((None,), "Field required"),
        (("{",), "JSON decode error"),
        (("[" * 5000,), "JSON decode error"),
        (("\ud800",), "JSON decode error"),
        ((body(nonce="x"),), None),
        ((json.dumps({**body(), "userAddress": "0x12"}),), None),
        ((5,), None),
        (([],), None),
        ((True,), None),
        (('"text"',), None),
        (({"payload": {}},), None),
    ],
    ids=repr,
)
async def test_argument__that_does_not_fit__is_refused_as_over_http(live, arguments, message):
    client = await live.greeted()
    (answer,) = await client.emit("allocate", *arguments)
    assert answer["error"]["code"] == 422
    assert exceptions(client) == [answer["error"]]
    if message is None:
        given = arguments[0] if isinstance(arguments[0], str) else json.dumps(arguments[0])
        headers = {"Content-Type": "application/json"}
        response = await live.world.client.post(
            "/allocations/allocate", content=given, headers=headers
        )
        assert response.status_code == 422
        message = response.json()["detail"][0]["msg"]
    assert answer["error"]["message"] == message
    assert live.world.services.requests(calls.ALLOCATE) == []


async def test_closed_window__is_told_before_what_is_wrong_with_the_argument(live) -> None:
    live.world.services.on(calls.ALLOCATION_WINDOW, Window(pending_epoch=None))
    client = await live.greeted()
    assert await client.emit("allocate", json.dumps({})) == [{"error": CLOSED}]
    (answer,) = await client.emit("allocate", "{")
    assert answer["error"]["code"] == 422  # as over HTTP


async def test_service__away_or_broken__is_acknowledged_too(live) -> None:
    client = await live.greeted()
    refuse(live, "InternalError")
    assert await client.emit("allocate", json.dumps(body())) == [{"error": UNEXPECTED}]
    await live.world.services.stop(ALLOCATIONS)
    (answer,) = await client.emit("allocate", json.dumps(body()))
    assert answer["error"]["code"] == 503
    assert "allocations" in answer["error"]["message"]


async def test_error_nobody_foresaw__is_acknowledged_without_its_text(live, monkeypatch) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("secret")

    client = await live.greeted()
    monkeypatch.setattr(live.world.gateway, "submit", fail)
    assert await client.emit("allocate", json.dumps(body())) == [{"error": UNEXPECTED}]
    monkeypatch.setattr(live.world.gateway, "raw", fail)
    assert await client.emit("allocate", "{}") == [{"error": UNEXPECTED}]
    assert exceptions(client) == [UNEXPECTED] * 2


async def test_acknowledgement__never_on_error__comes_for_success_only(gateway_with) -> None:
    async with gateway_with(socket_ack_on_error="never") as world, pushing(world) as live:
        client = await live.greeted()
        refuse(live, "EmptyAllocations")
        refused = asyncio.create_task(client.emit("allocate", json.dumps(body())))
        await client.until_told("exception")
        grant(live)
        assert await client.emit("allocate", json.dumps(body())) == []
        assert not refused.done()
        refused.cancel()


async def test_allocations__of_one_client__are_handled_one_after_the_other(live) -> None:
    under_way: list[int] = []
    overlapped: list[int] = []
    release = asyncio.Event()

    async def slow(request: AllocateRequest) -> Written[Nothing]:
        under_way.append(int(request.nonce))
        await release.wait()
        overlapped.append(len(under_way))
        under_way.clear()
        return Written(Nothing(), (41,))

    live.world.services.on(calls.ALLOCATE, slow)
    client, other = await live.greeted("c1"), await live.greeted("c2")
    first = [asyncio.create_task(client.emit("allocate", json.dumps(body(n)))) for n in range(3)]
    await eventually(lambda: under_way, what="the first is under way")
    assert await other.emit("hello") == []
    release.set()
    assert await asyncio.gather(*first) == [[], [], []]
    assert overlapped == [1, 1, 1]
    assert [int(r.nonce) for r in live.world.services.requests(calls.ALLOCATE)] == [0, 1, 2]


async def test_event__that_nobody_knows__is_acknowledged_empty_and_ignored(live) -> None:
    client = await live.greeted()
    for event in ("project_donors", "threshold", "message", "*", "exception"):
        assert await client.emit(event, {"project": BOB}) == []
    assert [event for event, _ in client.told] == ["acknowledged"] * 5
