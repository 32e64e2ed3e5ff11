"""A snapshot follows from facts that anybody can read, is taken once, and keeps what was said."""

import asyncio
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import httpx
import pytest
from octant_devnet.people import Person
from octant_protocol.pending import PendingSnapshot

from laws.recompute import Epoch, Row
from laws.support import rows
from laws.window.house import House, Window

pytestmark = pytest.mark.xdist_group("laws-window")


def play(house: House, window: Window, seed: str) -> None:
    """Gifts of all kinds: replaced, of nothing, weighed otherwise, ended by patron mode."""
    rng = random.Random(seed)
    gateway = house.gateway

    def give(person: Person, parts: int) -> None:
        most = window.budgets[person.address] // parts
        projects = rng.sample(house.projects, parts)
        gateway.allocate(person, [(project, rng.randrange(most)) for project in projects])

    donors, undecided, patrons = house.people[:10], house.people[10:13], house.people[13:16]
    for person in [*donors[:3], undecided[0]]:
        trust(house, person, window.epoch, "1.0")
    for person in [*donors, *undecided, *patrons[:2]]:
        give(person, rng.randint(1, 4))
    trust(house, donors[4], window.epoch, "0.35")  # weighed anew after giving
    for person in undecided:
        give(person, 2)
    gateway.allocate(house.people[16], [(house.projects[0], 0)])  # keeps everything
    for person in patrons:
        gateway.set_patron_mode(person, True)
    gateway.set_patron_mode(patrons[1], False)  # gives nothing at all, in the end
    gateway.allocate(house.people[17], [(house.projects[1], 7), (house.projects[2], 0)])


def trust(house: House, person: Person, epoch: int, score: str) -> None:
    body = {
        "epoch": epoch, "user": person.address, "score": score,
        "who": "operator", "why": "known to be one person",
    }  # fmt: skip
    url = house.world.operations_url("allocations")
    assert httpx.post(f"{url}/uniqueness-quotients", json=body).is_success


def test_estimate__just_before_the_window_closes__is_the_finalized_snapshot(
    house: House, window: Window
) -> None:
    gateway, epoch = house.gateway, window.epoch
    play(house, window, "estimate")
    told = {
        path: gateway.get(path)
        for path in (
            "/rewards/projects/estimated",
            "/snapshots/finalized/simulate",
            f"/epochs/info/{epoch}",
            f"/rewards/leverage/{epoch}",
            f"/rewards/unused/{epoch}",
        )
    }
    kept = {person.address: withdrawals(house, person, epoch) for person in house.people}
    house.close_window()
    assert gateway.take_snapshot("finalized") == 201

    estimated = told.pop("/rewards/projects/estimated")["rewards"]
    assert gateway.get(f"/rewards/projects/epoch/{epoch}")["rewards"] == sorted(
        (row for row in estimated if row["allocated"] != "0"), key=lambda row: row["address"]
    )
    simulated = told.pop("/snapshots/finalized/simulate")
    assert gateway.get(f"/rewards/merkle_tree/{epoch}")["root"] == simulated["merkleRoot"]
    for path, before in told.items():
        assert gateway.get(path) == before
    assert simulated["totalWithdrawals"] == told[f"/epochs/info/{epoch}"]["totalWithdrawals"]
    assert {p.address: withdrawals(house, p, epoch) for p in house.people} == kept
    assert sum(map(bool, kept.values())) == 15


def withdrawals(house: House, person: Person, epoch: int) -> list[str]:
    entries = house.gateway.get(f"/withdrawals/{person.address}")
    return [entry["amount"] for entry in entries if entry["epoch"] == epoch]


def test_snapshots__of_a_played_epoch__follow_from_the_stored_facts(
    house: House, window: Window
) -> None:
    play(house, window, "recomputed")
    house.close_window()
    assert house.gateway.take_snapshot("finalized") == 201

    epoch = Epoch(house.world, window.epoch)
    pending = of_epoch(house, "pending_snapshots", window.epoch)
    assert is_block_of(house, pending[0], at_least=epoch.span.end)
    snapshot: PendingSnapshot = epoch.pending(pending[0]["block_number"])
    assert without_block(pending) == [epoch.pending_row(snapshot)]
    assert of_epoch(house, "budgets", window.epoch, "position") == epoch.budget_rows(snapshot)
    result = epoch.finalization(snapshot)
    finalized = of_epoch(house, "finalized_snapshots", window.epoch)
    assert is_block_of(house, finalized[0], at_least=epoch.span.finalized_at)
    assert without_block(finalized) == [epoch.finalized_row(result)]
    assert of_epoch(house, "rewards", window.epoch, "address, of_project") == epoch.reward_rows(
        result
    )
    assert of_epoch(house, "leaves", window.epoch, "position") == epoch.leaf_rows(result)
    # The play left something of everything.
    assert len(epoch.live) > 20
    assert len(epoch.patrons) == 2
    assert result.patrons_rewards > 0
    assert {row.uq for row in epoch.live} == {Decimal("1.0"), Decimal("0.35"), Decimal("0.01")}


async def test_snapshots__asked_for_by_ten_at_once__are_taken_by_one_and_then_stay(
    house: House,
) -> None:
    epoch = await asyncio.to_thread(house.travel)
    async with house.clients() as clients:
        for kind in ("pending", "finalized"):
            answers = await asyncio.gather(
                *(clients[n % 2].post(f"/snapshots/{kind}") for n in range(10))
            )
            assert Counter((a.status_code, a.text) for a in answers) == {
                (201, f'{{"epoch":{epoch}}}'): 1,
                (200, "null"): 9,
            }
            before = await asyncio.to_thread(snapshots, house)
            for http in clients:
                again = await http.post(f"/snapshots/{kind}")
                assert (again.status_code, again.text) == (200, "null")
            assert await asyncio.to_thread(snapshots, house) == before
            await asyncio.to_thread(house.close_window)


def snapshots(house: House) -> dict[str, list[Row]]:
    """Everything that taking one could write."""
    return {
        table: [dict(row) for row in rows(house.world, f"SELECT * FROM rewards.{table} ORDER BY 1")]
        for table in ("pending_snapshots", "budgets", "finalized_snapshots", "rewards", "leaves")
    } | {"outbox": [dict(row) for row in rows(house.world, "SELECT id FROM rewards.outbox")]}


def of_epoch(house: House, table: str, epoch: int, order: str = "epoch") -> list[Row]:
    query = f"SELECT * FROM rewards.{table} WHERE epoch = $1 ORDER BY {order}"
    return [
        {column: int(v) if isinstance(v, Decimal) else v for column, v in row.items()}
        for row in rows(house.world, query, epoch)
    ]


def is_block_of(house: House, row: Row, *, at_least: int) -> bool:
    """The block that the row names is the chain's, and late enough."""
    block: dict[str, Any] = house.world.chain.block(row["block_number"])
    assert block["hash"] == "0x" + row["block_hash"].hex()
    return int(block["timestamp"], 16) >= at_least


def without_block(found: list[Row]) -> list[Row]:
    return [
        {column: v for column, v in row.items() if column not in ("block_number", "block_hash")}
        for row in found
    ]
