"""Deposits of an epoch that is not settled: as if it ended now, or nothing happened until its end.

Everybody's take a second or more of work for a hundred thousand users, and clients poll them:
they are computed once for all who ask, and kept until what they depend on has changed.
"""

import asyncio
from dataclasses import dataclass
from functools import partial

from octant_chassis.database import AsyncConnection, Database
from octant_contracts.calls import (
    PAGE,
    DepositsUntil,
    DepositsUntilRequest,
    DepositUntil,
    EffectiveDepositAnswer,
    Nothing,
    OfUser,
    TotalEffectiveDeposit,
    UserDepositUntil,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, EpochNumber, Hex, Timestamp, Wei
from octant_protocol.calendar import EpochBounds, bounds, epoch_at
from octant_protocol.rules import live_rules_for

from octant_epochs.calendar import service as calendar
from octant_epochs.calendar.model import View
from octant_epochs.deposits import repository
from octant_epochs.deposits.model import Everybody, deposits_of_all

KEPT = 4  # results in memory: about 25 MB each for a hundred thousand users


@dataclass(frozen=True, slots=True)
class Basis:
    """All that everybody's deposits of [span.start, until) depend on."""

    span: EpochBounds
    until: Timestamp
    carried_since: Timestamp | None
    last_fact: tuple[Hex, int] | None


class Estimates:
    """Everybody's deposits by what they depend on; the least recently asked for is forgotten."""

    def __init__(self, database: Database, grace: int) -> None:
        self._database = database
        self._grace = grace
        self._results: dict[Basis, asyncio.Task[Everybody]] = {}
        self._turn = asyncio.Lock()

    async def everybody(self, basis: Basis) -> Everybody:
        """Computed once, also for those who ask meanwhile."""
        result = self._results.pop(basis, None)
        if result is None:
            # Of nobody's own: whoever asked may run out of time, the next one is glad of it.
            result = asyncio.create_task(self._compute(basis))
            result.add_done_callback(partial(self._forget_failed, basis))
        self._results[basis] = result
        while len(self._results) > KEPT:
            del self._results[next(iter(self._results))]
        return await asyncio.shield(result)

    async def _compute(self, basis: Basis) -> Everybody:
        async with self._turn:
            async with self._database.reading() as connection:
                view = await calendar.view(connection)
                now = await basis_of(connection, view, basis.span.epoch, basis.until)
                opening = await _opening(connection, now.span, now.carried_since)
                facts = await repository.facts_between(connection, now.span.start, now.until)
            if now != basis:
                # Newer than asked for, which is fine; but it is not what the basis stands for.
                self._results.pop(basis, None)
            return await asyncio.to_thread(
                deposits_of_all,
                opening,
                facts,
                now.span.start,
                now.until,
                self._grace,
                live_rules_for(now.span.epoch),
            )

    def _forget_failed(self, basis: Basis, result: "asyncio.Task[Everybody]") -> None:
        if (result.cancelled() or result.exception()) and self._results.get(basis) is result:
            del self._results[basis]


async def basis_of(
    connection: AsyncConnection, view: View, epoch: EpochNumber, until: Timestamp | None = None
) -> Basis:
    """Of an epoch ≥ 1; `until` None: its end."""
    span = bounds(view.props, epoch)
    end = span.end if until is None else until
    return Basis(
        span,
        end,
        await _carried_since(connection, view, epoch),
        await repository.last_fact_before(connection, end),
    )


async def total_effective_deposit(
    database: Database, estimates: Estimates, view: View, epoch: EpochNumber
) -> int:
    """Settled, or as if nothing happened until the epoch's end. Refusal of epoch 0."""
    _require_started(epoch)
    async with database.reading() as connection:
        settlement = await repository.settlement(connection, epoch)
        if settlement is not None:
            return settlement.total_effective_deposit
        basis = await basis_of(connection, view, epoch)
    return (await estimates.everybody(basis)).total_effective_deposit


async def estimated_total(
    database: Database, estimates: Estimates, _: Nothing
) -> TotalEffectiveDeposit:
    """Everybody's in the current epoch, over its whole length."""
    async with database.reading() as connection:
        view = await calendar.view(connection)
    total = await total_effective_deposit(database, estimates, view, view.current_epoch)
    return TotalEffectiveDeposit(total_effective=Wei(total))


async def until_page(
    database: Database, estimates: Estimates, request: DepositsUntilRequest
) -> DepositsUntil:
    """`cursor` is the place of the page's first row.

    The epoch is that of `until`, so later pages stay what the first one began, whoever answers
    them; NotLoadedYet when a reorganisation took the head behind it.
    """
    basis, everybody = await _until(database, estimates, request.until)
    count = len(everybody.deposits)
    first = min(max(request.cursor, 0), count)
    following = min(first + PAGE, count)
    return DepositsUntil(
        epoch=basis.span.epoch,
        start=basis.span.start,
        until=basis.until,
        total_effective_deposit=Wei(everybody.total_effective_deposit),
        count=count,
        digest=everybody.digest,
        deposits=[
            DepositUntil(
                user=row.user,
                effective_deposit=Wei(row.effective_deposit),
                end_balance=Wei(row.end_balance),
                active=row.user in everybody.active,
            )
            for row in everybody.deposits[first:following]
        ],
        next_cursor=following if following < count else None,
    )


async def user_until(database: Database, estimates: Estimates, request: OfUser) -> UserDepositUntil:
    """One user's part of everybody's deposits at the head's time."""
    basis, everybody = await _until(database, estimates, None)
    return UserDepositUntil(
        epoch=basis.span.epoch,
        start=basis.span.start,
        until=basis.until,
        total_effective_deposit=Wei(everybody.total_effective_deposit),
        effective_deposit=Wei(everybody.effective_deposit_of(request.user)),
    )


async def estimated(database: Database, grace: int, request: OfUser) -> EffectiveDepositAnswer:
    """The user's effective deposit if nothing else happens until the current epoch ends."""
    async with database.reading() as connection:
        return await of_one(connection, await calendar.view(connection), grace, request.user)


async def of_one(
    connection: AsyncConnection, view: View, grace: int, user: Address
) -> EffectiveDepositAnswer:
    """One user in the current epoch, over its whole length, from the user's facts alone."""
    _require_started(view.current_epoch)
    effective = await over_whole_epoch(connection, view, grace, user, view.current_epoch)
    return EffectiveDepositAnswer(effective_deposit=Wei(effective or 0))


async def over_whole_epoch(
    connection: AsyncConnection, view: View, grace: int, user: Address, epoch: EpochNumber
) -> int | None:
    """One user's wei in an epoch ≥ 1, from the user's facts; None: it will have no row."""
    span = bounds(view.props, epoch)
    opening = await _opening(connection, span, await _carried_since(connection, view, epoch), user)
    facts = await repository.facts_between(connection, span.start, span.end, user)
    everybody = deposits_of_all(opening, facts, span.start, span.end, grace, live_rules_for(epoch))
    return everybody.deposits[0].effective_deposit if everybody.deposits else None


async def _until(
    database: Database, estimates: Estimates, until: Timestamp | None
) -> tuple[Basis, Everybody]:
    """Everybody's deposits as if their epoch ended at `until`, None: at the head's time."""
    async with database.reading() as connection:
        view = await calendar.view(connection)
        until = view.timestamp if until is None else until
        if until > view.timestamp:
            raise Refusal("NotLoadedYet", what=f"Chain time {until}")
        epoch = epoch_at(view.props, until)
        _require_started(epoch)
        basis = await basis_of(connection, view, epoch, until)
    return basis, await estimates.everybody(basis)


async def _carried_since(
    connection: AsyncConnection, view: View, epoch: EpochNumber
) -> Timestamp | None:
    """Since when facts make up the balances carried into the epoch; None: they are settled."""
    if await repository.settlement(connection, epoch - 1) is not None:
        return None
    return bounds(view.props, 1).start


async def _opening(
    connection: AsyncConnection,
    span: EpochBounds,
    carried_since: Timestamp | None,
    user: Address | None = None,
) -> dict[Address, int]:
    """Balances carried into an epoch, by user."""
    if carried_since is None:
        return await repository.end_balances(connection, span.epoch - 1, user)
    return await repository.balances(connection, carried_since, span.start, user)


def _require_started(epoch: EpochNumber) -> None:
    if epoch == 0:
        raise Refusal("EpochNotIndexed", epoch=0)
