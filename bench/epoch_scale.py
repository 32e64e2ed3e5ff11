"""One epoch with many people: settle, pending snapshot, finalized snapshot, memory.

Locks are seeded as facts of chain-sync; everything after them is the real way. The floor of
each snapshot is the bare computation of the protocol, in one process without any I/O.
"""

import shutil
import sys
import time
from decimal import Decimal
from pathlib import Path

from measure import report
from octant_contracts.values import Address
from octant_devnet import people, seed, travel
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.world import World
from octant_protocol.finalization import PendingAmounts, finalize
from octant_protocol.funding import AllocationRow
from octant_protocol.proceeds import split_proceeds, user_budget
from octant_protocol.rules import EPOCH_4
from posting import post_all, signed_bodies
from seeding import GLM, addresses, peak_megabytes, scalar, seed_locks, timed_post, wait_for

SERVICES = ("epochs", "rewards", "allocations")
DONORS = 1_000


def floor_pending(count: int) -> float:
    """Seconds for the split and everybody's budget."""
    total = count * 1_000 * GLM
    started = time.perf_counter()
    split = split_proceeds(10**21, total, EPOCH_4)
    for place in range(count):
        user_budget(
            1_000 * GLM + place, total, split.vanilla_individual_rewards, split.ppf, EPOCH_4
        )
    return time.perf_counter() - started


def floor_finalized(budgets: dict[bytes, int], rows: list[AllocationRow]) -> float:
    projects = [bytes(Address.parse(p.address)) for p in seed.seeded_projects()]
    split = split_proceeds(10**21, 10**25, EPOCH_4)
    started = time.perf_counter()
    finalize(
        pending=PendingAmounts(
            proceeds=10**21,
            locked_ratio=split.locked_ratio,
            operational_cost=split.operational_cost,
            ppf=split.ppf,
            community_fund=split.community_fund,
        ),
        budgets=budgets,
        patrons=[],
        rows=rows,
        projects=projects,
        rules=EPOCH_4,
    )
    return time.perf_counter() - started


def measure(count: int) -> None:
    folder = Path("var") / "bench-epoch-scale"
    shutil.rmtree(folder, ignore_errors=True)
    options = WorldOptions(ports=random_ports(), people=False, snapshots="manual")
    with World(folder, options) as world:
        world.wait_ready()
        before = {name: peak_megabytes(world, name) for name in SERVICES}
        donors = [people.person(i, "bench") for i in range(DONORS)]
        users = [*(Address.parse(p.address) for p in donors), *addresses(count - DONORS)]
        epochs, rewards = world.service_dsn("epochs"), world.service_dsn("rewards")

        started = time.perf_counter()
        seed_locks(world, users)
        wait_for(lambda: scalar(epochs, "SELECT count(*) FROM facts") >= count, "facts")
        print(f"{count:>7} people: facts projected in {time.perf_counter() - started:6.2f} s")

        started = time.perf_counter()
        travel.to_next_epoch(world.chain, world.deployment)
        wait_for(lambda: scalar(epochs, "SELECT count(*) FROM settlements"), "settled")
        print(f"{count:>7} people: epoch end → settled   {time.perf_counter() - started:6.2f} s")
        wait_for(lambda: scalar(rewards, "SELECT count(*) FROM settlements"), "known to rewards")
        print(f"{count:>7} people: → known to rewards   {time.perf_counter() - started:6.2f} s")

        seconds, answer = timed_post(world.gateway_url, "/snapshots/pending")
        assert answer.status_code == 201, answer.text
        report(f"POST pending, {count} people", floor_pending(count) * 1e3, seconds * 1e3, "ms")
        allocations = world.service_dsn("allocations")
        started = time.perf_counter()
        wait_for(lambda: scalar(allocations, "SELECT count(*) FROM snapshots"), "budgets")
        print(f"{count:>7} people: 201 → all may allocate {time.perf_counter() - started:6.2f} s")

        projects = [p.address for p in seed.seeded_projects()]
        bodies = signed_bodies(donors, projects, 0)
        took = post_all(world.gateway_url, bodies, 16)
        print(f"{DONORS:>7} allocations: {took / DONORS * 1e6:9.0f} µs each, 16 wide")
        travel.to_next_epoch(world.chain, world.deployment)
        wait_for(lambda: scalar(rewards, "SELECT count(*) FROM seals"), "sealed")
        seconds, answer = timed_post(world.gateway_url, "/snapshots/finalized")
        assert answer.status_code == 201, answer.text
        rows = [
            AllocationRow(
                bytes(Address.parse(item["proposalAddress"])),
                int(item["amount"]),
                Decimal("0.01"),
                bytes(Address.parse(body["userAddress"])),
            )
            for body in bodies
            for item in body["payload"]["allocations"]
        ]
        budgets = {bytes(user): 10**15 for user in users}
        report(
            f"POST finalized, {DONORS} allocations, {count} people",
            floor_finalized(budgets, rows) * 1e3, seconds * 1e3, "ms",
        )  # fmt: skip
        for name in SERVICES:
            peak = peak_megabytes(world, name)
            print(f"{name:<12} peak {peak:6.0f} MB, {peak - before[name]:6.0f} above idle")
    shutil.rmtree(folder, ignore_errors=True)


for size in [int(text) for text in sys.argv[1:]] or [10_000, 100_000]:
    measure(size)
