"""Consistent reads for the indexer: forks, state at a block, ranges of logs."""

from collections.abc import Sequence
from typing import Any

import msgspec
from octant_chassis.database import Database
from octant_chassis.telemetry import log
from octant_contracts.values import BlockRef, Hex
from octant_protocol.calendar import EpochProps

from octant_chain_sync.contracts import Fact, decode_log
from octant_chain_sync.indexer import model, repository
from octant_chain_sync.indexer.model import ProjectList
from octant_chain_sync.node import ChainMoved, ContractState, Header, Node
from octant_chain_sync.rpc import NodeError, NodeTimeout

FORK_STEP = 50  # our blocks compared per message while looking for a fork


class Fork(msgspec.Struct, frozen=True, kw_only=True):
    """`block` is the newest of ours that is still on the chain.

    `replaced`: a block above it has another hash. Otherwise the node just has none there: the
    chain was rolled back, or the node lags behind the one that told us of our blocks.
    """

    block: Header
    replaced: bool


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What Epochs and Proposals say at `block` that we did not know."""

    block: BlockRef
    props_index: int  # the newest entry
    props: list[EpochProps]
    projects: dict[int, ProjectList]


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of a range in chain order, the headers of their blocks, and its last header."""

    facts: list[Fact]
    headers: list[Header]
    last: Header


async def find_fork(
    database: Database, node: Node, head: BlockRef, latest: Header, start_block: int
) -> Fork | None:
    """Where the chain leaves ours; None when our head is on it.

    When the chain shares none of them, the block before the first indexed one.
    """
    if latest.parent_hash == head.hash:
        return None
    # The head's successor, or the block in its place, names another one: no need to see more.
    replaced = latest.number in (head.number, head.number + 1)
    below = head.number + 1
    while True:
        async with database.reading() as connection:
            ours = await repository.known_hashes(connection, below, FORK_STEP)
        if not ours:
            if replaced:
                log.error("the chain is not the one that was indexed", head=head.number)
            number = max(start_block - 1, 0)
            found = (await node.headers([number])).get(number)
            if found is None:
                raise ChainMoved("the chain is shorter than the first indexed block")
            return Fork(block=found, replaced=replaced)
        # Our head is asked for even above the node's height: behind one address there may be
        # several nodes, and one that lags is no reorganisation.
        theirs = await node.headers(n for n, _ in ours)
        for number, block_hash in ours:
            found = theirs.get(number)
            if found is None:
                continue  # above the node's height
            if found.hash == block_hash:
                return None if block_hash == head.hash else Fork(block=found, replaced=replaced)
            replaced = True
        below = ours[-1][0]


async def read_changes(
    node: Node,
    at: Header,
    *,
    since: int,
    props: dict[int, EpochProps],
    projects: dict[int, ProjectList],
    fixed_cids: dict[int, str],
) -> Changes:
    """Compares the contracts at `at` with what we know; `since` is the time of our last look."""
    looked = model.current_epoch(props, since)
    newest = max(props, default=0)
    current = model.current_epoch(props, at.timestamp)
    state = await node.state(
        at,
        model.indexes_to_read(props, newest),
        model.epochs_to_read(projects, looked, current),
    )
    # New entries, or a calendar that moves the current epoch, need a second look.
    indexes = model.indexes_to_read(props, state.props_index)
    state = await _complete(node, at, state, indexes, ())
    current = model.current_epoch(
        {i: p for i, p in (props | state.props).items() if i <= state.props_index}, at.timestamp
    )
    epochs = model.epochs_to_read(projects, looked, current)
    state = await _complete(node, at, state, (), epochs)
    return Changes(
        block=at.ref,
        props_index=state.props_index,
        props=model.changed_props(props, state.props, state.props_index),
        projects=model.changed_projects(
            projects, state.projects, cid=state.cid, current=current, fixed_cids=fixed_cids
        ),
    )


async def _complete(
    node: Node, at: Header, state: ContractState, indexes: Sequence[int], epochs: Sequence[int]
) -> ContractState:
    indexes = [i for i in indexes if i not in state.props]
    epochs = [e for e in epochs if e not in state.projects]
    if not indexes and not epochs:
        return state
    more = await node.state(at, indexes, epochs)
    return msgspec.structs.replace(
        more, props=state.props | more.props, projects=state.projects | more.projects
    )


class RangeReader:
    """Reads ranges of logs; asks for fewer blocks while the node refuses many."""

    def __init__(self, node: Node, log_range: int) -> None:
        self._node = node
        self._largest = log_range
        self._size = log_range

    async def read(self, first: int, latest: Header, base: BlockRef | None) -> Range:
        """Facts from `first` on, at most up to `latest`. ChainMoved when `base` or `latest`
        is not on the chain any more."""
        last, logs = await self._logs(first, latest.number)
        numbers = {int(raw["blockNumber"], 16) for raw in logs}
        asked = numbers | {last, latest.number} | ({base.number} if base is not None else set())
        headers = await self._node.headers(asked)
        expected: dict[int, Hex] = {latest.number: latest.hash}
        if base is not None:
            expected[base.number] = base.hash
        expected |= {int(raw["blockNumber"], 16): Hex.parse(raw["blockHash"]) for raw in logs}
        for number, block_hash in expected.items():
            if number not in headers or headers[number].hash != block_hash:
                raise ChainMoved(f"block {number} was replaced")
        return Range(
            facts=[decode_log(raw, headers[int(raw["blockNumber"], 16)].timestamp) for raw in logs],
            headers=[headers[n] for n in sorted(numbers | {last})],
            last=headers[last],
        )

    async def _logs(self, first: int, height: int) -> tuple[int, list[dict[str, Any]]]:
        """The last block of the range, and its logs. `first` above the height: an empty range."""
        if first > height:
            return height, []
        while True:
            last = min(first + self._size - 1, height)
            try:
                logs = await self._node.logs(first, last)
            except (NodeError, NodeTimeout) as error:
                if last == first:
                    raise
                self._size = max((last - first + 1) // 2, 1)
                log.warning("fewer blocks per request", blocks=self._size, reason=str(error))
                continue
            self._size = min(self._size * 2, self._largest)
            return last, logs
