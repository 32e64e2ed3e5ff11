"""Requests that make a service ask outside systems: not the same one again and again."""

import asyncio

import pytest
from octant_contracts import calls
from octant_contracts.calls import Nothing
from octant_contracts.errors import Refusal
from octant_devnet.testkit import eventually
from octant_gateway.limits import cooldown
from octant_gateway.limits.cooldown import CoolDowns

from .user_cases import ALICE, BOB, GIFT, IP, PENDING

TERMS = {"message": "I agree"}
STATUS = f"/user/{ALICE}/antisybil-status"


async def register(world, path=f"{PENDING}/tos", body=TERMS, ip=IP):
    return await world.client.post(path, json=body, headers={"X-Real-IP": ip})


async def test_registration__just_granted__is_refused_to_the_same_client_for_a_while(world) -> None:
    world.services.on(calls.REGISTER_MULTISIG, Nothing())
    assert (await register(world)).status_code == 201
    again = await register(world)
    assert again.status_code == 429
    assert again.headers["retry-after"] == "10"
    assert again.json() == {
        "message": f"This has just been asked for {ALICE}; try again in 10 seconds."
    }
    assert len(world.services.asked) == 1
    assert (await register(world, f"{PENDING}/allocation", {"message": GIFT})).status_code == 201
    assert (await register(world, f"{PENDING.replace(ALICE, BOB)}/tos")).status_code == 201
    # Nobody keeps others from registering.
    assert (await register(world, ip="192.0.2.99")).status_code == 201
    world.now += 9.5
    assert (await register(world)).headers["retry-after"] == "1"
    world.now += 1
    assert (await register(world)).status_code == 201


@pytest.mark.parametrize(
    ("code", "status", "then"),
    [
        ("UpstreamNotFound", 404, 429),
        ("UpstreamFailed", 502, 429),
        ("UpstreamTimeout", 504, 429),
        ("InvalidMultisigAddress", 403, 429),
        ("InvalidMultisigSignatureRequest", 400, 400),
        ("NotAllowedInPatronMode", 403, 403),
        ("ServiceUnavailable", 503, 503),
    ],
)
async def test_registration__refused__may_be_repeated_unless_somebody_outside_was_asked(
    world, code, status, then
) -> None:
    world.services.on(calls.REGISTER_MULTISIG, Refusal(code, service="Safe", user=ALICE))
    assert (await register(world, body={})).status_code == 422
    assert [(await register(world)).status_code for _ in range(3)] == [status, then, then]


async def test_registration__under_way__is_refused_to_the_same_client(world) -> None:
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> Nothing:
        started.set()
        await release.wait()
        return Nothing()

    world.services.on(calls.REGISTER_MULTISIG, slow)
    first = asyncio.create_task(register(world))
    async with asyncio.timeout(10):
        await started.wait()
    assert (await register(world)).status_code == 429
    world.now += 8
    release.set()
    assert (await first).status_code == 201
    world.now += 8  # of the answer, not of the request
    assert (await register(world)).status_code == 429


async def test_score__asked_for_again__is_for_the_service_to_tell(world) -> None:
    """It knows whether the stored one is fresh, and whether it has been delegated meanwhile."""
    world.services.on(calls.REFRESH_ANTISYBIL, Nothing())
    for _ in range(3):
        assert (await world.client.put(STATUS)).status_code == 204
    world.services.on(calls.REFRESH_ANTISYBIL, Refusal("AddressAlreadyDelegated"))
    for _ in range(2):
        response = await world.client.put(STATUS)
        assert response.json() == {"message": "Address is already used for delegation"}


async def test_score__asked_for_by_many_at_once__is_fetched_once(world, monkeypatch) -> None:
    started, release = asyncio.Event(), asyncio.Event()
    arrived = 0
    shared = world.gateway.cool_downs.shared

    async def counted(key, ask):
        nonlocal arrived
        arrived += 1
        return await shared(key, ask)

    monkeypatch.setattr(world.gateway.cool_downs, "shared", counted)

    async def slow(_: object) -> Nothing:
        started.set()
        await release.wait()
        return Nothing()

    world.services.on(calls.REFRESH_ANTISYBIL, slow)
    first = asyncio.create_task(world.client.put(STATUS))
    async with asyncio.timeout(10):
        await started.wait()
    others = [asyncio.create_task(world.client.put(STATUS)) for _ in range(5)]
    bob = asyncio.create_task(world.client.put(STATUS.replace(ALICE, BOB)))
    await eventually(lambda: arrived == 7 and len(world.services.asked) == 2)
    release.set()
    assert {(await task).status_code for task in (first, bob, *others)} == {204}
    assert len(world.services.asked) == 2


async def test_score__that_could_not_be_fetched__is_not_tried_again_at_once(world) -> None:
    world.services.on(calls.REFRESH_ANTISYBIL, Refusal("UpstreamTimeout"))
    assert (await world.client.put(STATUS)).status_code == 504
    again = await world.client.put(STATUS)
    assert (again.status_code, again.headers["retry-after"]) == (429, "10")
    assert len(world.services.asked) == 1
    unknown = Refusal("UserNotFound", user=BOB)
    world.services.on(calls.REFRESH_ANTISYBIL, unknown)
    for _ in range(2):
        assert (await world.client.put(STATUS.replace(ALICE, BOB))).status_code == 404
    world.services.on(calls.REFRESH_ANTISYBIL, Nothing())
    world.now += 10
    assert (await world.client.put(STATUS)).status_code == 204


async def test_shared__whose_first_asker_leaves__brings_its_answer_to_the_others() -> None:
    release = asyncio.Event()
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        await release.wait()
        return "answer"

    cool_downs = CoolDowns(10.0, lambda: 0.0)
    first, second = (
        asyncio.create_task(cool_downs.shared(("a",), ask)),
        asyncio.create_task(cool_downs.shared(("a",), ask)),
    )
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    release.set()
    assert await second == "answer"
    assert asked == 1
    assert await cool_downs.shared(("a",), ask) == "answer"
    assert asked == 2


async def test_cool_downs__of_0_seconds_or_more_than_are_remembered__refuse_nobody(
    monkeypatch,
) -> None:
    async def ask() -> str:
        return "answer"

    for _ in range(2):
        assert await CoolDowns(0, lambda: 0.0).once(("a",), ask) == "answer"
    monkeypatch.setattr(cooldown, "REMEMBERED", 2)
    cool_downs = CoolDowns(10.0, lambda: 0.0)
    for name in ("a", "b", "c", "a"):
        assert await cool_downs.once((name,), ask) == "answer"
    with pytest.raises(Refusal):
        await cool_downs.once(("c",), ask)
    assert len(cool_downs._ends) == 2
