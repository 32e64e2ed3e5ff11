"""Budgets that somebody would get: if the epoch ended now, or for GLM locked from now on."""

from octant_chassis.calls import Caller
from octant_chassis.database import Database
from octant_contracts.calls import (
    ESTIMATED_TOTAL_DEPOSIT,
    LOCKED_GLM,
    USER_DEPOSIT_UNTIL,
    DaysEstimateRequest,
    EpochsEstimateRequest,
    EstimatedBudget,
    EstimatedBudgetByDays,
    Nothing,
    OfUser,
    UpcomingBudget,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Wei
from octant_protocol.calendar import EpochProps, bounds
from octant_protocol.estimates import (
    CurrentEpoch,
    estimate_budget_by_days,
    estimate_future_budget,
    matched_funding,
)
from octant_protocol.proceeds import estimate_staking_proceeds, split_proceeds, user_budget
from octant_protocol.rules import live_rules_for

from octant_rewards.chain.calendar import ChainState, chain_state
from octant_rewards.funding import repository as funding
from octant_rewards.snapshots import repository as snapshots


async def upcoming_budget(caller: Caller, request: OfUser) -> UpcomingBudget:
    """Of the current epoch if it ended at the head's time, with estimated proceeds."""
    deposit = await caller.ask(USER_DEPOSIT_UNTIL, request)
    rules = live_rules_for(deposit.epoch)
    proceeds = estimate_staking_proceeds(deposit.until - deposit.start)
    total = deposit.total_effective_deposit
    split = split_proceeds(proceeds, total, rules)
    budget = user_budget(
        deposit.effective_deposit, total, split.vanilla_individual_rewards, split.ppf, rules
    )
    return UpcomingBudget(upcoming_budget=Wei(budget))


async def estimated_budget(
    database: Database, caller: Caller, request: EpochsEstimateRequest
) -> EstimatedBudget:
    """Of whole future epochs, and what it would attract at the last finalized one's leverage.

    Refusal MissingSnapshot before the newest closed epoch is finalized.
    """
    async with database.reading() as connection:
        chain = await chain_state(connection)
        last = await snapshots.finalized(connection, chain.finalized)
        if last is None:
            raise Refusal("MissingSnapshot")
        allocated = await funding.total(connection, last.epoch)
    locked = await caller.ask(LOCKED_GLM, Nothing())
    newest = _newest(chain)
    budget = request.number_of_epochs * estimate_future_budget(
        start=newest.from_ts,
        duration=newest.duration,
        lock_duration=newest.duration,
        amount=request.glm_amount,
        balance=locked.value,
        rules=live_rules_for(chain.current + 1),
    )
    return EstimatedBudget(
        budget=Wei(budget),
        matched_funding=Wei(matched_funding(budget, last.matched_rewards, allocated)),
    )


async def estimated_budget_by_days(
    database: Database, caller: Caller, request: DaysEstimateRequest
) -> EstimatedBudgetByDays:
    """The rest of the current epoch and whole epochs after it; refused before the first."""
    async with database.reading() as connection:
        chain = await chain_state(connection)
    if chain.current == 0:
        raise Refusal("EpochNotIndexed", epoch=0)
    span = bounds(chain.props, chain.current)
    total = await caller.ask(ESTIMATED_TOTAL_DEPOSIT, Nothing())
    locked = await caller.ask(LOCKED_GLM, Nothing())
    newest = _newest(chain)
    budget = estimate_budget_by_days(
        days=request.days,
        amount=request.glm_amount,
        now=chain.head.timestamp,
        current=CurrentEpoch(span.start, span.end - span.start, total.total_effective),
        future_start=newest.from_ts,
        future_duration=newest.duration,
        balance=locked.value,
        rules=live_rules_for(chain.current),
    )
    return EstimatedBudgetByDays(budget=Wei(budget))


def _newest(chain: ChainState) -> EpochProps:
    """What future epochs look like."""
    return max(chain.props, key=lambda entry: entry.index)
