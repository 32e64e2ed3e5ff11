"""A stage with one epoch that is finalized, and one whose window is open.

Tests share it: each uses people of its own, or looks only.
"""

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from octant_devnet import people
from octant_devnet.people import Person
from octant_protocol.address import parse_address

from journeys.stage import Stage, stage

FINAL, OPEN = 4, 5
"""Epochs; those before them have statistics of their own kind."""
TIMED_OUT = people.person(500, "journeys")


class Settled:
    """In the final epoch Alice gave to three projects, Bob is a patron, Carol did nothing."""

    def __init__(self, on: Stage) -> None:
        self.on = on
        self._strangers = (people.person(index, "journeys") for index in itertools.count(100))

    def stranger(self) -> Person:
        """Somebody nobody has heard of."""
        return next(self._strangers)

    def ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Whatever comes back, 503 too."""
        return self.on.gateway.http.request(method, path, **content)

    def told(self, method: str, path: str, **content: Any) -> tuple[int, Any]:
        response = self.ask(method, path, **content)
        return response.status_code, response.json() if response.content else None

    def execute(self, query: str, rows: Sequence[Sequence[Any]]) -> None:
        """What an operator does to the database."""
        asyncio.run(_execute(self.on.world.postgres_dsn, query, rows))


async def _execute(dsn: str, query: str, rows: Sequence[Sequence[Any]]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.executemany(query, rows)
    finally:
        await connection.close()


def address_of(person: Person) -> bytes:
    return parse_address(person.address)


@contextmanager
def settled_stage(folder: Path) -> Iterator[Settled]:
    env = {
        "chain-sync": {"GLM_CLAIM_ENABLED": "true"},
        "allocations": {"TIMEOUT_LIST": TIMED_OUT.address},
    }
    with stage(folder, env=env) as on:
        on.to_epoch(FINAL)
        for who in (on.alice, on.bob, on.carol):
            on.lock(who, 10_000)
        on.to_epoch(OPEN)
        assert on.take("pending") == {"epoch": FINAL}
        on.allocate(on.alice, 10**12, on.projects[:3])
        on.gateway.set_patron_mode(on.bob, True)
        on.to_epoch(OPEN + 1)
        assert on.take("pending") == {"epoch": OPEN}
        assert on.take("finalized") == {"epoch": FINAL}
        on.confirm(FINAL)
        yield Settled(on)
