"""People, requests, and the world around the service."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import pytest
from octant_allocations import tables
from octant_chassis import tables as chassis
from octant_chassis.calls import Caller
from octant_chassis.database import Database
from octant_chassis.outbox import append
from octant_chassis.service import Service
from octant_contracts.calls import (
    ALLOCATE,
    ALLOCATION_NONCE,
    SET_PATRON_MODE,
    AllocateRequest,
    AllocationInput,
    BudgetRow,
    Budgets,
    Call,
    Nothing,
    OfUser,
    PageOfEpoch,
    RewardsStatus,
    SetPatronMode,
    SignatureCheck,
    Verdict,
)
from octant_contracts.errors import Refusal, render
from octant_contracts.events import (
    BY_SUBJECT,
    PRODUCER,
    REWARDS,
    BlockAdvanced,
    EpochStarted,
    Event,
    PendingSnapshotTaken,
    ProjectsSet,
    WindowClosed,
    WindowOpened,
)
from octant_contracts.seals import budgets_digest
from octant_contracts.values import Address, BlockRef, Hex, Wei, decode
from octant_devnet.testkit import eventually
from octant_protocol.signatures import (
    address_of_private_key,
    allocation_digest,
    patron_mode_text,
    personal_digest,
    sign_digest,
)
from sqlalchemy import func, select, text

from . import outsiders

CHAIN_ID = 11155111
EPOCH = 1
# Epoch 1 lasts from 1000 to 2000, its window from 2000 to 2500; the chain stands at 2100.
START, END, DECISION_WINDOW, NOW = 1000, 2000, 500, 2100
OPENS, CLOSES = 2000, 2500
BUDGET = 10**18
CHANGING = (
    "users",
    "requests",
    "allocations",
    "patron_events",
    "uniqueness_quotients",
    "operator_actions",
    "consents",
    "antisybil_records",
    "delegations",
    "multisig_requests",
)


@dataclass(frozen=True)
class Person:
    key: bytes
    address: Address

    def allocation(
        self, items: Sequence[tuple[Address, int]], nonce: int, *, edited: bool = False
    ) -> AllocateRequest:
        """A well signed request."""
        digest = allocation_digest(CHAIN_ID, items, nonce)
        return unsigned(self.address, items, nonce, sign_digest(self.key, digest), edited=edited)

    def patron_mode(self, enable: bool) -> SetPatronMode:
        digest = personal_digest(patron_mode_text(self.address, enable))
        return SetPatronMode(user=self.address, signature=sign_digest(self.key, digest))


def unsigned(
    user: Address,
    items: Sequence[tuple[Address, int]],
    nonce: int,
    signature: str,
    *,
    edited: bool = False,
) -> AllocateRequest:
    return AllocateRequest(
        user=user,
        allocations=[AllocationInput(project=p, amount=Wei(a)) for p, a in items],
        nonce=Wei(nonce),
        signature=signature,
        is_manually_edited=edited,
    )


def person(number: int) -> Person:
    key = number.to_bytes(32, "big")
    return Person(key, Address(address_of_private_key(key)))


def block(timestamp: int, number: int | None = None) -> BlockRef:
    number = timestamp if number is None else number
    return BlockRef(number=number, hash=Hex(number.to_bytes(32, "big")), timestamp=timestamp)


def head_at(timestamp: int) -> BlockAdvanced:
    return BlockAdvanced(block=block(timestamp), final_block=timestamp)


def epoch_started(epoch: int, start: int, end: int, decision_window: int) -> EpochStarted:
    return EpochStarted(epoch=epoch, start=start, end=end, decision_window=decision_window)


def snapshot(epoch: int, rows: Sequence[BudgetRow]) -> PendingSnapshotTaken:
    return PendingSnapshotTaken(
        epoch=epoch,
        finalized_at=END + DECISION_WINDOW,
        block=block(NOW),
        staking_proceeds=Wei(1),
        total_effective_deposit=Wei(1),
        locked_ratio=Decimal("0.1"),
        budgets_count=len(rows),
        budgets_digest=budgets_digest((r.address, r.amount) for r in rows),
    )


def budget_rows(budgets: dict[Address, int]) -> list[BudgetRow]:
    """As rewards orders them: by code points of the address text."""
    return [BudgetRow(a, Wei(budgets[a])) for a in sorted(budgets, key=lambda a: a.text)]


@dataclass
class World:
    """The running service, who it depends on, and what a client sees."""

    service: Service
    database: Database
    caller: Caller
    played: dict[str, Database]
    provider: outsiders.Provider
    safes: outsiders.Safes
    deposits: outsiders.Deposits = field(default_factory=outsiders.Deposits)
    budgets: dict[int, list[BudgetRow]] = field(default_factory=dict)
    budget_page: int = 1000
    budgets_away: bool = False
    pending_snapshot: int = 0
    wallet_answer: bool | Refusal = False
    wallet_questions: list[SignatureCheck] = field(default_factory=list)
    asked_budget_pages: int = 0
    _number: int = 0

    async def budgets_call(self, request: PageOfEpoch) -> Budgets:
        self.asked_budget_pages += 1
        if self.budgets_away:
            raise Refusal("ServiceUnavailable", service=REWARDS)
        rows = self.budgets[request.epoch]
        end = request.cursor + self.budget_page
        return Budgets(
            budgets=rows[request.cursor : end], next_cursor=end if end < len(rows) else None
        )

    async def rewards_status(self, _: Nothing) -> RewardsStatus:
        return RewardsStatus(
            head_number=0,
            head_timestamp=0,
            last_pending_snapshot=self.pending_snapshot,
            last_finalized_snapshot=0,
        )

    async def wallet_call(self, request: SignatureCheck) -> Verdict:
        self.wallet_questions.append(request)
        if isinstance(self.wallet_answer, Refusal):
            raise self.wallet_answer
        return Verdict(valid=self.wallet_answer)

    async def announce(self, *events: Event) -> None:
        """Published by their owners, in order; returns when they are applied."""
        for token in [await self.publish(event) for event in events]:
            await self.applied(token)

    async def publish(self, event: Event) -> tuple[str, int]:
        owner = PRODUCER[type(event)]
        async with self.played[owner].transaction("test") as connection:
            return owner, (await append(connection, event))[0]

    async def applied(self, token: tuple[str, int]) -> None:
        async def there() -> bool:
            return bool(
                await self.scalar(
                    select(func.count())
                    .select_from(chassis.inbox)
                    .where(chassis.inbox.c.source == token[0], chassis.inbox.c.event_id == token[1])
                )
            )

        await eventually(there, what=f"{token} applied")

    async def scalar(self, query: Any) -> Any:
        async with self.database.engine.connect() as connection:
            return await connection.scalar(query)

    async def open_window(
        self, budgets: dict[Address, int], projects: Sequence[Address], epoch: int = EPOCH
    ) -> None:
        """Epoch 1 is over, its window open, budgets and projects known."""
        self.budgets[epoch] = budget_rows(budgets)
        await self.announce(
            head_at(NOW),
            ProjectsSet(block=block(NOW), epoch=epoch, projects=list(projects), cid="Qm"),
            epoch_started(epoch, START, END, DECISION_WINDOW),
            WindowOpened(epoch=epoch, opens_at=OPENS, closes_at=CLOSES),
            snapshot(epoch, self.budgets[epoch]),
        )

    async def close_window(self, epoch: int = EPOCH) -> None:
        await self.announce(WindowClosed(epoch=epoch, closes_at=CLOSES))

    async def allocate(self, request: AllocateRequest) -> Refusal | None:
        """None: granted."""
        try:
            await self.caller.ask(ALLOCATE, request)
        except Refusal as refusal:
            return refusal
        return None

    async def set_patron_mode(self, request: SetPatronMode) -> bool | Refusal:
        try:
            return (await self.caller.ask(SET_PATRON_MODE, request)).status
        except Refusal as refusal:
            return refusal

    async def told(self, call: Call[Any, Any], request: Any) -> str:
        """Status and text of the refusal; nothing may have changed."""
        before = await self.stored()
        with pytest.raises(Refusal) as refused:
            await self.caller.ask(call, request)
        assert await self.stored() == before
        status, body, _ = render(refused.value)
        return f"{status} {body['message']}"

    async def nonce(self, user: Address) -> int:
        return (await self.caller.ask(ALLOCATION_NONCE, OfUser(user))).allocation_nonce

    async def events(self, kind: type[Event] | None = None) -> list[Any]:
        """What the service announced, in the order it was written."""
        async with self.database.engine.connect() as connection:
            rows = await connection.execute(
                select(chassis.outbox.c.subject, chassis.outbox.c.payload).order_by(
                    chassis.outbox.c.id
                )
            )
            found = [decode(row.payload, BY_SUBJECT[row.subject]) for row in rows]
        return [e for e in found if kind is None or isinstance(e, kind)]

    async def stored(self) -> dict[str, list[Any]]:
        """Everything requests can change, comparable."""
        async with self.database.engine.connect() as connection:
            return {
                name: sorted(tuple(r) for r in await connection.execute(text(f"TABLE {name}")))
                for name in CHANGING
            } | {"outbox": [await connection.scalar(text("SELECT count(*) FROM outbox"))]}

    async def live(self, epoch: int = EPOCH) -> dict[Address, list[tuple[Address, int]]]:
        """Live (project, wei) by user, in order."""
        query = (
            select(tables.allocations)
            .where(
                tables.allocations.c.epoch == epoch,
                tables.allocations.c.deleted_sequence.is_(None),
            )
            .order_by(tables.allocations.c.sequence, tables.allocations.c.place)
        )
        found: dict[Address, list[tuple[Address, int]]] = {}
        async with self.database.engine.connect() as connection:
            for row in await connection.execute(query):
                found.setdefault(row.user, []).append((row.project, row.amount))
        return found

    async def operate(self, body: dict[str, Any], token: str = "sesame") -> httpx.Response:
        url = f"http://127.0.0.1:{self.service.operations_port}/uniqueness-quotients"
        async with httpx.AsyncClient() as client:
            return await client.post(url, json=body, headers={"Authorization": f"Bearer {token}"})
