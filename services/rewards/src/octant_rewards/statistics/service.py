"""The snapshot part of `/epochs/info`, leverage, and the state flags of an epoch."""

from decimal import Decimal
from typing import Any

from octant_chassis.database import Database
from octant_contracts.calls import (
    DepositTotals,
    EpochInfo,
    EpochStatistics,
    Leverage,
    Nothing,
    OfEpoch,
    ProjectRewards,
    ProjectRewardsRow,
    ProjectThreshold,
    RewardsStatus,
    SnapshotStatus,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Wei
from octant_protocol.historical import allocation_threshold
from octant_protocol.leverage import total_leverage
from octant_protocol.rules import MatchingPercents, rules_for
from octant_protocol.settlement import donated_to_projects, unused_matched_rewards
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards.chain import repository as chain_repository
from octant_rewards.chain.calendar import chain_state
from octant_rewards.estimates.service import estimate_funding, estimate_totals, matched_pool
from octant_rewards.funding import repository as funding
from octant_rewards.snapshots import repository


async def epoch_statistics(
    database: Database, percents: MatchingPercents, request: OfEpoch
) -> EpochStatistics:
    """Stored numbers of a finalized epoch, estimates of a pending one, None without a snapshot."""
    async with database.reading() as connection:
        pending = await repository.pending(connection, request.epoch)
        if pending is None:
            return EpochStatistics(info=None)
        finalized = await repository.finalized(connection, request.epoch)
        if finalized is not None:
            donated = await _donated(connection, pending, finalized)
            amounts = {
                "total_withdrawals": finalized.total_withdrawals,
                "patrons_rewards": finalized.patrons_rewards,
                "matched_rewards": finalized.matched_rewards,
                "leftover": finalized.leftover,
                "donated_to_projects": donated,
                "staking_matched_reserved_for_v2": finalized.staking_matched_reserved_for_v2,
            }
        else:
            pool = await matched_pool(connection, pending, percents)
            result = await estimate_funding(connection, pending, pool, percents)
            totals = await estimate_totals(connection, pending, pool, result, percents)
            amounts = {
                "total_withdrawals": totals.total_withdrawals,
                "patrons_rewards": pool.patrons_rewards,
                "matched_rewards": pool.matched.matched,
                "leftover": totals.leftover,
                "donated_to_projects": result.donated,
                "staking_matched_reserved_for_v2": pool.matched.reserved_for_v2,
            }
    return EpochStatistics(
        info=EpochInfo(
            epoch=request.epoch,
            staking_proceeds=Wei(pending.staking_proceeds),
            total_effective_deposit=Wei(pending.total_effective_deposit),
            total_rewards=Wei(pending.total_rewards),
            vanilla_individual_rewards=Wei(pending.vanilla_individual_rewards),
            operational_cost=Wei(pending.operational_cost),
            ppf=Wei(pending.ppf),
            community_fund=Wei(pending.community_fund),
            **{name: Wei(amount) for name, amount in amounts.items()},
        )
    )


async def _donated(connection: AsyncConnection, pending: Row[Any], finalized: Row[Any]) -> int:
    """Donations and match of a finalized epoch by the epoch's own rules."""
    rules = rules_for(pending.epoch)
    unused = unused_matched_rewards(
        leftover=finalized.leftover,
        proceeds=pending.staking_proceeds,
        operational_cost=pending.operational_cost,
        community_fund=pending.community_fund,
        ppf=pending.ppf,
        total_withdrawals=finalized.total_withdrawals,
        rules=rules,
    )
    return donated_to_projects(
        matched=finalized.matched_rewards,
        unused=unused,
        allocated_per_project=[
            int(known.amount) for known in await funding.sums(connection, pending.epoch)
        ],
        rules=rules,
    )


async def leverage(database: Database, percents: MatchingPercents, request: OfEpoch) -> Leverage:
    """matched / Σ allocations; refused before the pending snapshot."""
    async with database.reading() as connection:
        pending = await repository.pending(connection, request.epoch)
        if pending is None:
            chain = await chain_state(connection)
            early = request.epoch >= chain.current or request.epoch == chain.pending
            raise Refusal("NotImplementedForGivenEpochState" if early else "InvalidEpoch")
        finalized = await repository.finalized(connection, request.epoch)
        matched = (
            finalized.matched_rewards
            if finalized is not None
            else (await matched_pool(connection, pending, percents)).matched.matched
        )
        return Leverage(total_leverage(matched, await funding.total(connection, request.epoch)))


async def estimated_project_rewards(
    database: Database, percents: MatchingPercents, _: Nothing
) -> ProjectRewards:
    """Every project of the pending epoch in contract order, zeros included."""
    async with database.reading() as connection:
        epoch = (await chain_state(connection)).pending
        if epoch is None:
            raise Refusal("AllocationWindowClosed")
        pending = await repository.pending(connection, epoch)
        if pending is None:
            raise Refusal("PendingSnapshotMissing")
        pool = await matched_pool(connection, pending, percents)
        result = await estimate_funding(connection, pending, pool, percents)
    return ProjectRewards(
        [
            ProjectRewardsRow(Address(p.project), Wei(p.allocated), Wei(p.matched))
            for p in result.projects
        ]
    )


async def project_rewards(database: Database, request: OfEpoch) -> ProjectRewards:
    """Finalized rewards; empty for an epoch that is not finalized."""
    if request.epoch < 0:
        raise Refusal("InvalidEpoch")
    async with database.reading() as connection:
        return ProjectRewards(await repository.project_rewards(connection, request.epoch))


async def threshold(database: Database, request: OfEpoch) -> ProjectThreshold:
    """Wei a project had to exceed in the oldest epochs; None since."""
    if request.epoch < 0:
        raise Refusal("InvalidEpoch")
    async with database.reading() as connection:
        projects = await chain_repository.projects(connection, request.epoch)
        total = await funding.total(connection, request.epoch)
    value = allocation_threshold(total, len(projects), rules_for(request.epoch))
    return ProjectThreshold(None if value is None else Wei(value))


async def deposit_totals(database: Database, request: OfEpoch) -> DepositTotals:
    """Of the pending snapshot; refused without one."""
    async with database.reading() as connection:
        pending = await repository.pending(connection, request.epoch)
    if pending is None:
        raise Refusal("InvalidEpoch")
    return DepositTotals(
        total_effective_deposit=Wei(pending.total_effective_deposit),
        locked_ratio=Decimal(pending.locked_ratio),
    )


async def snapshot_status(database: Database, request: OfEpoch) -> SnapshotStatus:
    async with database.reading() as connection:
        chain = await chain_state(connection)
        epoch = request.epoch
        if epoch <= chain.finalized:
            done = await repository.finalized(connection, epoch) is not None
            return SnapshotStatus(is_current=False, is_pending=False, is_finalized=done)
        if epoch > chain.current:
            raise Refusal("EpochNotStartedYet")
        if epoch == chain.current:
            return SnapshotStatus(is_current=True, is_pending=False, is_finalized=False)
        if epoch != chain.pending:
            raise Refusal("InvalidEpoch")
        taken = await repository.pending(connection, epoch) is not None
        return SnapshotStatus(is_current=False, is_pending=taken, is_finalized=False)


async def status(database: Database, _: Nothing) -> RewardsStatus:
    async with database.reading() as connection:
        head = await chain_repository.head(connection)
        last_pending, last_finalized = await repository.last_epochs(connection)
    return RewardsStatus(
        head_number=head.number if head else 0,
        head_timestamp=head.timestamp if head else 0,
        last_pending_snapshot=last_pending,
        last_finalized_snapshot=last_finalized,
    )
