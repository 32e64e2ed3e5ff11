"""Puts merkle roots of finalized epochs on chain, on test networks. Each transaction once."""

import asyncio
import time

from octant_chassis.database import Database, Notifications
from octant_chassis.telemetry import log
from prometheus_client import Counter
from sqlalchemy.exc import SQLAlchemyError

from octant_chain_sync.node import Node
from octant_chain_sync.rpc import NodeError, RpcFailure
from octant_chain_sync.transactions import repository
from octant_chain_sync.transactions.model import (
    FUND,
    Confirmation,
    Outcome,
    Step,
    Transaction,
    root_step,
    steps_of,
)
from octant_chain_sync.transactions.sender import Sender

CONFIRM = "confirm"  # channel: an epoch was finalized
RECEIPT_PATIENCE = 60.0  # seconds a receipt is awaited before the next look
failed_transactions = Counter("octant_failed_transactions_total", "Transactions that reverted")


class Confirmer:
    """Run by one process at a time, under the lock `transactions`."""

    def __init__(
        self,
        database: Database,
        node: Node,
        sender: Sender,
        signals: Notifications,
        *,
        interval: float,
        poll_interval: float,
    ) -> None:
        self._database = database
        self._node = node
        self._sender = sender
        self._signals = signals
        self._interval = interval
        self._poll_interval = poll_interval

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.confirm_all()
            except (RpcFailure, SQLAlchemyError, OSError) as error:
                log.warning("confirming interrupted", reason=str(error))
            await self._signals.wait(CONFIRM, self._interval)

    async def confirm_all(self) -> None:
        """Every finalized epoch without a root on chain, ascending."""
        async with self._database.reading() as connection:
            wanted = await repository.with_root(connection)
        if not wanted:
            return
        on_chain = await self._node.merkle_roots([c.epoch for c in wanted])
        for confirmation in wanted:
            present = on_chain[confirmation.epoch]
            if not any(present):
                if await self._confirm(confirmation) is Outcome.WAITING:
                    return
            elif present != confirmation.root:
                log.error(
                    "the Vault has another root than the one computed",
                    epoch=confirmation.epoch,
                    on_chain=present.text,
                    computed=confirmation.root.text,
                )

    async def _confirm(self, confirmation: Confirmation) -> Outcome:
        vault = self._node.contracts.vault
        async with self._database.reading() as connection:
            begun = await repository.find(connection, confirmation.epoch, FUND)
        if begun is None:
            # Before money moves: would the Vault take the root from this key?
            root = root_step(confirmation, vault)
            try:
                await self._sender.rehearse(root)
            except NodeError as error:
                return _refused(root, error)
        for step in steps_of(confirmation, vault):
            outcome = await self._take(step)
            if outcome is not Outcome.DONE:
                return outcome
        log.info("withdrawals confirmed", epoch=confirmation.epoch)
        return Outcome.DONE

    async def _take(self, step: Step) -> Outcome:
        """Stores, sends and awaits one step; after a crash it goes on where it stopped."""
        async with self._database.reading() as connection:
            transaction = await repository.find(connection, step.epoch, step.name)
        if transaction is None:
            try:
                transaction = await self._sender.prepare(step)
            except NodeError as error:
                return _refused(step, error)
            async with self._database.transaction("store-transaction") as connection:
                await repository.add(connection, transaction)
        elif transaction.succeeded is False:
            log.error("a transaction reverted, nothing is repeated", **_named(transaction))
            return Outcome.FAILED
        # Asked even when we know of a receipt: a reorganisation may have taken it back.
        succeeded = await self._sender.receipt(transaction)
        if succeeded is None:
            try:
                await self._sender.send(transaction)
            except NodeError as error:
                log.warning(
                    "the node refuses a transaction", reason=str(error), **_named(transaction)
                )
                return Outcome.WAITING
            succeeded = await self._await_receipt(transaction)
        if succeeded is None:
            return await self._without_receipt(transaction)
        if succeeded != transaction.succeeded:
            async with self._database.transaction("record-receipt") as connection:
                await repository.record_receipt(connection, transaction, succeeded)
        if succeeded:
            return Outcome.DONE
        failed_transactions.inc()
        log.error("a transaction reverted", **_named(transaction))
        return Outcome.FAILED

    async def _await_receipt(self, transaction: Transaction) -> bool | None:
        deadline = time.monotonic() + RECEIPT_PATIENCE
        while True:
            # In this order: overtaken first, so that our own receipt is not missed.
            overtaken = await self._sender.is_overtaken(transaction)
            succeeded = await self._sender.receipt(transaction)
            if succeeded is not None or overtaken or time.monotonic() > deadline:
                return succeeded
            await asyncio.sleep(self._poll_interval)

    async def _without_receipt(self, transaction: Transaction) -> Outcome:
        if await self._sender.is_overtaken(transaction):
            log.error(
                "another transaction used the nonce: does somebody else send with this key?",
                **_named(transaction),
            )
            return Outcome.FAILED
        log.warning("a transaction is not mined yet", **_named(transaction))
        return Outcome.WAITING


def _refused(step: Step, error: NodeError) -> Outcome:
    """Nothing was stored or sent; tried again with the next look."""
    log.error(
        "the chain would refuse a transaction", epoch=step.epoch, step=step.name, reason=str(error)
    )
    return Outcome.FAILED


def _named(transaction: Transaction) -> dict[str, object]:
    return {
        "epoch": transaction.epoch,
        "step": transaction.step,
        "nonce": transaction.nonce,
        "transaction": transaction.hash.text,
    }
