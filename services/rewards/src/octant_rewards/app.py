"""Composition root of the rewards service: read me first."""

from functools import partial

from octant_chassis.service import Service, start
from octant_contracts import calls
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, REWARDS

from octant_rewards.allocations.events import handlers as allocations_handlers
from octant_rewards.budgets import service as budgets
from octant_rewards.chain.events import HANDLERS as CHAIN_HANDLERS
from octant_rewards.deposits.events import handlers as deposits_handlers
from octant_rewards.funding.keeper import FundingKeeper
from octant_rewards.settings import Settings
from octant_rewards.simulations import budgets as simulated_budgets
from octant_rewards.simulations.finalized import FinalizedSimulator
from octant_rewards.simulations.leverage import simulate_leverage
from octant_rewards.simulations.pending import PendingSimulator
from octant_rewards.snapshots.service import Snapshots
from octant_rewards.statistics import service as statistics
from octant_rewards.withdrawals import service as withdrawals

PACKAGE = "octant_rewards"


async def serve(settings: Settings) -> None:
    async with start(REWARDS, settings, PACKAGE) as service:
        wire(service, settings)
        await service.run()


def wire(service: Service, settings: Settings) -> None:
    """Connects the use cases to their events and calls."""
    db, caller, percents = service.database, service.caller, settings.percents
    snapshots = Snapshots(db, service.notifications, caller, settings)
    trees = withdrawals.Trees()

    service.project(CHAIN_SYNC, CHAIN_HANDLERS)
    service.project(EPOCHS, deposits_handlers(caller))
    service.project(ALLOCATIONS, allocations_handlers(FundingKeeper(percents)))

    service.answer(calls.TAKE_PENDING_SNAPSHOT, snapshots.take_pending)
    service.answer(calls.TAKE_FINALIZED_SNAPSHOT, snapshots.take_finalized)
    service.answer(calls.SNAPSHOT_STATUS, partial(statistics.snapshot_status, db))
    service.answer(calls.SIMULATE_PENDING, PendingSimulator(db, caller).simulate)
    service.answer(calls.SIMULATE_FINALIZED, FinalizedSimulator(db, percents).simulate)
    service.answer(calls.SIMULATE_LEVERAGE, partial(simulate_leverage, db, percents))
    service.answer(
        calls.UPCOMING_BUDGET, partial(simulated_budgets.upcoming_budget, service.caller)
    )
    service.answer(calls.ESTIMATED_BUDGET, partial(simulated_budgets.estimated_budget, db, caller))
    service.answer(
        calls.ESTIMATED_BUDGET_BY_DAYS,
        partial(simulated_budgets.estimated_budget_by_days, db, caller),
    )
    service.answer(calls.USER_BUDGET, partial(budgets.budget, db))
    service.answer(calls.BUDGETS, partial(budgets.budgets, db))
    service.answer(calls.UNUSED_BUDGETS, partial(budgets.unused, db))
    service.answer(calls.THRESHOLD, partial(statistics.threshold, db))
    service.answer(calls.DEPOSIT_TOTALS, partial(statistics.deposit_totals, db))
    service.answer(
        calls.ESTIMATED_PROJECT_REWARDS,
        partial(statistics.estimated_project_rewards, db, percents),
    )
    service.answer(calls.PROJECT_REWARDS, partial(statistics.project_rewards, db))
    service.answer(calls.LEVERAGE, partial(statistics.leverage, db, percents))
    service.answer(calls.EPOCH_STATISTICS, partial(statistics.epoch_statistics, db, percents))
    service.answer(calls.MERKLE_TREE, partial(withdrawals.merkle_tree, db))
    service.answer(calls.WITHDRAWALS, partial(withdrawals.withdrawals, db, trees))
    service.answer(calls.REWARDS_STATUS, partial(statistics.status, db))

    if settings.snapshots == "auto":
        service.lead("snapshots", snapshots.run_automatically)
        service.readiness.check("snapshots", lambda: snapshots.trouble)
