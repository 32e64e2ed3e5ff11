"""What an epoch would come to if its window closed now, from the live allocations."""

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from octant_contracts.errors import Refusal
from octant_protocol.finalization import Finalization, PendingAmounts, finalize
from octant_protocol.funding import FundingResult, FundingSums
from octant_protocol.matching import LockedRatioTooHigh, MatchedRewards, matched_rewards
from octant_protocol.rules import MatchingPercents, Rules, live_rules_for
from octant_protocol.settlement import leftover, total_withdrawals
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards.allocations import repository as allocations
from octant_rewards.budgets import repository as budgets
from octant_rewards.chain import repository as chain
from octant_rewards.funding import repository as funding
from octant_rewards.snapshots import repository as snapshots

Pending = Row[Any]
"""The row of the epoch's pending snapshot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """The matched pool as of now, and the part of it that patrons give; wei."""

    matched: MatchedRewards
    patrons_rewards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the vault would pay and what would be left; wei."""

    total_withdrawals: int
    leftover: int


async def matched_pool(
    connection: AsyncConnection, pending: Pending, percents: MatchingPercents
) -> Pool:
    """Refusal InvalidMatchedRewardsStrategy where the rule set has no matched rewards."""
    patrons = await budgets.patrons_rewards(connection, pending.epoch, pending.finalized_at)
    try:
        matched = matched_rewards(
            proceeds=pending.staking_proceeds,
            locked_ratio=Decimal(pending.locked_ratio),
            patrons_rewards=patrons,
            rules=_rules(pending, percents),
            total_rewards=pending.total_rewards,
            vanilla_individual_rewards=pending.vanilla_individual_rewards,
        )
    except LockedRatioTooHigh:
        raise Refusal("InvalidMatchedRewardsStrategy") from None
    return Pool(matched=matched, patrons_rewards=patrons)


async def estimate_funding(
    connection: AsyncConnection, pending: Pending, pool: Pool, percents: MatchingPercents
) -> FundingResult:
    """The sharing of the pool, from the sums kept per project: independent of how many gave."""
    sums = FundingSums(sums=await funding.sums(connection, pending.epoch))
    projects = [bytes(p) for p in await chain.projects(connection, pending.epoch)]
    return sums.result(projects, pool.matched.matched, _rules(pending, percents))


async def estimate_totals(
    connection: AsyncConnection,
    pending: Pending,
    pool: Pool,
    result: FundingResult,
    percents: MatchingPercents,
) -> Totals:
    claims = await budgets.sum_of_claims(connection, pending.epoch)
    withdrawals = total_withdrawals(claims, result)
    return Totals(
        total_withdrawals=withdrawals,
        leftover=leftover(
            proceeds=pending.staking_proceeds,
            operational_cost=pending.operational_cost,
            community_fund=pending.community_fund,
            ppf=pending.ppf,
            total_withdrawals=withdrawals,
            matched=pool.matched.matched,
            used=result.used,
            rules=_rules(pending, percents),
        ),
    )


async def settle(
    connection: AsyncConnection, pending: Pending, percents: MatchingPercents
) -> Finalization:
    """All numbers of the epoch in one full run; final once its allocations are sealed.

    Refusal InvalidMatchedRewardsStrategy where the rule set has no matched rewards.
    """
    seal = await allocations.seal(connection, pending.epoch)
    patrons = await allocations.patrons_at(
        connection, pending.finalized_at, seal.last_sequence if seal else None
    )
    compute = partial(
        finalize,
        pending=PendingAmounts(
            proceeds=pending.staking_proceeds,
            locked_ratio=Decimal(pending.locked_ratio),
            operational_cost=pending.operational_cost,
            ppf=pending.ppf,
            community_fund=pending.community_fund,
            total_rewards=pending.total_rewards,
            vanilla_individual_rewards=pending.vanilla_individual_rewards,
        ),
        budgets=await snapshots.budgets_of_participants(connection, pending.epoch, patrons),
        patrons=[bytes(p) for p in patrons],
        rows=await allocations.live_rows(connection, pending.epoch),
        projects=[bytes(p) for p in await chain.projects(connection, pending.epoch)],
        rules=_rules(pending, percents),
    )
    try:
        # Thousands of leaves take a noticeable part of a second: other calls go on meanwhile.
        return await asyncio.to_thread(compute)
    except LockedRatioTooHigh:
        raise Refusal("InvalidMatchedRewardsStrategy") from None


def _rules(pending: Pending, percents: MatchingPercents) -> Rules:
    return live_rules_for(pending.epoch).with_percents(percents)
