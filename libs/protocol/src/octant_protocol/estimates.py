"""Budget estimators: simulated locks in the current and in future epochs."""

from dataclasses import dataclass

from octant_protocol.deposits import DepositEvent, effective_deposit
from octant_protocol.leverage import total_leverage
from octant_protocol.proceeds import (
    ProceedsSplit,
    estimate_staking_proceeds,
    split_proceeds,
    user_budget,
)
from octant_protocol.rules import Rules

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class EpochEstimate:
    """Effective deposit (wei of GLM), the split it was taken from and the budget (wei)."""

    effective_deposit: int
    split: ProceedsSplit
    budget: int


def estimate_epoch_budget(
    *,
    start: int,
    duration: int,
    remaining: int,
    lock_duration: int,
    amount: int,
    total_effective_deposit: int,
    proceeds: int,
    rules: Rules,
) -> EpochEstimate:
    """Budget of `amount` wei of GLM locked when `remaining` seconds of the epoch are left.

    It is unlocked after `lock_duration` seconds if that ends inside the epoch (which earns
    nothing). The simulated user is not added to the total. Source: estimators, building block.
    """
    end = start + duration
    locked_at = end - remaining
    events = [DepositEvent("Locked", locked_at, amount, "Octant", 0)]
    if lock_duration < remaining:
        unlocked_at = locked_at + lock_duration
        events.append(DepositEvent("Unlocked", unlocked_at, amount, "Octant", amount))
    deposit = effective_deposit(events, start, end, rules).effective
    split = split_proceeds(proceeds, total_effective_deposit, rules)
    budget = user_budget(
        deposit,
        total_effective_deposit,
        split.vanilla_individual_rewards,
        split.ppf,
        rules,
    )
    return EpochEstimate(deposit, split, budget)


@dataclass(frozen=True, slots=True)
class CurrentEpoch:
    """The running epoch: its bounds in seconds and its total effective deposit (wei of GLM)."""

    start: int
    duration: int
    total_effective_deposit: int


def estimate_future_budget(
    *, start: int, duration: int, lock_duration: int, amount: int, balance: int, rules: Rules
) -> int:
    """Budget (wei) of one whole future epoch; `balance` is the GLM in the Deposits contract."""
    return estimate_epoch_budget(
        start=start,
        duration=duration,
        remaining=duration,
        lock_duration=lock_duration,
        amount=amount,
        total_effective_deposit=balance,
        proceeds=estimate_staking_proceeds(duration),
        rules=rules,
    ).budget


def estimate_budget_by_days(
    *,
    days: int,
    amount: int,
    now: int,
    current: CurrentEpoch,
    future_start: int,
    future_duration: int,
    balance: int,
    rules: Rules,
) -> int:
    """Budget (wei) of `amount` wei of GLM locked for `days` from `now` on.

    The rest of the current epoch, whole future epochs, and a broken one (which earns nothing).
    Source: estimators, by days.
    """
    remaining = current.start + current.duration - now
    seconds = days * SECONDS_PER_DAY
    budget = estimate_epoch_budget(
        start=current.start,
        duration=current.duration,
        remaining=remaining,
        lock_duration=seconds,
        amount=amount,
        total_effective_deposit=current.total_effective_deposit,
        proceeds=estimate_staking_proceeds(current.duration),
        rules=rules,
    ).budget
    seconds -= remaining
    if seconds <= 0:
        return budget

    def future(lock_duration: int) -> int:
        return estimate_future_budget(
            start=future_start,
            duration=future_duration,
            lock_duration=lock_duration,
            amount=amount,
            balance=balance,
            rules=rules,
        )

    epochs, rest = divmod(seconds, future_duration)
    if epochs:
        budget += epochs * future(future_duration)
    if rest:
        budget += future(rest)
    return budget


def matched_funding(budget: int, matched: int, allocated: int) -> int:
    """What a budget would attract at an epoch's leverage, wei, in doubles."""
    return int(budget * total_leverage(matched, allocated))
