"""People with budgets, their signed allocations, and posting them."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import httpx
from octant_devnet import contracts, people, travel
from octant_devnet.people import Person
from octant_devnet.world import World
from octant_protocol.address import parse_address
from octant_protocol.signatures import allocation_digest, sign_digest

GLM = 10**18


def people_with_budgets(world: World, number: int) -> list[Person]:
    """An open window in which so many have a budget."""
    chain, deployment = world.chain, world.deployment
    donors = [people.person(i, "bench") for i in range(number)]
    people.fund_people(chain, deployment, donors, [1000 * GLM] * number)
    people.lock_many(chain, deployment, [(p, 1000 * GLM) for p in donors])
    travel.to_next_epoch(chain, deployment)
    assert contracts.decision_window_open(chain, deployment.epochs)
    deadline = time.monotonic() + 60
    url = f"{world.gateway_url}/rewards/budgets/epoch/1"
    while len(httpx.get(url).json()["budgets"]) < number:
        assert time.monotonic() < deadline, "no budgets"
        time.sleep(0.1)
    return donors


def signed_bodies(
    donors: Sequence[Person], projects: list[str], nonce: int
) -> list[dict[str, Any]]:
    """One allocation to three projects each."""
    found = []
    for number, person in enumerate(donors):
        items = [(projects[(number + i) % len(projects)], 1000 + i) for i in range(3)]
        digest = allocation_digest(1337, [(parse_address(p), a) for p, a in items], nonce)
        found.append({
            "payload": {
                "allocations": [{"proposalAddress": p, "amount": str(a)} for p, a in items],
                "nonce": nonce,
            },
            "userAddress": person.address,
            "signature": sign_digest(bytes.fromhex(person.key[2:]), digest),
            "isManuallyEdited": False,
        })  # fmt: skip
    return found


def post_all(url: str, bodies: Sequence[dict[str, Any]], wide: int) -> float:
    """Seconds for all, `wide` at a time."""
    return asyncio.run(_post_all(url, list(bodies), wide))


async def _post_all(url: str, waiting: list[dict[str, Any]], wide: int) -> float:
    async with httpx.AsyncClient(base_url=url, timeout=30) as http:

        async def worker() -> None:
            while waiting:
                response = await http.post("/allocations/allocate", json=waiting.pop())
                assert response.status_code == 201, response.text

        started = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(wide)))
        return time.perf_counter() - started
