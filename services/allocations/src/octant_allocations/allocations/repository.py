"""SQL of allocating: one statement that locks and reads, one that writes."""

from decimal import Decimal

from octant_chassis.database import AddressColumn, AsyncConnection, WeiColumn
from octant_contracts.calls import AllocateRequest
from octant_contracts.events import LeverageComputed
from octant_contracts.values import Address, EpochNumber, Wei
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Integer,
    Numeric,
    Row,
    Select,
    Text,
    bindparam,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from octant_allocations import locks
from octant_allocations.allocations.model import OpenWindow, Standing
from octant_allocations.antisybil import repository as antisybil
from octant_allocations.tables import (
    allocations,
    budgets,
    epochs,
    head,
    patron_events,
    projects,
    requests,
    uniqueness_quotients,
    users,
    windows,
)
from octant_allocations.windows.repository import IS_OPEN

NONCE_LIMIT = 2**63  # what the column holds


def _lock_and_read() -> Select[tuple[object, ...]]:
    user = bindparam("user", type_=AddressColumn)
    locked = (
        select(users.c.next_nonce, users.c.revision)
        .where(users.c.address == user)
        .with_for_update()
        .cte("locked")
    )
    window = (
        select(windows.c.epoch, head.c.timestamp)
        .join(head, IS_OPEN)
        .order_by(windows.c.epoch.desc())
        .limit(1)
        .with_for_update(read=True, of=windows)
        .cte("open_window")
    )
    epoch = select(window.c.epoch).scalar_subquery()
    finalized_at = select(epochs.c.finalized_at).where(epochs.c.epoch == epoch).scalar_subquery()
    patron = (
        select(patron_events.c.enabled)
        .where(patron_events.c.user == user, patron_events.c.time <= finalized_at)
        .order_by(patron_events.c.time.desc(), patron_events.c.sequence.desc())
        .limit(1)
    )
    record = antisybil.newest(user, epoch).cte("record")
    return select(
        select(locked.c.next_nonce).scalar_subquery().label("next_nonce"),
        select(locked.c.revision).scalar_subquery().label("locked_revision"),
        select(users.c.revision)
        .where(users.c.address == user)
        .scalar_subquery()
        .label("seen_revision"),
        epoch.label("epoch"),
        select(window.c.timestamp).scalar_subquery().label("now"),
        exists().where(epochs.c.epoch == epoch).label("epoch_indexed"),
        func.coalesce(patron.scalar_subquery(), False).label("patron"),
        select(budgets.c.budget)
        .where(budgets.c.epoch == epoch, budgets.c.user == user)
        .scalar_subquery()
        .label("budget"),
        select(func.array_agg(projects.c.address, type_=ARRAY(AddressColumn)))
        .where(projects.c.epoch == epoch)
        .scalar_subquery()
        .label("projects"),
        select(uniqueness_quotients.c.score)
        .where(uniqueness_quotients.c.epoch == epoch, uniqueness_quotients.c.user == user)
        .scalar_subquery()
        .label("frozen_score"),
        select(record.c.score).scalar_subquery().label("score"),
        select(record.c.stamps).scalar_subquery().label("stamps"),
        select(record.c.expires_at).scalar_subquery().label("expires_at"),
    )


_LOCK_AND_READ = _lock_and_read()


async def lock_and_read(connection: AsyncConnection, user: Address) -> Standing:
    """Locks the user's row and shares the open window's; where the user stands then.

    A user without a row has no budget either, so there is nothing to protect.
    """
    row = await _locked_row(connection, user)
    if row.locked_revision != row.seen_revision:
        # The statement waited for the lock: it read what was true before its predecessor.
        row = await _locked_row(connection, user)
    return Standing(
        window=None if row.epoch is None else OpenWindow(epoch=row.epoch, now=row.now),
        next_nonce=row.next_nonce or 0,
        epoch_indexed=row.epoch_indexed,
        patron=row.patron,
        budget=None if row.budget is None else Wei(row.budget),
        projects=frozenset(row.projects or ()),
        frozen_score=row.frozen_score,
        record=None if row.score is None else antisybil.record_of(row),
    )


async def _locked_row(connection: AsyncConnection, user: Address) -> Row[tuple[object, ...]]:
    return (await connection.execute(_LOCK_AND_READ, {"user": user})).one()


