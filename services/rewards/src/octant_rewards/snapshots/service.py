"""Taking snapshots on request and by themselves."""

import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from octant_chassis.calls import Caller, Written
from octant_chassis.database import AsyncConnection, Database, Notifications
from octant_chassis.telemetry import log
from octant_contracts.calls import SYNC_TO_LATEST, Nothing, SnapshotTaken
from octant_contracts.errors import Refusal, render

from octant_rewards.allocations import repository as allocations
from octant_rewards.chain import repository as chain_repository
from octant_rewards.chain.calendar import ChainState, chain_state
from octant_rewards.settings import Settings
from octant_rewards.snapshots import finalized, pending, repository

T = TypeVar("T")
NOTHING_TO_DO = Written(SnapshotTaken(None), [])


class Snapshots:
    """The use cases with what they need; a request waits at most the patience for its inputs."""

    def __init__(
        self,
        database: Database,
        notifications: Notifications,
        caller: Caller,
        settings: Settings,
    ) -> None:
        self._database = database
        self._notifications = notifications
        self._caller = caller
        self._settings = settings
        self.trouble: str | None = None

    async def take_pending(self, _: Nothing) -> Written[SnapshotTaken]:
        """Takes the snapshot of the epoch whose window is open, if there is none yet."""
        deadline = self._deadline()
        chain = await self._caught_up(deadline)
        epoch = chain.pending
        if epoch is None:
            return NOTHING_TO_DO
        async with self._database.reading() as connection:
            if await repository.pending(connection, epoch) is not None:
                return NOTHING_TO_DO
        reason = (
            f"its deposits are not settled at block {chain.head.number}; the chain must be "
            "indexed and final past the epoch's end"
        )
        await self._until(
            partial(repository.settlement, epoch=epoch),
            deadline,
            Refusal("SnapshotTooEarly", epoch=epoch, reason=reason),
        )
        events = await pending.take(self._database, self._caller, epoch, chain)
        return NOTHING_TO_DO if events is None else Written(SnapshotTaken(epoch), events)

    async def take_finalized(self, _: Nothing) -> Written[SnapshotTaken]:
        """Takes the snapshot of the newest epoch whose window is over, if it is pending."""
        deadline = self._deadline()
        chain = await self._caught_up(deadline)
        epoch = chain.finalized
        async with self._database.reading() as connection:
            missing = await repository.pending(connection, epoch) is None
            if missing or await repository.finalized(connection, epoch) is not None:
                return NOTHING_TO_DO
        await self._until(
            partial(allocations.seal, epoch=epoch),
            deadline,
            Refusal("SnapshotTooEarly", epoch=epoch, reason="its allocations are not sealed yet"),
        )
        events = await finalized.take(self._database, self._settings.percents, epoch, chain)
        return NOTHING_TO_DO if events is None else Written(SnapshotTaken(epoch), events)

    async def take_due(self) -> list[Exception]:
        """Takes every snapshot whose inputs are sealed, pending ones first, oldest first.

        An epoch that fails does not keep the others back; the errors tell what failed.
        """
        failed: list[Exception] = []
        steps = (
            ("pending", repository.next_to_settle, self._pending),
            ("finalized", repository.next_to_finalize, self._finalized),
        )
        for kind, due, take in steps:
            for epoch, chain in await self._due(due):
                try:
                    if await take(epoch, chain):
                        log.info(f"{kind} snapshot taken", epoch=epoch)
                except Exception as error:
                    error.add_note(f"{kind} snapshot of epoch {epoch}")
                    failed.append(error)
        return failed

    async def run_automatically(self) -> None:
        """Takes what is due whenever something was applied. For one leader."""
        known: list[str] = []
        while True:
            try:
                failed = await self.take_due()
            except Exception as error:
                failed = [error]
            words = [_words(error) for error in failed]
            if words and words != known:
                log.error("snapshots are due and fail", reasons=words)
            known = words
            # What no rule allows stays so: it is said in the log, and others go on.
            curable = [_words(error) for error in failed if not _is_against_the_rules(error)]
            self.trouble = "; ".join(curable) or None
            await self._notifications.wait("applied", timeout=0.5 if failed else 2.0)

    async def _pending(self, epoch: int, chain: ChainState) -> list[int] | None:
        return await pending.take(self._database, self._caller, epoch, chain)

    async def _finalized(self, epoch: int, chain: ChainState) -> list[int] | None:
        return await finalized.take(self._database, self._settings.percents, epoch, chain)

    async def _due(
        self, epochs: Callable[[AsyncConnection], Awaitable[list[int]]]
    ) -> list[tuple[int, ChainState]]:
        async with self._database.reading() as connection:
            found = await epochs(connection)
            if not found:
                return []
            chain = await chain_state(connection)
        return [(epoch, chain) for epoch in found]

    def _deadline(self) -> float:
        return time.monotonic() + self._settings.snapshot_patience

    async def _caught_up(self, deadline: float) -> ChainState:
        """The state of the chain after everything the node knows now has arrived here."""
        latest = await self._caller.ask(SYNC_TO_LATEST, Nothing())

        async def arrived(connection: AsyncConnection) -> ChainState | None:
            head = await chain_repository.head(connection)
            if head is None or head.number < latest.number:
                return None
            return await chain_state(connection)

        return await self._until(
            arrived, deadline, Refusal("NotLoadedYet", what=f"Block {latest.number}")
        )

    async def _until(
        self,
        look: Callable[[AsyncConnection], Awaitable[T | None]],
        deadline: float,
        refusal: Refusal,
    ) -> T:
        """What `look` finds in the database, waiting for it; the refusal after the deadline."""
        while True:
            async with self._database.reading() as connection:
                if (found := await look(connection)) is not None:
                    return found
            if time.monotonic() > deadline:
                raise refusal
            await self._notifications.wait("applied", timeout=0.1)


def _words(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, Refusal):
        (text,) = render(error)[1].values()
    return ": ".join([*getattr(error, "__notes__", []), text])


def _is_against_the_rules(error: Exception) -> bool:
    return isinstance(error, Refusal) and error.code == "InvalidMatchedRewardsStrategy"
