"""The pending snapshot: everybody's deposits, the split of the proceeds and the budgets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from octant_protocol.address import eip55
from octant_protocol.deposits import DepositEvent, EffectiveDeposit, effective_deposit, unify
from octant_protocol.proceeds import ProceedsSplit, split_proceeds, user_budget
from octant_protocol.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSnapshot:
    """Deposits of every user (zeros too) and budgets above zero, both in snapshot order."""

    proceeds: int
    total_effective_deposit: int
    split: ProceedsSplit
    deposits: dict[bytes, EffectiveDeposit]
    budgets: dict[bytes, int]


def deposits_of_all(
    *,
    start: int,
    end: int,
    opening: Mapping[bytes, int],
    events: Mapping[bytes, Sequence[DepositEvent]],
    grace_period: int,
    rules: Rules,
) -> dict[bytes, EffectiveDeposit]:
    """Effective deposits of [start, end) by user.

    `opening` are the end balances of the epoch before, `events` each user's ordered events.
    Users with events come first, by EIP-55 text, then those with only an opening balance.
    Source: building the event list of an epoch, all users.
    """
    active = sorted((user for user in events if events[user]), key=eip55)
    users = [*active, *(user for user in opening if not events.get(user))]
    return {
        user: effective_deposit(
            unify(opening.get(user, 0), start, events.get(user, ()), grace_period),
            start,
            end,
            rules,
        )
        for user in users
    }


def pending_snapshot(
    *, proceeds: int, deposits: dict[bytes, EffectiveDeposit], rules: Rules
) -> PendingSnapshot:
    """Split of `proceeds` (wei) and the budgets that follow from everybody's deposits.

    Source: pending snapshot.
    """
    total = sum(deposit.effective for deposit in deposits.values())
    split = split_proceeds(proceeds, total, rules)
    budgets = {
        user: user_budget(
            deposit.effective, total, split.vanilla_individual_rewards, split.ppf, rules
        )
        for user, deposit in deposits.items()
    }
    return PendingSnapshot(
        proceeds=proceeds,
        total_effective_deposit=total,
        split=split,
        deposits=deposits,
        budgets={user: budget for user, budget in budgets.items() if budget},
    )
