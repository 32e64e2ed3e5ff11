"""The golden finalizations, through the service's own tables, transactions and answers."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from octant_chassis.database import AsyncConnection, Database
from octant_contracts.calls import Nothing, OfEpoch, OfUser, PageOfEpoch
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    AllocationsSealed,
    BlockAdvanced,
    EpochPropsSet,
    MerkleRootSet,
    PatronModeSet,
    ProjectsSet,
)
from octant_contracts.seals import allocations_digest, patrons_digest
from octant_contracts.values import Address, BlockRef, Hex, encode
from octant_protocol.rules import MatchingPercents
from octant_rewards import tables
from octant_rewards.allocations import events as allocation_events
from octant_rewards.allocations import repository as allocations
from octant_rewards.chain import events as chain_events
from octant_rewards.chain import repository as chain_repository
from octant_rewards.chain.calendar import chain_state
from octant_rewards.funding import repository as funding
from octant_rewards.funding.keeper import FundingKeeper
from octant_rewards.snapshots import finalized, repository
from octant_rewards.statistics import service as statistics
from octant_rewards.withdrawals import service as withdrawals
from sqlalchemy import insert, select

VECTORS = Path(__file__).parents[3] / "tests" / "vectors" / "finalized_snapshot.json"
CASES = json.loads(VECTORS.read_text())["cases"]
PERCENTS = MatchingPercents()


def block(number: int, timestamp: int) -> BlockRef:
    return BlockRef(number=number, hash=Hex(number.to_bytes(32, "big")), timestamp=timestamp)


async def advance(connection: AsyncConnection, number: int, timestamp: int) -> None:
    await chain_events.block_advanced(
        connection, BlockAdvanced(block=block(number, timestamp), final_block=number)
    )


async def store_inputs(connection: AsyncConnection, case: dict[str, Any]) -> None:
    """The state of a window that is open: what earlier steps of the epoch left behind."""
    epoch, row = case["epoch"], case["pending_snapshot_row"]
    end = case["epoch_start"] + case["epoch_duration"]
    here = block(1, end + 1)
    await chain_repository.set_props(
        connection,
        EpochPropsSet(
            block=here,
            index=0,
            from_epoch=1,
            to_epoch=0,
            from_ts=case["epoch_start"] - (epoch - 1) * case["epoch_duration"],
            duration=case["epoch_duration"],
            decision_window=case["decision_window"],
        ),
    )
    await advance(connection, 1, end + 1)
    projects = [Address.parse(p) for p in case["projects"]]
    await chain_repository.set_projects(
        connection, ProjectsSet(block=here, epoch=epoch, projects=projects, cid="")
    )
    users = [Address.parse(u) for u in case["users"]]
    budgets = sorted(((users[u], int(b)) for u, b in case["budgets"]), key=lambda b: b[0].text)
    await repository.add_pending(
        connection,
        {
            "epoch": epoch,
            "rules": "epoch-4",
            "block_number": 1,
            "block_hash": here.hash,
            "deposits_digest": "",
            "finalized_at": end + case["decision_window"],
            "staking_proceeds": int(row["eth_proceeds"]),
            "total_effective_deposit": int(row["total_effective_deposit"]),
            "locked_ratio": row["locked_ratio"],
            "total_rewards": int(row["total_rewards"]),
            "vanilla_individual_rewards": int(row["vanilla_individual_rewards"]),
            "operational_cost": int(row["operational_cost"]),
            "ppf": int(row["ppf"] or 0),
            "community_fund": int(row["community_fund"] or 0),
            "budgets_count": len(budgets),
            "budgets_digest": "",
        },
        budgets,
    )
    scores: dict[int, tuple[int, str]] = {}
    for user, score, created in case["uniqueness_quotients"]:
        age = created if created is not None else 2**62
        if user not in scores or age >= scores[user][0]:
            scores[user] = (age, score)
    table = projects + [Address.parse(p) for p in case["unlisted_projects"]]
    rows = [
        {
            "epoch": epoch,
            "sequence": sequence,
            "place": 0,
            "user": users[user],
            "project": table[project],
            "amount": int(amount),
            "uq": scores.get(user, (0, "0.0"))[1],
            "nonce": 0,
        }
        for sequence, (user, project, amount) in enumerate(case["allocations"])
    ]
    if rows:
        await connection.execute(insert(tables.allocations), rows)
        live = await funding.load(connection, epoch)
        await funding.write_sums(
            connection, epoch, {known.project: live.sum_of(known.project) for known in live.sums()}
        )
    # Ours: of two events in one second the later sequence wins; the vectors: enabled wins.
    in_order = sorted(case["patron_events"], key=lambda e: (e[2], e[1]))
    for sequence, (user, enabled, time) in enumerate(in_order):
        await allocation_events.patron_mode_set(
            FundingKeeper(PERCENTS),
            connection,
            PatronModeSet(
                sequence=10**6 + sequence,
                user=users[user],
                enabled=enabled,
                time=time,
                revoked_epoch=None,
            ),
        )


async def seal(connection: AsyncConnection, case: dict[str, Any]) -> None:
    """The window closes; the seal is computed over the inputs, as allocations would."""
    epoch = case["epoch"]
    end = case["epoch_start"] + case["epoch_duration"]
    rows = (
        await connection.execute(select(tables.allocations).order_by(tables.allocations.c.sequence))
    ).all()
    patrons = await allocations.patrons_at(connection, end + case["decision_window"], None)
    await allocation_events.allocations_sealed(
        connection,
        AllocationsSealed(
            epoch=epoch,
            last_sequence=10**9,
            count=len(rows),
            digest=allocations_digest(
                (r.sequence, r.user, r.project, r.amount, Decimal(r.uq), r.nonce) for r in rows
            ),
            patrons_count=len(patrons),
            patrons_digest=patrons_digest(patrons),
        ),
    )
    await advance(connection, 2, end + case["decision_window"] + 1)


def as_json(answer: Any) -> Any:
    return json.loads(encode(answer))


@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
async def test_finalization__of_a_golden_case__matches_to_the_wei(
    rewards_database: Database, case: dict[str, Any]
) -> None:
    given, expected = case["input"], case["expected"]
    database, epoch = rewards_database, given["epoch"]
    async with database.transaction("test") as connection:
        await store_inputs(connection, given)

    estimated = await statistics.estimated_project_rewards(database, PERCENTS, Nothing())
    info = await statistics.epoch_statistics(database, PERCENTS, OfEpoch(epoch))
    if given["pending_snapshot_row"]["ppf"] is not None:
        assert [[str(r.allocated), str(r.matched)] for r in estimated.rewards] == expected[
            "projects_estimated"
        ]
        leverage = await statistics.leverage(database, PERCENTS, OfEpoch(epoch))
        assert leverage.leverage == expected["leverage_pending"]
        if "epoch_info_pending" in expected:
            assert as_json(info.info) == expected["epoch_info_pending"]

    async with database.transaction("test") as connection:
        await seal(connection, given)
        chain = await chain_state(connection)
    assert await finalized.take(database, PERCENTS, epoch, chain) is not None
    assert await finalized.take(database, PERCENTS, epoch, chain) is None

    async with database.reading() as connection:
        row = await repository.finalized(connection, epoch)
        assert row is not None
        leaves = await repository.leaves(connection, epoch)
        rewards = await repository.project_rewards(connection, epoch)
    if "finalized_snapshot_row" in expected:
        stored = {k: v for k, v in row._mapping.items() if k in expected["finalized_snapshot_row"]}
        stored["withdrawals_merkle_root"] = stored.pop("merkle_root", row.merkle_root)
        wanted = dict(expected["finalized_snapshot_row"])
        assert {k: None if v is None else str(v) for k, v in stored.items()} == {
            k: None if v is None else str(v) for k, v in wanted.items()
        }
        finalized_info = await statistics.epoch_statistics(database, PERCENTS, OfEpoch(epoch))
        assert as_json(finalized_info.info) == expected["epoch_info_finalized"]
        leverage = await statistics.leverage(database, PERCENTS, OfEpoch(epoch))
        assert leverage.leverage == expected["leverage_finalized"]
        assert [[r.address.text, str(r.allocated), str(r.matched)] for r in rewards] == expected[
            "projects_epoch"
        ]
        if expected.get("merkle_tree_status") == 400:
            with pytest.raises(Refusal):
                await withdrawals.merkle_tree(database, PageOfEpoch(epoch))
        elif "merkle_tree" in expected:
            page = as_json(await withdrawals.merkle_tree(database, PageOfEpoch(epoch)))
            page.pop("nextCursor")
            if "leaves_count" in expected["merkle_tree"]:
                page["leaves_count"] = len(page.pop("leaves"))
            assert page == expected["merkle_tree"]
            assert len(leaves) == len(expected["merkle_tree"].get("leaves", leaves))
    if "withdrawals" in expected:
        async with database.transaction("test") as connection:
            await chain_repository.add_root(
                connection,
                MerkleRootSet(
                    block=block(3, chain.head.timestamp),
                    log_index=0,
                    transaction_hash=Hex(b""),
                    epoch=epoch,
                    root=row.merkle_root,
                ),
            )
        for address, wanted in expected["withdrawals"].items():
            answer = await withdrawals.withdrawals(
                database, withdrawals.Trees(), OfUser(Address.parse(address))
            )
            assert as_json(answer)["withdrawals"] == wanted
