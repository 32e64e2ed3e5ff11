"""What one allocation costs when there are few and when there are many.

Allocations of other people are seeded where the allocations service keeps its own, and take
the real way on; then known people allocate through the gateway and look at the estimates.
"""

import asyncio
import random
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import asyncpg
import httpx
from octant_contracts.events import Allocated, AllocationItem
from octant_contracts.values import Address, Wei
from octant_devnet import people, seed, travel
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.world import World
from posting import post_all, signed_bodies
from seeding import addresses, announce, scalar, seed_locks, wait_for

DONORS = 200


async def seed_allocations(
    dsn: str, users: Sequence[Address], projects: Sequence[str], epoch: int
) -> None:
    """Each to three projects, a few ETH and less."""
    connection = await asyncpg.connect(dsn)
    first = await connection.fetchval("SELECT nextval('allocation_sequence')")
    now = await connection.fetchval("SELECT timestamp FROM head")
    chance = random.Random(first)
    targets = [Address.parse(p) for p in projects]

    def allocated() -> Iterator[Allocated]:
        for place, user in enumerate(users):
            yield Allocated(
                sequence=first + place,
                epoch=epoch,
                user=user,
                nonce=0,
                time=now,
                uniqueness_quotient=Decimal(chance.choice(["0.01", "1.0"])),
                is_manually_edited=False,
                allocations=[
                    AllocationItem(project=p, amount=Wei(chance.randrange(10**18)))
                    for p in chance.sample(targets, 3)
                ],
            )

    events = list(allocated())
    async with connection.transaction():
        await connection.copy_records_to_table(
            "users",
            columns=("address", "next_nonce", "revision"),
            records=((bytes(e.user), 1, 1) for e in events),
        )
        await connection.copy_records_to_table(
            "requests",
            columns=(
                "sequence", "epoch", "user", "nonce", "signature", "is_manually_edited", "time",
            ),
            records=((e.sequence, epoch, bytes(e.user), 0, "0x", False, now) for e in events),
        )  # fmt: skip
        await connection.copy_records_to_table(
            "allocations",
            columns=("sequence", "place", "epoch", "user", "project", "amount"),
            records=(
                (e.sequence, place, epoch, bytes(e.user), bytes(item.project), int(item.amount))
                for e in events
                for place, item in enumerate(e.allocations, start=1)
            ),
        )
        await connection.execute("SELECT setval('allocation_sequence', $1)", first + len(events))
        await announce(connection, iter(events))
    await connection.execute("ANALYZE")
    await connection.close()


def post_and_look(
    url: str, donors: Sequence[people.Person], projects: Sequence[str], nonce: int
) -> tuple[float, float]:
    """Median milliseconds until the 201, and from it until the estimates show it."""
    posts, looks = [], []
    with httpx.Client(base_url=url, timeout=30) as http:
        for body in signed_bodies(donors, projects, nonce):
            started = time.perf_counter()
            assert http.post("/allocations/allocate", json=body).status_code == 201
            posted = time.perf_counter()
            assert http.get("/rewards/projects/estimated").status_code == 200
            posts.append(posted - started)
            looks.append(time.perf_counter() - posted)
    return statistics.median(posts) * 1e3, statistics.median(looks) * 1e3


def main(sizes: Sequence[int]) -> None:
    folder = Path("var") / "bench-allocation-curve"
    shutil.rmtree(folder, ignore_errors=True)
    options = WorldOptions(ports=random_ports(), people=False)
    with World(folder, options) as world:
        world.wait_ready()
        donors = [people.person(i, "bench") for i in range(DONORS)]
        seed_locks(world, [Address.parse(p.address) for p in donors])
        epochs, allocations = world.service_dsn("epochs"), world.service_dsn("allocations")
        rewards = world.service_dsn("rewards")
        wait_for(lambda: scalar(epochs, "SELECT count(*) FROM facts") >= DONORS, "facts")
        travel.to_next_epoch(world.chain, world.deployment)
        wait_for(lambda: scalar(allocations, "SELECT count(*) FROM snapshots"), "budgets")
        projects = [p.address for p in seed.seeded_projects()]
        users = addresses(max(sizes))
        there, nonce = 0, 0
        post_all(world.gateway_url, signed_bodies(donors, projects, nonce), 4)
        for size in sizes:
            started = time.perf_counter()
            asyncio.run(seed_allocations(allocations, users[there:size], projects, 1))
            wait_for(
                lambda size=size: (
                    scalar(rewards, 'SELECT count(DISTINCT "user") FROM allocations')
                    >= size + DONORS
                ),
                "projected",
            )
            projected = (time.perf_counter() - started) / (size - there) * 1e6
            there = size
            alone = donors[: DONORS // 2]
            posted, seen = post_and_look(world.gateway_url, alone, projects, nonce + 1)
            rest = donors[DONORS // 2 :]
            wide = post_all(world.gateway_url, signed_bodies(rest, projects, nonce + 1), 16)
            nonce += 1
            print(
                f"{size:>7} allocations: projected {projected:6.0f} µs each; POST {posted:6.1f} ms,"
                f" then seen {seen:6.1f} ms; 16 wide {wide / len(rest) * 1e6:6.0f} µs each"
            )
    shutil.rmtree(folder, ignore_errors=True)


main([int(text) for text in sys.argv[1:]] or [100, 1_000, 10_000, 100_000])
