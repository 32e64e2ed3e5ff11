"""The deposits ledger: collect facts, settle what is sealed, estimate what is not."""

from octant_chassis import outbox
from octant_chassis.database import AsyncConnection, Database
from octant_chassis.projection import NotYet
from octant_chassis.telemetry import log
from octant_contracts.calls import (
    PAGE,
    EffectiveDepositAnswer,
    OfUser,
    OfUserEpoch,
    PageOfEpoch,
    SettledDeposit,
    SettledDeposits,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import DepositsSettled, FactsReverted, FactsSealed, Locked, Unlocked
from octant_contracts.seals import deposits_digest, facts_digest
from octant_contracts.values import Address, EpochNumber, Wei
from octant_protocol.calendar import EpochBounds, bounds
from octant_protocol.rules import live_rules_for

from octant_epochs.calendar import repository as calendar_repository
from octant_epochs.calendar import service as calendar
from octant_epochs.calendar.model import View
from octant_epochs.deposits import repository
from octant_epochs.deposits.model import (
    Deposit,
    Fact,
    Seal,
    SealMismatch,
    SettledFactsChanged,
    deposit_of_user,
    deposits_of_all,
    total,
)


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
    ours = Seal(span.start, span.end, len(facts), facts_digest(facts))
    if ours != sealed:
        raise SealMismatch(event.epoch, sealed, ours)
    opening = await repository.end_balances(connection, event.epoch - 1)
    rules = live_rules_for(event.epoch)
    rows = deposits_of_all(opening, facts, span.start, span.end, grace, rules)
    total_effective, digest = total(rows), deposits_digest(rows)
    await repository.add_settlement(
        connection, event, rows, rules=rules.name, total=total_effective, digest=digest
    )
    await outbox.append(
        connection,
        DepositsSettled(
            epoch=event.epoch,
            start=span.start,
            end=span.end,
            finalized_at=span.finalized_at,
            to_block=event.to_block,
            total_effective_deposit=Wei(total_effective),
            count=len(rows),
            digest=digest,
        ),
    )
    log.info("deposits settled", epoch=event.epoch, users=len(rows), facts=len(facts))


async def estimated(database: Database, grace: int, request: OfUser) -> EffectiveDepositAnswer:
    """The user's effective deposit if nothing else happens until the current epoch ends."""
    async with database.reading() as connection:
        return await _estimate(connection, await calendar.view(connection), grace, request.user)


async def of_user(database: Database, grace: int, request: OfUserEpoch) -> EffectiveDepositAnswer:
    """The estimate in the current epoch, the settled deposit in others."""
    async with database.reading() as connection:
        view = await calendar.view(connection)
        if request.epoch == view.current_epoch:
            return await _estimate(connection, view, grace, request.user)
        settled = await repository.effective_deposit(connection, request.epoch, request.user)
    if settled is None:
        raise Refusal("EffectiveDepositNotFound", user=request.user, epoch=request.epoch)
    return EffectiveDepositAnswer(effective_deposit=Wei(settled))


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


async def inputs_of_all(
    connection: AsyncConnection, view: View, epoch: EpochNumber
) -> tuple[EpochBounds, dict[Address, int], list[Fact]]:
    """Bounds, opening balances and facts of an epoch that need not be settled."""
    span = bounds(view.props, epoch)
    opening = await _opening(connection, view, span)
    return span, opening, await repository.facts_between(connection, span.start, span.end)


def estimate_of_all(
    span: EpochBounds, opening: dict[Address, int], facts: list[Fact], grace: int
) -> list[Deposit]:
    """Everybody's effective deposits if nothing else happens until the epoch ends."""
    return deposits_of_all(opening, facts, span.start, span.end, grace, live_rules_for(span.epoch))


async def _estimate(
    connection: AsyncConnection, view: View, grace: int, user: Address
) -> EffectiveDepositAnswer:
    epoch = view.current_epoch
    if epoch == 0:
        raise Refusal("EpochNotIndexed", epoch=0)
    span = bounds(view.props, epoch)
    opening = await _opening(connection, view, span, user)
    facts = await repository.facts_between(connection, span.start, span.end, user)
    result = deposit_of_user(
        opening.get(user, 0), facts, span.start, span.end, grace, live_rules_for(epoch)
    )
    return EffectiveDepositAnswer(effective_deposit=Wei(result.effective))


async def _opening(
    connection: AsyncConnection, view: View, span: EpochBounds, user: Address | None = None
) -> dict[Address, int]:
    """Balances carried into an epoch: settled, or summed from the facts until they are."""
    if await repository.settlement(connection, span.epoch - 1) is not None:
        return await repository.end_balances(connection, span.epoch - 1, user)
    first_start = bounds(view.props, 1).start
    return await repository.balances(connection, first_start, span.start, user)
