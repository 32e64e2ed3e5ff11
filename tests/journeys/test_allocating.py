"""J5 and J6 in an epoch whose projects need no threshold: refused over HTTP, granted by socket.

A closed window, and a project that gives to itself: `laws/window/test_refusals.py`. Refusals over
a socket, and windows that open and close: `realtime`.
"""

import asyncio
import json
from typing import Any

import pytest
from e2e.client import allocation_body
from faults.support import stored
from realtime.gateways import DONORS
from realtime.node import node

from journeys.settled import OPEN, Settled

pytestmark = [pytest.mark.xdist_group("settled"), pytest.mark.timeout(180)]


def test_allocation__refused_for_any_reason__is_told_why_and_changes_nothing(
    settled: Settled,
) -> None:
    """J5."""
    on, stranger = settled.on, settled.stranger()
    alice, bob = on.alice, on.bob
    first, second = on.projects[:2]
    budget = int(on.get(f"/rewards/budget/{alice.address}/epoch/{OPEN}")["budget"])
    nonce = on.gateway.nonce(alice)
    good = allocation_body(alice, [(first, 1)], nonce)
    before = stored(on.world)

    def told(body: dict[str, Any]) -> tuple[int, Any]:
        answer = settled.told("POST", "/allocations/allocate", json=body)
        assert stored(on.world) == before
        return answer

    def by_alice(*items: tuple[str, int], nonce: int = nonce) -> tuple[int, Any]:
        return told(allocation_body(alice, items, nonce))

    def bad(text: str, status: int = 400) -> tuple[int, Any]:
        return status, {"message": text}

    assert nonce > 0
    for used in (nonce - 1, nonce + 1):
        assert by_alice((first, 1), nonce=used) == bad(
            f"Attempt to use wrong value of nonce ({used} instead of {nonce}) "
            "when signing allocations"
        )
    assert by_alice() == bad("Passed empty or zeroed allocations")
    assert by_alice((first, 1), (stranger.address, 1)) == bad(
        f"The following projects are not valid: {{'{stranger.address}'}}"
    )
    assert by_alice((first, 1), (second, 1), (first, 2)) == bad(
        f"The following projects are duplicated in the payload: ['{first}', '{first}']"
    )
    assert by_alice((first, budget), (second, 1)) == bad(
        "You cannot allocate more funds than your rewards budget."
    )
    assert told(allocation_body(stranger, [(first, 1)], 0)) == bad(
        f"User {stranger.address} does not have a budget for epoch {OPEN}", 404
    )
    assert told(allocation_body(bob, [(first, 1)], on.gateway.nonce(bob))) == bad(
        f"This action is not allowed in patron mode; user address: {bob.address}", 403
    )
    signatures = {
        "of another account": allocation_body(bob, [(first, 1)], nonce)["signature"],
        "for another chain": allocation_body(alice, [(first, 1)], nonce, 1)["signature"],
        "of another amount": allocation_body(alice, [(first, 2)], nonce)["signature"],
        "that is garbage": "0xgarbage",
    }
    for signature in signatures.values():
        text = f"Given signature {signature} is invalid or does not belong to {alice.address}"
        assert told(good | {"signature": signature}) == bad(text)
    payload = good["payload"]
    (item,) = payload["allocations"]
    for amount in ("-1", -1, "1.5", 1.5, str(2**256)):
        changed = payload | {"allocations": [item | {"amount": amount}]}
        assert told(good | {"payload": changed})[0] == 422
    for name in good:
        assert told({key: value for key, value in good.items() if key != name})[0] == 422
    for name in payload:
        less = {key: value for key, value in payload.items() if key != name}
        assert told(good | {"payload": less})[0] == 422


async def test_allocation__by_socket__is_what_everybody_is_told(settled: Settled) -> None:
    """J6, steps 1 to 3 and 7."""
    on, carol = settled.on, settled.on.carol
    first, second = on.projects[4:6]
    url = str(on.gateway.http.base_url)
    nonce = on.gateway.nonce(carol)
    body = allocation_body(carol, [(first, 700), (second, 800)], nonce)
    async with node() as nodes:
        sender, other = [await nodes.connect(url, name) for name in ("sender", "other")]
        for client in (sender, other):
            await client.until_told(DONORS, len(on.projects))
            # From epoch 4 on there is none: nothing, and no text that says so.
            assert client.last("threshold")["threshold"] is None
            rewards = client.last("project_rewards")
            assert [row["address"] for row in rewards] == on.projects
            assert [told["project"] for told in client.all(DONORS)] == on.projects
        assert on.get(f"/rewards/threshold/{OPEN}") == {"threshold": None}

        assert await sender.emit("allocate", json.dumps(body)) == []
        wanted = {first: "700", second: "800"}
        for client in (sender, other):

            def donated(client: Any = client) -> bool:
                told = {told["project"]: told["donors"] for told in client.all(DONORS)}
                return all(
                    {"address": carol.address, "amount": amount} in told[project]
                    for project, amount in wanted.items()
                )

            await client.until(donated, "the donor")
            allocated = {r["address"]: r["allocated"] for r in client.last("project_rewards")}
            assert {p: allocated[p] for p in wanted} == wanted

    mine = [{"address": project, "amount": amount} for project, amount in wanted.items()]
    assert on.get(f"/allocations/user/{carol.address}/epoch/{OPEN}") == {
        "allocations": mine, "isManuallyEdited": False,
    }  # fmt: skip
    listed = on.get(f"/allocations/epoch/{OPEN}")["allocations"]
    assert [(r["project"], r["amount"]) for r in listed if r["donor"] == carol.address] == [
        *wanted.items()
    ]
    assert on.gateway.nonce(carol) == nonce + 1
    # The last that follows from it: whoever looks at every row next sees them at rest.
    newest = f"/history/{carol.address}?limit=1"
    await asyncio.to_thread(
        on.gateway.wait_for,
        "the leverage",
        lambda: on.get(newest)["history"][0]["eventData"]["leverage"] is not None,
    )
