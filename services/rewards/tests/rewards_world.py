"""The world around the running service: what its neighbours answer, announce, and see."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from itertools import groupby
from typing import Any, TypeVar

from octant_chassis import tables as chassis
from octant_chassis.calls import Caller
from octant_chassis.database import Database
from octant_chassis.outbox import append
from octant_chassis.service import Service
from octant_contracts.calls import (
    BUDGETS,
    ESTIMATED_PROJECT_REWARDS,
    PAGE,
    TAKE_FINALIZED_SNAPSHOT,
    TAKE_PENDING_SNAPSHOT,
    WITHDRAWALS,
    Call,
    DepositsUntil,
    DepositsUntilRequest,
    DepositUntil,
    Nothing,
    OfUser,
    PageOfEpoch,
    ProceedsRequest,
    SettledDeposit,
    SettledDeposits,
    StakingProceeds,
    TotalEffectiveDeposit,
    UserDepositUntil,
    WeiAmount,
    Withdrawal,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    BY_SUBJECT,
    PRODUCER,
    BlockAdvanced,
    Event,
    FinalizedSnapshotTaken,
    PendingSnapshotTaken,
    ProjectsSet,
)
from octant_contracts.seals import deposits_digest
from octant_contracts.values import Address, BlockRef, Wei, decode
from octant_devnet.testkit import eventually
from octant_rewards import tables
from sqlalchemy import func, select, tuple_

from .rewards_played import (
    DURATION,
    ETH,
    PROJECTS,
    START,
    WINDOW,
    Ledger,
    block,
    calendar,
    deposit_rows,
    end_of,
    settled,
)

Q = TypeVar("Q")
A = TypeVar("A")


class World:
    """Pens and books of the neighbours, the answers of the service, and its tables."""

    def __init__(self, service: Service, caller: Caller, pens: dict[str, Database]) -> None:
        self.service = service
        self.caller = caller
        self.pens = pens
        self.ledger = Ledger()
        self.node_head = block(1)
        self.proceeds = 1_000 * ETH
        self.proceeds_away = False
        self.proceeds_refusal = "ServiceUnavailable"
        self.proceeds_free = asyncio.Event()
        self.proceeds_free.set()
        self.proceeds_asked: list[ProceedsRequest] = []
        self.deposits: dict[int, list[SettledDeposit]] = {}
        self.pages_asked: list[PageOfEpoch] = []
        self.locked = 0
        self.running: list[DepositUntil] = []
        """Deposits of the current epoch, in address order."""
        self.last_refusal: dict[str, str] = {}
        self.synced = asyncio.Event()

    # what the neighbours answer

    async def sync_to_latest(self, _: Nothing) -> BlockRef:
        self.synced.set()
        return self.node_head

    async def staking_proceeds(self, request: ProceedsRequest) -> StakingProceeds:
        self.proceeds_asked.append(request)
        await self.proceeds_free.wait()
        if self.proceeds_away:
            raise Refusal(self.proceeds_refusal, service="staking proceeds sources")
        return StakingProceeds(value=Wei(self.proceeds), block=self._block_at(request.block))

    def _block_at(self, number: int) -> BlockRef:
        return self.node_head if number == self.node_head.number else block(number)

    async def settled_deposits(self, request: PageOfEpoch) -> SettledDeposits:
        self.pages_asked.append(request)
        if request.epoch not in self.deposits:
            raise Refusal("NotLoadedYet", what=f"Deposits of epoch {request.epoch}")
        rows = self.deposits[request.epoch]
        end = request.cursor + PAGE
        return SettledDeposits(
            deposits=rows[request.cursor : end], next_cursor=end if end < len(rows) else None
        )

    async def locked_glm(self, _: Nothing) -> WeiAmount:
        return WeiAmount(Wei(self.locked))

    async def estimated_total_deposit(self, _: Nothing) -> TotalEffectiveDeposit:
        return TotalEffectiveDeposit(total_effective=self._total())

    async def user_deposit_until(self, request: OfUser) -> UserDepositUntil:
        epoch, start, until = self._span(None)
        deposits = {row.user: row.effective_deposit for row in self.running}
        return UserDepositUntil(
            epoch=epoch,
            start=start,
            until=until,
            total_effective_deposit=self._total(),
            effective_deposit=deposits.get(request.user, Wei(0)),
        )

    async def deposits_until(self, request: DepositsUntilRequest) -> DepositsUntil:
        epoch, start, until = self._span(request.until)
        end = request.cursor + PAGE
        rows = ((r.user, r.effective_deposit, r.end_balance) for r in self.running)
        return DepositsUntil(
            epoch=epoch,
            start=start,
            until=until,
            total_effective_deposit=self._total(),
            count=len(self.running),
            digest=deposits_digest(rows),
            deposits=self.running[request.cursor : end],
            next_cursor=end if end < len(self.running) else None,
        )

    def _total(self) -> Wei:
        return Wei(sum(row.effective_deposit for row in self.running))

    def _span(self, until: int | None) -> tuple[int, int, int]:
        now = self.node_head.timestamp
        epoch = (now - START) // DURATION + 1
        return epoch, end_of(epoch - 1), until or now

    # what the neighbours announce

    async def say(self, *events: Event) -> dict[str, int]:
        """Committed by their owners, in order; the id of each owner's last one."""
        last: dict[str, int] = {}
        for owner, run in groupby(events, key=lambda event: PRODUCER[type(event)]):
            async with self.pens[owner].transaction("test") as connection:
                last[owner] = (await append(connection, *run))[-1]
        return last

    async def tell(self, *events: Event) -> None:
        """Said, and applied by the service."""
        wanted = set((await self.say(*events)).items())
        inbox = chassis.inbox

        async def applied() -> bool:
            async with self.service.database.engine.connect() as connection:
                rows = await connection.execute(
                    select(inbox.c.source, inbox.c.event_id).where(
                        tuple_(inbox.c.source, inbox.c.event_id).in_(wanted)
                    )
                )
                return len(rows.all()) == len(wanted)

        await eventually(applied, timeout=20, what=f"{wanted} applied")

    def head(self, timestamp: int) -> BlockAdvanced:
        """The next block of the chain; the node has it at once."""
        self.node_head = block(self.node_head.number + 1, timestamp)
        return BlockAdvanced(block=self.node_head, final_block=self.node_head.number)

    def projects(self, epoch: int) -> ProjectsSet:
        return ProjectsSet(block=self.node_head, epoch=epoch, projects=PROJECTS, cid="Qm")

    async def begin(self) -> None:
        await self.tell(calendar(), self.head(START + 1))

    async def end_epoch(self, epoch: int) -> None:
        """The window on `epoch` opens; its deposits are not settled yet."""
        await self.tell(self.head(end_of(epoch) + 1), self.projects(epoch))

    def settlement(self, epoch: int, effective: Mapping[Address, int]) -> Event:
        """Epochs has the deposits, and announces them."""
        self.deposits[epoch] = deposit_rows(effective)
        return settled(epoch, self.deposits[epoch])

    async def open_window(self, epoch: int, effective: Mapping[Address, int]) -> None:
        """The epoch ended and its pending snapshot is taken (manual mode)."""
        await self.end_epoch(epoch)
        await self.tell(self.settlement(epoch, effective))
        assert await self.take_pending() == epoch

    async def close_window(self, epoch: int) -> None:
        await self.tell(self.head(end_of(epoch) + WINDOW + 1))

    async def finalize(self, epoch: int) -> FinalizedSnapshotTaken:
        """The window closes, the allocations are sealed, the snapshot is taken (manual mode)."""
        await self.close_window(epoch)
        await self.tell(self.ledger.seal(epoch))
        assert await self.take_finalized() == epoch
        return (await self.announced(FinalizedSnapshotTaken))[-1]

    # what the service answers

    async def ask(self, call: Call[Q, A], request: Q) -> A:
        return await self.caller.ask(call, request)

    async def outcome(self, call: Call[Q, Any], request: Q) -> Any:
        """The answer, or the code of the refusal, whose details are kept."""
        try:
            return await self.caller.ask(call, request)
        except Refusal as refusal:
            self.last_refusal = refusal.details
            return refusal.code

    async def take_pending(self) -> int | None:
        return (await self.ask(TAKE_PENDING_SNAPSHOT, Nothing())).epoch

    async def take_finalized(self) -> int | None:
        return (await self.ask(TAKE_FINALIZED_SNAPSHOT, Nothing())).epoch

    async def budgets(self, epoch: int) -> dict[Address, int]:
        """All pages, in the order of the answer."""
        found: dict[Address, int] = {}
        cursor: int | None = 0
        while cursor is not None:
            page = await self.ask(BUDGETS, PageOfEpoch(epoch, cursor))
            found |= {row.address: row.amount for row in page.budgets}
            cursor = page.next_cursor
        return found

    async def estimates(self) -> list[tuple[Address, int, int]]:
        """(project, allocated, matched) of the open window."""
        answer = await self.ask(ESTIMATED_PROJECT_REWARDS, Nothing())
        return [(row.address, row.allocated, row.matched) for row in answer.rewards]

    async def withdrawals(self, who: Address) -> list[Withdrawal]:
        return (await self.ask(WITHDRAWALS, OfUser(who))).withdrawals

    # what the service has

    async def announced(self, *kinds: type[Event]) -> list[Any]:
        """Events of its outbox in order; the snapshots' when no kinds are named."""
        wanted = kinds or (PendingSnapshotTaken, FinalizedSnapshotTaken)
        outbox = chassis.outbox
        async with self.service.database.engine.connect() as connection:
            rows = await connection.execute(
                select(outbox.c.subject, outbox.c.payload).order_by(outbox.c.id)
            )
            found = [decode(row.payload, BY_SUBJECT[row.subject]) for row in rows]
        return [event for event in found if isinstance(event, wanted)]

    async def counts(self, *names: str) -> list[int]:
        """Rows of the service's tables."""
        async with self.service.database.engine.connect() as connection:
            return [
                await connection.scalar(
                    select(func.count()).select_from(tables.metadata.tables[name])
                )
                or 0
                for name in names
            ]

    def waits_for(self, check: str) -> str:
        """Why the readiness check fails, empty when it does not."""
        return self.service.readiness.waiting().get(check, "")

    async def readyz(self) -> tuple[int, dict[str, str]]:
        """Status and reasons, as a probe sees them."""
        return await asyncio.to_thread(_readyz, self.service.operations_port)


def _readyz(port: int) -> tuple[int, dict[str, str]]:
    try:
        answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz")
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, json.loads(answer.read())["waiting"]
