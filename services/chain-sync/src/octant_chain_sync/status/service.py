"""How the chain and our index stand, and the way to bring the index up to date at once."""

import asyncio
import time

from octant_chassis.database import Database, Notifications
from octant_chassis.telemetry import log
from octant_contracts.calls import SYNC_TO_LATEST, ChainInfo, ChainStatus, SmartContract
from octant_contracts.errors import Refusal
from octant_contracts.values import BlockRef

from octant_chain_sync.indexer.metrics import indexed_height
from octant_chain_sync.indexer.repository import notify
from octant_chain_sync.indexer.service import HEAD, POLL, current_head
from octant_chain_sync.node import Node
from octant_chain_sync.rpc import RpcFailure, answering
from octant_chain_sync.settings import Contracts, Settings

STATUS_PATIENCE = 1.0
SYNC_PATIENCE = SYNC_TO_LATEST.timeout - 0.5
LOOK_AGAIN = 0.05  # a notification may come between the look and the wait


async def chain_status(database: Database, node: Node) -> ChainStatus:
    """The node's view within a second, Nones without one; and our indexed head."""
    live = None
    try:
        async with asyncio.timeout(STATUS_PATIENCE):
            live = await node.live_status(STATUS_PATIENCE)
    except (RpcFailure, TimeoutError) as error:
        log.warning("chain does not answer", reason=str(error) or type(error).__name__)
    head = await current_head(database)
    return ChainStatus(
        blockchain_height=live.height if live else None,
        blockchain_epoch=live.epoch if live else None,
        window_open=live.window_open if live else None,
        indexed_height=head.block.number if head else 0,
        head_timestamp=head.block.timestamp if head else 0,
    )


def chain_info(settings: Settings, contracts: Contracts) -> ChainInfo:
    named = {
        "Auth": contracts.auth,
        "Deposits": contracts.deposits,
        "Epochs": contracts.epochs,
        "GLM": contracts.glm,
        "Projects": contracts.proposals,
        "Vault": contracts.vault,
        "WithdrawalsTarget": contracts.withdrawals_target,
    }
    return ChainInfo(
        chain_name=settings.chain_name,
        chain_id=settings.chain_id,
        smart_contracts=[
            SmartContract(name=name, address=address)
            for name, address in named.items()
            if address is not None
        ],
    )


async def sync_to_latest(
    database: Database, node: Node, signals: Notifications, patience: float = SYNC_PATIENCE
) -> BlockRef:
    """Our head once it has reached the block that is the node's latest now.

    Refusal NotLoadedYet when that takes longer than `patience` seconds.
    """
    deadline = time.monotonic() + patience
    with answering():
        latest = await node.latest(timeout=2, attempts=2)
    asked = -1.0
    while True:
        head = await current_head(database)
        if head is not None and await _reached(node, head.block, latest.ref):
            return head.block
        now = time.monotonic()
        if now >= deadline:
            raise Refusal("NotLoadedYet", what="The newest block")
        if now - asked >= 4 * LOOK_AGAIN:
            # Repeated, since an indexer at work does not listen.
            async with database.transaction("ask-for-poll") as connection:
                await notify(connection, signals.channel(POLL))
            asked = now
        await signals.wait(HEAD, min(LOOK_AGAIN, deadline - now))


async def _reached(node: Node, head: BlockRef, target: BlockRef) -> bool:
    if head.number <= target.number:
        return head.hash == target.hash
    # Further than asked for, unless the chain was rolled back and we have not noticed yet.
    with answering():
        found = (await node.headers([head.number])).get(head.number)
    return found is not None and found.hash == head.hash


class Watch:
    """Readiness of every replica: does the chain answer, and is the index current?"""

    def __init__(self, database: Database, node: Node, settings: Settings) -> None:
        self._database = database
        self._node = node
        self._max_lag = settings.max_lag_blocks
        self.trouble: str | None = "the chain was not asked yet"

    async def run(self) -> None:
        while True:
            try:
                self.trouble = await self._look()
            except Exception as error:  # the database is away; it has a check of its own
                self.trouble = f"the index cannot be read: {str(error) or type(error).__name__}"
            await asyncio.sleep(0.2 if self.trouble else 1.0)

    async def _look(self) -> str | None:
        try:
            latest = await self._node.latest(timeout=2.0)
        except RpcFailure as error:
            return f"chain does not answer: {error}"
        head = await current_head(self._database)
        if head is None:
            return "nothing is indexed yet"
        indexed_height.set(head.block.number)
        lag = latest.number - head.block.number
        return f"the index is {lag} blocks behind" if lag > self._max_lag else None
