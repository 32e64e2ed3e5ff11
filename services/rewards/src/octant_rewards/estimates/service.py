"""What an epoch would come to if its window closed now, from the live allocations."""

from decimal import Decimal
from typing import Any

from octant_contracts.errors import Refusal
from octant_protocol.finalization import Finalization, PendingAmounts, finalize
from octant_protocol.matching import LockedRatioTooHigh
from octant_protocol.rules import MatchingPercents, live_rules_for
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards.allocations import repository as allocations
from octant_rewards.chain import repository as chain
from octant_rewards.snapshots import repository as snapshots


async def settle(
    connection: AsyncConnection, pending: Row[Any], percents: MatchingPercents
) -> Finalization:
    """All numbers of the epoch as of now; final once its allocations are sealed.

    `pending` is the row of the epoch's pending snapshot. Refusal
    InvalidMatchedRewardsStrategy where the rule set has no matched rewards.
    """
    seal = await allocations.seal(connection, pending.epoch)
    patrons = await allocations.patrons_at(
        connection, pending.finalized_at, seal.last_sequence if seal else None
    )
    budgets = await snapshots.budgets(connection, pending.epoch)
    try:
        return finalize(
            pending=PendingAmounts(
                proceeds=pending.staking_proceeds,
                locked_ratio=Decimal(pending.locked_ratio),
                operational_cost=pending.operational_cost,
                ppf=pending.ppf,
                community_fund=pending.community_fund,
                total_rewards=pending.total_rewards,
                vanilla_individual_rewards=pending.vanilla_individual_rewards,
            ),
            budgets={bytes(row.address): row.amount for row in budgets},
            patrons=[bytes(p) for p in patrons],
            rows=await allocations.live_rows(connection, pending.epoch),
            projects=[bytes(p) for p in await chain.projects(connection, pending.epoch)],
            rules=live_rules_for(pending.epoch).with_percents(percents),
        )
    except LockedRatioTooHigh:
        raise Refusal("InvalidMatchedRewardsStrategy") from None
