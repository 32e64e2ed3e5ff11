"""The deposits ledger: collect facts, settle what is sealed."""

import asyncio

from octant_chassis import outbox
from octant_chassis.database import AsyncConnection, Database
from octant_chassis.projection import NotYet
from octant_chassis.telemetry import log
from octant_contracts.calls import (
    PAGE,
    EffectiveDepositAnswer,
    FirstDeposit,
    OfUser,
    OfUserEpoch,
    PageOfEpoch,
    SettledDeposit,
    SettledDeposits,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import DepositsSettled, FactsReverted, FactsSealed, Locked, Unlocked
from octant_contracts.seals import facts_digest
from octant_contracts.values import Wei
from octant_protocol.calendar import bounds
from octant_protocol.rules import live_rules_for

from octant_epochs.calendar import repository as calendar_repository
from octant_epochs.calendar import service as calendar
from octant_epochs.deposits import estimates, repository
from octant_epochs.deposits.model import Seal, SealMismatch, SettledFactsChanged, deposits_of_all


async def record(connection: AsyncConnection, event: Locked | Unlocked) -> None:
    """A fact of the chain. Raises SettledFactsChanged when its epoch is settled already."""
    place = f"block {event.block.number}, log {event.log_index}"
    if not await repository.add_fact(connection, event):
        known = await repository.block_hash_at(connection, event.block.number, event.log_index)
        if known != event.block.hash:
            raise RuntimeError(f"{place}: a fact of block {known} was never reverted")
        return
    if event.block.timestamp < await repository.settled_until(connection):
        raise SettledFactsChanged(f"{place}: a new fact in a settled epoch")


async def revert(connection: AsyncConnection, event: FactsReverted) -> None:
    """Orphans never happened. Raises SettledFactsChanged when a settled epoch lost facts."""
    await calendar_repository.move_head_back(connection, event.to_block)
    gone = await repository.delete_facts_above(connection, event.to_block.number)
    if gone and min(gone) < await repository.settled_until(connection):
        raise SettledFactsChanged(f"the chain was reverted to block {event.to_block.number}")


async def settle(grace: int, connection: AsyncConnection, event: FactsSealed) -> None:
    """Effective deposits of a sealed epoch, once. Raises SealMismatch unless we have its facts.

    NotYet while the epoch before is not settled: its end balances open this one.
    """
    sealed = Seal(event.start, event.end, event.count, event.digest)
    done = await repository.settlement(connection, event.epoch)
    if done is not None:
        if done.seal != sealed:
            raise SealMismatch(event.epoch, sealed, done.seal)
        return
    if event.epoch > 1 and await repository.settlement(connection, event.epoch - 1) is None:
        raise NotYet(f"epoch {event.epoch - 1} is not settled")
    span = bounds(await calendar_repository.props(connection), event.epoch)
    facts = await repository.facts_between(connection, event.start, event.end)
    # Thousands of facts take a noticeable part of a second: calls go on meanwhile.
    digest = await asyncio.to_thread(facts_digest, facts)
    ours = Seal(span.start, span.end, len(facts), digest)
    if ours != sealed:
        raise SealMismatch(event.epoch, sealed, ours)
    opening = await repository.end_balances(connection, event.epoch - 1)
    rules = live_rules_for(event.epoch)
    everybody = await asyncio.to_thread(
        deposits_of_all, opening, facts, span.start, span.end, grace, rules
    )
    await repository.add_settlement(connection, event, everybody, rules.name)
    await outbox.append(
        connection,
        DepositsSettled(
            epoch=event.epoch,
            start=span.start,
            end=span.end,
            finalized_at=span.finalized_at,
            to_block=event.to_block,
            total_effective_deposit=Wei(everybody.total_effective_deposit),
            count=len(everybody.deposits),
            digest=everybody.digest,
        ),
    )
    users = len(everybody.deposits)
    log.info("deposits settled", epoch=event.epoch, users=users, facts=len(facts))


async def of_user(database: Database, grace: int, request: OfUserEpoch) -> EffectiveDepositAnswer:
    """The estimate in the current epoch; in others the settled deposit, or what will be settled.

    Refusal EffectiveDepositNotFound when there is none.
    """
    async with database.reading() as connection:
        view = await calendar.view(connection)
        if request.epoch == view.current_epoch:
            return await estimates.of_one(connection, view, grace, request.user)
        ended = 0 < request.epoch < view.current_epoch
        if ended and await repository.settlement(connection, request.epoch) is None:
            found = await estimates.over_whole_epoch(
                connection, view, grace, request.user, request.epoch
            )
        else:
            found = await repository.effective_deposit(connection, request.epoch, request.user)
    if found is None:
        raise Refusal("EffectiveDepositNotFound", user=request.user, epoch=request.epoch)
    return EffectiveDepositAnswer(effective_deposit=Wei(found))


async def first_of_user(database: Database, request: OfUser) -> FirstDeposit:
    async with database.reading() as connection:
        await calendar.view(connection)
        return FirstDeposit(await repository.first_epoch(connection, request.user))


async def settled_page(database: Database, request: PageOfEpoch) -> SettledDeposits:
    """`cursor` is the place of the page's first row; Refusal NotLoadedYet until settled."""
    async with database.reading() as connection:
        settlement = await repository.settlement(connection, request.epoch)
        if settlement is None:
            raise Refusal("NotLoadedYet", what=f"Deposits of epoch {request.epoch}")
        first = min(max(request.cursor, 0), settlement.deposits_count)
        rows = await repository.page(connection, request.epoch, first, PAGE)
    following = first + len(rows)
    return SettledDeposits(
        deposits=[
            SettledDeposit(
                user=row.user,
                effective_deposit=Wei(row.effective_deposit),
                end_balance=Wei(row.end_balance),
            )
            for row in rows
        ],
        next_cursor=following if following < settlement.deposits_count else None,
    )
