"""The indexer: follows the chain's head, range by range, one transaction each."""

import time

from octant_chassis.database import AsyncConnection, Database, Notifications
from octant_chassis.outbox import append
from octant_chassis.telemetry import log
from octant_contracts.events import (
    BlockAdvanced,
    EpochPropsSet,
    Event,
    FactsReverted,
    ProjectsSet,
)
from octant_contracts.values import BlockRef
from sqlalchemy.exc import SQLAlchemyError

from octant_chain_sync.indexer import repository
from octant_chain_sync.indexer.metrics import deep_reorgs
from octant_chain_sync.indexer.reader import (
    Changes,
    Fork,
    Range,
    RangeReader,
    find_fork,
    read_changes,
)
from octant_chain_sync.node import Header, Node
from octant_chain_sync.rpc import RpcFailure
from octant_chain_sync.seals.service import seal_due
from octant_chain_sync.settings import Settings, fixed_cids

POLL = "poll"  # channel: somebody wants the newest block now
HEAD = "head"  # channel: the indexed head has moved

# Behind one address there may be several nodes, and one of them may lag. A chain that is merely
# shorter than ours is believed when so many polls in a row found it so.
SHORTER_POLLS = 3
SHORTER_PACE = 1.0  # polls that somebody asked for in quick succession are one look at the node


class Outrun(Exception):
    """Another process moved the head meanwhile; look again."""


class Indexer:
    """Run by one process at a time, under the lock `indexer`."""

    def __init__(
        self, database: Database, node: Node, signals: Notifications, settings: Settings
    ) -> None:
        self._database = database
        self._node = node
        self._signals = signals
        self._settings = settings
        self._fixed_cids = fixed_cids(settings)
        self._ranges = RangeReader(node, settings.log_range)
        self._settled: BlockRef | None = None
        self._shorter = 0  # polls in a row that found a shorter chain
        self._shorter_at = 0.0
        self.trouble: str | None = None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self.poll()
                    self.trouble = None
                except (RpcFailure, Outrun, SQLAlchemyError, OSError) as error:
                    trouble = f"{type(error).__name__}: {error}"
                    if trouble != self.trouble:
                        log.warning("indexing interrupted", reason=trouble)
                    self.trouble = trouble
                await self._signals.wait(POLL, self._settings.poll_interval)
        finally:
            self.trouble = None  # somebody else's business now

    async def poll(self) -> None:
        """Indexes up to the node's latest block, then seals what has become final."""
        latest, final_block = await self._look()
        async with self._database.reading() as connection:
            head = await repository.read_head(connection)
        if head is None:
            await self._catch_up(None, None, latest, final_block)
        elif head.block.hash != latest.hash:
            fork = await find_fork(
                self._database, self._node, head.block, latest, self._settings.start_block
            )
            if fork is not None and not self._believed(fork, head.block):
                return
            await self._catch_up(head.block, fork, latest, final_block)
        self._shorter = 0
        if self._settled != latest.ref:
            await seal_due(self._database, self._node, self._settings.start_block)
            self._settled = latest.ref

    def _believed(self, fork: Fork, head: BlockRef) -> bool:
        if fork.replaced:
            return True
        now = time.monotonic()
        if not self._shorter or now - self._shorter_at >= min(
            self._settings.poll_interval, SHORTER_PACE
        ):
            self._shorter += 1
            self._shorter_at = now
            log.info("the node tells a shorter chain", to=fork.block.number, head=head.number)
        return self._shorter >= SHORTER_POLLS

    async def _look(self) -> tuple[Header, int]:
        """The latest block, and the number of the newest final one."""
        if self._settings.confirmations is None:
            return await self._node.latest_and_finalized()
        latest = await self._node.latest()
        return latest, max(latest.number - self._settings.confirmations, 0)

    async def _catch_up(
        self, head: BlockRef | None, fork: Fork | None, latest: Header, final_block: int
    ) -> None:
        if head is not None and fork is None and latest.number <= head.number:
            return  # the node told an older block than before; ours are still there
        base = fork.block.ref if fork is not None else head
        changes: Changes | None = await self._changes(fork, base, latest)
        while base is None or base.hash != latest.hash or fork is not None:
            first = self._settings.start_block if base is None else base.number + 1
            if base is None and first > latest.number:
                return  # the chain has not come to the first block of interest
            found = await self._ranges.read(first, latest, base)
            async with self._database.transaction("index") as connection:
                await _expect(connection, head)
                if fork is not None and head is not None:
                    await _revert(connection, fork.block.ref, head)
                await _write(connection, changes, found, min(final_block, found.last.number))
                await repository.notify(connection, self._signals.channel(HEAD))
            base = head = found.last.ref
            fork = changes = None

    async def _changes(self, fork: Fork | None, base: BlockRef | None, latest: Header) -> Changes:
        async with self._database.reading() as connection:
            up_to = None if fork is None else fork.block.number
            props = await repository.read_props(connection, up_to)
            projects = await repository.read_projects(connection, up_to)
        return await read_changes(
            self._node,
            latest,
            since=base.timestamp if base is not None else 0,
            props=props,
            projects=projects,
            fixed_cids=self._fixed_cids,
        )


async def _expect(connection: AsyncConnection, head: BlockRef | None) -> None:
    found = await repository.read_head(connection, lock=True)
    if (found.block if found else None) != head:
        raise Outrun("the head is not where it was")


async def _revert(connection: AsyncConnection, fork: BlockRef, head: BlockRef) -> None:
    log.warning("chain reorganised", to_block=fork.number, from_number=head.number)
    if epochs := await repository.sealed_above(connection, fork.number):
        # What was frozen on these facts cannot be taken back by us: an operator must look.
        deep_reorgs.inc()
        log.error("deep reorganisation: sealed facts were reverted", epochs=epochs)
    await repository.delete_above(connection, fork.number)
    await append(connection, FactsReverted(to_block=fork, from_number=head.number))


async def _write(
    connection: AsyncConnection, changes: Changes | None, found: Range, final_block: int
) -> None:
    events: list[Event] = []
    if changes is not None:
        await repository.drop_props_after(connection, changes.props_index)
        await repository.write_props(connection, changes.props, changes.block.number)
        await repository.write_projects(connection, changes.projects, changes.block.number)
        events += _state_events(changes)
    await repository.add_blocks(connection, found.headers)
    await repository.add_facts(connection, found.facts)
    await repository.write_head(connection, found.last.ref, final_block)
    events += [*found.facts, BlockAdvanced(block=found.last.ref, final_block=final_block)]
    await append(connection, *events)


def _state_events(changes: Changes) -> list[Event]:
    props = [
        EpochPropsSet(
            block=changes.block,
            index=p.index,
            from_epoch=p.from_epoch,
            to_epoch=p.to_epoch,
            from_ts=p.from_ts,
            duration=p.duration,
            decision_window=p.decision_window,
        )
        for p in changes.props
    ]
    lists = [
        ProjectsSet(block=changes.block, epoch=epoch, projects=list(one.projects), cid=one.cid)
        for epoch, one in changes.projects.items()
    ]
    return [*props, *lists]


async def current_head(database: Database) -> repository.Head | None:
    """The last indexed block, None before the first."""
    async with database.engine.connect() as connection:
        return await repository.read_head(connection)