def _replace() -> Select[tuple[int]]:
    # "given_…": a parameter named like a column of an UPDATE would be set by it.
    epoch = bindparam("given_epoch", type_=Integer)
    user = bindparam("given_user", type_=AddressColumn)
    nonce = bindparam("given_nonce", type_=BigInteger)
    numbered = select(
        locks.shared_numbering().label("lock"), locks.next_sequence().label("sequence")
    ).cte("numbered")
    sequence = select(numbered.c.sequence).scalar_subquery()
    ended = (
        update(allocations)
        .where(
            allocations.c.user == user,
            allocations.c.epoch == epoch,
            allocations.c.deleted_sequence.is_(None),
        )
        .values(deleted_sequence=sequence)
        .cte("ended")
    )
    request = (
        insert(requests)
        .values(
            sequence=sequence,
            epoch=epoch,
            user=user,
            nonce=nonce,
            signature=bindparam("given_signature", type_=Text),
            is_manually_edited=bindparam("given_is_manually_edited", type_=Boolean),
            time=bindparam("given_time", type_=BigInteger),
        )
        .cte("request")
    )
    quotient = (
        insert(uniqueness_quotients)
        .values(
            epoch=epoch,
            user=user,
            score=bindparam("given_score", type_=Numeric),
            sequence=sequence,
        )
        .on_conflict_do_nothing()
        .cte("quotient")
    )
    advanced = (
        update(users)
        .where(users.c.address == user)
        .values(next_nonce=users.c.next_nonce + 1, revision=users.c.revision + 1)
        .cte("advanced")
    )
    items = (
        func.unnest(
            bindparam("given_projects", type_=ARRAY(AddressColumn)),
            bindparam("given_amounts", type_=ARRAY(WeiColumn)),
        )
        .table_valued("project", "amount", with_ordinality="place")
        .render_derived()
    )
    chosen = (
        insert(allocations)
        .from_select(
            ["sequence", "place", "epoch", "user", "project", "amount"],
            select(numbered.c.sequence, items.c.place, epoch, user, items.c.project, items.c.amount)
            .select_from(numbered)
            .join(items, items.c.place > 0),
        )
        .cte("chosen")
    )
    return select(numbered.c.sequence).add_cte(ended, request, quotient, advanced, chosen)


_REPLACE = _replace()


async def replace(
    connection: AsyncConnection, request: AllocateRequest, window: OpenWindow, score: Decimal
) -> int:
    """Ends what the user had live in the epoch and stores the request; its sequence.

    A stored score stays. IntegrityError when the user used the nonce before.
    """
    return int(
        await connection.scalar(
            _REPLACE,
            {
                "given_epoch": window.epoch,
                "given_user": request.user,
                "given_nonce": int(request.nonce),
                "given_signature": request.signature,
                "given_is_manually_edited": request.is_manually_edited,
                "given_time": window.now,
                "given_score": score,
                "given_projects": [a.project for a in request.allocations],
                "given_amounts": [a.amount for a in request.allocations],
            },
        )
    )


async def next_nonce(connection: AsyncConnection, user: Address) -> int:
    """1 + the highest nonce ever used, 0 for who never allocated."""
    found = await connection.scalar(select(users.c.next_nonce).where(users.c.address == user))
    return found or 0


async def highest_used_nonce(connection: AsyncConnection, user: Address) -> int | None:
    """From the requests themselves."""
    used: int | None = await connection.scalar(
        select(func.max(requests.c.nonce)).where(requests.c.user == user)
    )
    return used


async def signature_of(connection: AsyncConnection, user: Address, nonce: int) -> str | None:
    """Of the granted request with this nonce."""
    if not 0 <= nonce < NONCE_LIMIT:
        return None
    signature: str | None = await connection.scalar(
        select(requests.c.signature).where(requests.c.user == user, requests.c.nonce == nonce)
    )
    return signature


async def note_leverage(connection: AsyncConnection, event: LeverageComputed) -> bool:
    """False when there is no such request."""
    result = await connection.execute(
        update(requests)
        .where(requests.c.sequence == event.sequence, requests.c.user == event.user)
        .values(leverage=event.leverage)
    )
    return bool(result.rowcount)


async def revoke(
    connection: AsyncConnection, user: Address, epoch: EpochNumber, sequence: int
) -> None:
    """Ends the user's live allocations of the epoch; `sequence` is what ended them."""
    await connection.execute(
        update(allocations)
        .where(
            allocations.c.user == user,
            allocations.c.epoch == epoch,
            allocations.c.deleted_sequence.is_(None),
        )
        .values(deleted_sequence=sequence)
    )
