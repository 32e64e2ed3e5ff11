"""SQL of what a user did on chain, in the order of the history."""

from typing import Any

from octant_chassis.database import AsyncConnection
from octant_contracts.calls import (
    LOCK,
    PAGE,
    UNLOCK,
    WITHDRAWAL,
    HistoryCount,
    HistoryCountsRequest,
    HistoryPosition,
    HistoryRequest,
)
from octant_contracts.values import Address, Wei
from sqlalchemy import CompoundSelect, Select, case, func, literal, select, tuple_, union_all

from octant_chain_sync.tables import deposit_facts, sablier_actions, sablier_streams, withdrawals


def _contract_facts(user: Address) -> tuple[Select[Any], ...]:
    deposits, vault = deposit_facts.c, withdrawals.c
    return (
        select(
            deposits.timestamp,
            case((deposits.kind == "Locked", LOCK), else_=UNLOCK).label("type"),
            deposits.amount,
            deposits.transaction_hash,
            deposits.block_number.label("place"),
            deposits.log_index.label("place_within"),
        ).where(deposits.user == user),
        select(
            vault.timestamp,
            literal(WITHDRAWAL),
            vault.amount,
            vault.transaction_hash,
            vault.block_number,
            vault.log_index,
        ).where(vault.user == user),
    )


def _stream_facts(recipient: Address) -> Select[Any]:
    """All actions of a recipient's streams, whomever they paid: creating one locks, paying out
    and cancelling (the sender's refund) unlock."""
    action = sablier_actions.c
    return (
        select(
            action.timestamp,
            case((action.category == "Create", LOCK), else_=UNLOCK),
            case((action.category == "Withdraw", action.amount_b), else_=action.amount_a),
            action.transaction_hash,
            sablier_streams.c.number,
            action.position,
        )
        .join(sablier_streams, sablier_streams.c.id == action.stream_id)
        .where(sablier_streams.c.recipient == recipient)
    )


def _facts(user: Address, *, streams: bool) -> CompoundSelect[Any]:
    return union_all(*_contract_facts(user), *([_stream_facts(user)] if streams else []))


async def facts(
    connection: AsyncConnection, request: HistoryRequest, limit: int, *, streams: bool
) -> list[HistoryPosition]:
    """At most `limit` facts within the request's bounds; a position tells all there is of one."""
    fact = _facts(request.user, streams=streams).subquery().c
    order = (
        fact.timestamp,
        fact.type,
        fact.amount,
        fact.transaction_hash,
        fact.place,
        fact.place_within,
    )
    query = select(*order).order_by(*(column.desc() for column in order))
    if request.until is not None:
        query = query.where(fact.timestamp <= request.until)
    if (after := request.after) is not None:
        bound = (after.timestamp, after.type, after.amount, after.transaction_hash, *after.place)
        typed = (literal(value, column.type) for value, column in zip(bound, order, strict=True))
        query = query.where(tuple_(*order) < tuple_(*typed))
    return [
        HistoryPosition(
            timestamp=row.timestamp,
            type=row.type,
            amount=Wei(row.amount),
            transaction_hash=row.transaction_hash,
            place=(row.place, row.place_within),
        )
        for row in await connection.execute(query.offset(request.skip).limit(limit))
    ]


async def counts(
    connection: AsyncConnection, request: HistoryCountsRequest, *, streams: bool
) -> list[HistoryCount]:
    """The newest page of them."""
    fact = _facts(request.user, streams=streams).subquery().c
    query = (
        select(fact.timestamp, fact.type, func.count())
        .where(fact.timestamp <= request.until)
        .group_by(fact.timestamp, fact.type)
        .order_by(fact.timestamp.desc(), fact.type.desc())
        .limit(PAGE)
    )
    return [
        HistoryCount(timestamp=timestamp, type=kind, count=count)
        for timestamp, kind, count in await connection.execute(query)
    ]
