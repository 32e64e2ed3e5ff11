"""The finalized snapshot: one transaction that freezes an epoch's rewards and merkle tree."""

from octant_chassis.database import Database
from octant_chassis.outbox import append
from octant_contracts.errors import Refusal
from octant_contracts.events import FinalizedSnapshotTaken
from octant_contracts.values import Hex, Wei
from octant_protocol.rules import MatchingPercents, live_rules_for

from octant_rewards.allocations import repository as allocations
from octant_rewards.chain.calendar import ChainState
from octant_rewards.estimates.service import estimate_funding, matched_pool, settle
from octant_rewards.snapshots import repository


class EstimateMismatch(Exception):
    """The estimates people saw and a full run differ: one of them is wrong."""


async def take(
    database: Database, percents: MatchingPercents, epoch: int, chain: ChainState
) -> list[int] | None:
    """Takes the snapshot of a sealed epoch; the ids of its events, None when it exists."""
    async with database.transaction("finalized-snapshot") as connection:
        await repository.one_at_a_time(connection, database)
        if await repository.finalized(connection, epoch) is not None:
            return None
        pending = await repository.pending(connection, epoch)
        seal = await allocations.seal(connection, epoch)
        if pending is None or seal is None:
            missing = "pending snapshot" if pending is None else "seal of the allocations"
            raise Refusal("SnapshotTooEarly", epoch=epoch, reason=f"there is no {missing}")
        result = await settle(connection, pending, percents)
        pool = await matched_pool(connection, pending, percents)
        if await estimate_funding(connection, pending, pool, percents) != result.funding:
            raise EstimateMismatch(f"epoch {epoch}: the kept sums are not those of the rows")
        root = Hex(result.tree.root) if result.tree else None
        amounts = {
            "matched_rewards": result.matched.matched,
            "patrons_rewards": result.patrons_rewards,
            "leftover": result.leftover,
            "total_withdrawals": result.total_withdrawals,
            "staking_matched_reserved_for_v2": result.matched.reserved_for_v2,
        }
        await repository.add_finalized(
            connection,
            {
                "epoch": epoch,
                "rules": live_rules_for(epoch).name,
                "block_number": chain.head.number,
                "block_hash": chain.head.hash,
                "allocations_digest": seal.digest,
                "patrons_digest": seal.patrons_digest,
                "merkle_root": root,
                **amounts,
            },
            result,
        )
        return await append(
            connection,
            FinalizedSnapshotTaken(
                epoch=epoch,
                merkle_root=root,
                leaves_count=len(result.leaves),
                **{name: Wei(amount) for name, amount in amounts.items()},
            ),
        )
