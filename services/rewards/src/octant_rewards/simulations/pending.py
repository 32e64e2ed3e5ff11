"""The pending snapshot that would be taken if the current epoch ended now."""

import asyncio
from typing import NamedTuple

from octant_chassis.calls import Caller
from octant_chassis.database import Database
from octant_contracts.calls import (
    DEPOSITS_UNTIL,
    PAGE,
    STAKING_PROCEEDS,
    DepositsUntil,
    DepositsUntilRequest,
    DepositUntil,
    PendingSimulation,
    ProceedsRequest,
    SimulatedBudget,
    SimulatedDeposit,
    SimulatedSplit,
    SimulationRequest,
)
from octant_contracts.errors import Refusal
from octant_contracts.seals import deposits_digest
from octant_contracts.values import Timestamp, Wei
from octant_protocol.proceeds import ProceedsSplit, split_proceeds, user_budget
from octant_protocol.rules import live_rules_for

from octant_rewards.chain.calendar import chain_state
from octant_rewards.paging import next_cursor

ATTEMPTS = 3


class _Simulated(NamedTuple):
    """Both lists in the order of the answer; budgets are those above zero."""

    split: SimulatedSplit
    deposits: list[SimulatedDeposit]
    budgets: list[SimulatedBudget]


class PendingSimulator:
    """Keeps the last result, whose later pages are asked for next."""

    def __init__(self, database: Database, caller: Caller) -> None:
        self._database = database
        self._caller = caller
        self._last: tuple[Timestamp, _Simulated] | None = None
        self._turn = asyncio.Lock()

    async def simulate(self, request: SimulationRequest) -> PendingSimulation:
        """A page of each list; NotLoadedYet when what the first page was of has gone."""
        first = max(request.cursor, 0)
        async with self._turn:
            if self._last is None or request.until != self._last[0]:
                self._last = await self._compute(request.until)
            until, whole = self._last
        deposits = whole.deposits[first : first + PAGE]
        return PendingSimulation(
            rewards=whole.split,
            user_deposits=deposits,
            user_budgets=whole.budgets[first : first + PAGE],
            as_of=until,
            # There are never more budgets than deposits.
            next_cursor=next_cursor(first, deposits),
        )

    async def _compute(self, until: Timestamp | None) -> tuple[Timestamp, _Simulated]:
        async with self._database.reading() as connection:
            head = (await chain_state(connection)).head
        header, rows = await self._deposits(until)
        proceeds = await self._caller.ask(
            STAKING_PROCEEDS,
            ProceedsRequest(
                epoch=header.epoch, start=header.start, end=header.until, block=head.number
            ),
        )
        return header.until, await asyncio.to_thread(_simulate, header, rows, proceeds.value)

    async def _deposits(self, until: Timestamp | None) -> tuple[DepositsUntil, list[DepositUntil]]:
        """All pages; anew when the chain was reverted between two of them."""
        for _ in range(ATTEMPTS):
            header = page = await self._caller.ask(
                DEPOSITS_UNTIL, DepositsUntilRequest(until=until)
            )
            rows = list(page.deposits)
            while page.next_cursor is not None:
                page = await self._caller.ask(
                    DEPOSITS_UNTIL,
                    DepositsUntilRequest(until=header.until, cursor=page.next_cursor),
                )
                rows += page.deposits
            digest = deposits_digest((r.user, r.effective_deposit, r.end_balance) for r in rows)
            if (len(rows), digest) == (header.count, header.digest):
                return header, rows
        raise Refusal("NotLoadedYet", what="The deposits of the current epoch")


def _simulate(header: DepositsUntil, rows: list[DepositUntil], proceeds: int) -> _Simulated:
    rules = live_rules_for(header.epoch)
    total = header.total_effective_deposit
    split = split_proceeds(proceeds, total, rules)
    ordered = sorted(rows, key=lambda row: (not row.active, row.user.text))
    budgets = (
        (
            row.user,
            user_budget(
                row.effective_deposit, total, split.vanilla_individual_rewards, split.ppf, rules
            ),
        )
        for row in ordered
    )
    return _Simulated(
        split=_split(split, proceeds, total),
        deposits=[
            SimulatedDeposit(
                user_address=row.user,
                effective_deposit=row.effective_deposit,
                deposit=row.end_balance,
            )
            for row in ordered
        ],
        budgets=[
            SimulatedBudget(user_address=user, budget=Wei(budget))
            for user, budget in budgets
            if budget
        ],
    )


def _split(split: ProceedsSplit, proceeds: int, total: int) -> SimulatedSplit:
    return SimulatedSplit(
        staking_proceeds=Wei(proceeds),
        locked_ratio=str(split.locked_ratio),
        total_effective_deposit=Wei(total),
        total_rewards=Wei(split.total_rewards),
        vanilla_individual_rewards=Wei(split.vanilla_individual_rewards),
        operational_cost=Wei(split.operational_cost),
        community_fund=Wei(split.community_fund or 0),
        ppf=Wei(split.ppf or 0),
    )
