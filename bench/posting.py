"""Signed allocations, and posting them."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import httpx
from octant_devnet.people import Person
from octant_protocol.address import parse_address
from octant_protocol.signatures import allocation_digest, sign_digest


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
