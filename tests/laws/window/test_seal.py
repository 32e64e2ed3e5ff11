"""What is granted is counted, and what is counted was granted: allocations at the window's end."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import pytest
from octant_devnet.people import Person
from octant_devnet.testkit import eventually
from octant_protocol.address import eip55, parse_address

from laws.recompute import Epoch
from laws.support import post_allocation, rows, rows_now
from laws.window.house import House, Window

pytestmark = pytest.mark.xdist_group("laws-window")

WRITERS = 20
CLOSED = {"message": "This action is available only during the allocation window."}


@dataclass
class Granted:
    """What people were told: by address the nonce and the items of the last 201."""

    sets: dict[str, tuple[int, list[tuple[str, int]]]] = field(default_factory=dict)
    count: int = 0

    def note(self, person: Person, nonce: int, items: list[tuple[str, int]]) -> None:
        self.sets[person.address] = nonce, items
        self.count += 1


@pytest.mark.parametrize(
    "turn", [*range(2), *(pytest.param(n, marks=pytest.mark.slow) for n in range(2, 20))]
)
async def test_allocations__racing_the_closing_window__are_granted_exactly_when_they_count(
    house: House, window: Window, turn: int
) -> None:
    granted = Granted()
    async with house.clients() as clients:

        async def write(person: Person) -> None:
            """Again and again until the window is closed."""
            rng = random.Random(f"{turn} {person.address}")
            nonce = await asyncio.to_thread(house.gateway.nonce, person)
            while True:
                projects = rng.sample(house.projects, rng.randint(1, 3))
                items = [(project, rng.randrange(10**15, 10**17)) for project in projects]
                answer = await post_allocation(rng.choice(clients), person, items, nonce)
                if answer.status_code != 201:
                    assert (answer.status_code, answer.json()) == (403, CLOSED)
                    return
                granted.note(person, nonce, items)
                nonce += 1

        def all_write() -> bool:
            return len(granted.sets) == WRITERS and granted.count >= 2 * WRITERS

        async def close() -> None:
            await eventually(all_write, 30)
            await asyncio.to_thread(house.close_window)

        await asyncio.gather(close(), *(write(person) for person in house.people[:WRITERS]))
    assert len(granted.sets) == WRITERS
    await asyncio.to_thread(assert_counted, house, window, granted)


async def test_allocation__decided_before_the_window_closed_but_slow__is_waited_for(
    house: House, window: Window
) -> None:
    """The seal must come after whoever was told, or will be told, that the window was open."""
    granted = Granted()
    slow = house.people[:5]
    nonces = {p.address: await asyncio.to_thread(house.gateway.nonce, p) for p in slow}
    items = [(house.projects[0], 10**16)]
    async with house.clients() as clients:
        blocker = await asyncpg.connect(house.world.postgres_dsn)
        async with blocker.transaction():
            # Everybody may read what is allocated, nobody may write it.
            await blocker.execute("LOCK TABLE allocations.allocations IN SHARE MODE")
            asked = [
                asyncio.create_task(post_allocation(clients[n % 2], p, items, nonces[p.address]))
                for n, p in enumerate(slow)
            ]
            await eventually(lambda: waiting_for(house, "relation", at_least=5), 30)
            await asyncio.to_thread(house.close_window)

            async def sealed_or_waiting() -> bool:
                sealed = await rows_now(
                    house.world,
                    "SELECT 1 FROM allocations.windows "
                    "WHERE epoch = $1 AND sealed_at_sequence IS NOT NULL",
                    window.epoch,
                )
                return bool(sealed) or await waiting_for(house, "transactionid", at_least=1)

            await eventually(sealed_or_waiting, 30)
        await blocker.close()
        for person, answer in zip(slow, await asyncio.gather(*asked), strict=True):
            assert answer.status_code == 201, answer.text
            granted.note(person, nonces[person.address], items)
    await asyncio.to_thread(assert_counted, house, window, granted)


async def waiting_for(house: House, kind: str, *, at_least: int) -> bool:
    """So many wait for a lock of this kind."""
    (row,) = await rows_now(
        house.world, "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = $1", kind
    )
    return bool(row[0] >= at_least)


def assert_counted(house: House, window: Window, granted: Granted) -> None:
    """Live rows, seal, snapshot and tree hold what was granted last; nothing else was left."""
    gateway, number = house.gateway, window.epoch
    assert gateway.take_snapshot("finalized") == 201
    listed = gateway.get(f"/allocations/epoch/{number}?includeZeroAllocations=true")["allocations"]
    assert sorted((r["donor"], r["project"], int(r["amount"])) for r in listed) == sorted(
        (address, project, amount)
        for address, (_, items) in granted.sets.items()
        for project, amount in items
    )
    requests = rows(house.world, "SELECT * FROM allocations.requests WHERE epoch = $1", number)
    assert len(requests) == granted.count
    for person in house.people[:WRITERS]:
        if person.address in granted.sets:
            assert gateway.nonce(person) == granted.sets[person.address][0] + 1

    epoch = Epoch(house.world, number)
    (seal,) = announced(house, "allocations", "allocations-sealed", number)
    assert (seal["count"], seal["digest"]) == (len(listed), epoch.allocations_digest)
    assert [eip55(row.user) for row in epoch.live] == [row["donor"] for row in listed]

    (pending,) = rows(
        house.world, "SELECT block_number FROM rewards.pending_snapshots WHERE epoch = $1", number
    )
    result = epoch.finalization(epoch.pending(pending["block_number"]))
    assert result.tree is not None
    assert gateway.get(f"/rewards/merkle_tree/{number}") == {
        "epoch": number,
        "rewardsSum": str(sum(amount for _, amount in result.leaves)),
        "root": "0x" + result.tree.root.hex(),
        "leaves": [{"address": eip55(a), "amount": str(wei)} for a, wei in result.leaves],
        "leafEncoding": ["address", "uint256"],
    }
    leaves = dict(result.leaves)
    for address, (_, items) in granted.sets.items():
        kept = window.budgets[address] - sum(amount for _, amount in items)
        assert leaves.get(parse_address(address), 0) == kept


def announced(house: House, service: str, event: str, epoch: int) -> list[dict[str, Any]]:
    found = rows(
        house.world,
        f"SELECT payload FROM {service}.outbox WHERE subject = $1 ORDER BY id",
        f"octant.{service}.v1.{event}",
    )
    events = [json.loads(row["payload"]) for row in found]
    return [event for event in events if event["epoch"] == epoch]
