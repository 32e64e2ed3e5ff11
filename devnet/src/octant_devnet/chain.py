"""The development chain as a client sees it: calls, transactions, time travel.

A sender is a private key (32 bytes of hex: signed here) or an address (20 bytes of hex: anvil
impersonates it). Transactions are mined at once, in the order given, so runs are reproducible.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eth_account import Account

from octant_devnet.abi import Reverted, decode_result, encode_call, revert_code
from octant_devnet.rpc import RpcClient

BLOCK_GAS_LIMIT = 50_000_000
PRIORITY_FEE = 10**9
RECEIPT_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Log:
    address: str
    topics: tuple[str, ...]
    data: bytes
    index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    hash: str
    sender: str
    succeeded: bool
    block_number: int
    block_hash: str
    gas_used: int
    gas_price: int
    contract_address: str | None
    logs: tuple[Log, ...]

    @property
    def fee(self) -> int:
        return self.gas_used * self.gas_price


@dataclass(frozen=True, slots=True)
class Transaction:
    """`to` is None for a new contract; `gas` is the limit, and what the sender must afford."""

    sender: str
    to: str | None
    data: bytes = b""
    value: int = 0
    gas: int = 500_000


class Chain(RpcClient):
    """One anvil node."""

    def call(
        self,
        to: str,
        signature: str,
        args: Sequence[Any] = (),
        *,
        sender: str | None = None,
        block: str = "latest",
    ) -> tuple[Any, ...]:
        """The decoded results of a read such as `call(glm, "balanceOf(address)(uint256)", [a])`."""
        request = {"to": to, "data": "0x" + encode_call(signature, args).hex()}
        if sender is not None:
            request["from"] = sender
        answer = self.rpc("eth_call", request, block)
        return decode_result(signature, bytes.fromhex(answer[2:]))

    def send(
        self,
        sender: str,
        to: str | None,
        data: bytes = b"",
        value: int = 0,
        *,
        gas: int = 2_000_000,
    ) -> Receipt:
        """Send one transaction; its receipt, or Reverted (it is mined all the same)."""
        return self.send_many([Transaction(sender, to, data, value, gas)])[0]

    def send_many(self, transactions: Sequence[Transaction]) -> list[Receipt]:
        """Send in this order, in as few blocks as the gas limits allow.

        When some revert, all of their block are mined, later blocks are not sent, and the first
        one's Reverted is raised. Nobody else may send for these senders meanwhile.
        """
        receipts: list[Receipt] = []
        for block in _blocks(transactions):
            with self._manual_mining():
                hashes = self._submit(block)
                self.mine()
            mined = self._wait_for_receipts(hashes)
            for receipt in mined:
                if not receipt.succeeded:
                    raise Reverted(self._reason(receipt.hash))
            receipts += mined
        return receipts

    def balance(self, address: str) -> int:
        return int(self.rpc("eth_getBalance", address, "latest"), 16)

    def set_balances(self, balances: dict[str, int]) -> None:
        self.batch([("anvil_setBalance", [a, hex(wei)]) for a, wei in balances.items()])

    def nonce(self, address: str) -> int:
        return int(self.rpc("eth_getTransactionCount", address, "pending"), 16)

    def code(self, address: str) -> bytes:
        return bytes.fromhex(self.rpc("eth_getCode", address, "latest")[2:])

    def height(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def block(self, number: int | None = None) -> dict[str, Any]:
        """A block without its transactions, the latest by default."""
        tag = "latest" if number is None else hex(number)
        found: dict[str, Any] | None = self.rpc("eth_getBlockByNumber", tag, False)
        if found is None:
            raise LookupError(f"no block {tag}")
        return found

    def now(self) -> int:
        """The time of the latest block: the only time contracts and readers see."""
        return int(self.block()["timestamp"], 16)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.rpc("evm_mine")

    def travel_to(self, timestamp: int) -> None:
        """Mine one block with exactly this time, which must be later than now."""
        now = self.now()
        if timestamp <= now:
            raise ValueError(f"cannot travel from {now} to {timestamp}: time only moves forward")
        self.rpc("evm_setNextBlockTimestamp", timestamp)
        self.mine()

    def deterministic_time(self, interval: int = 1) -> None:
        """From now on each block is `interval` seconds after its parent, whatever the clock says.

        Forgotten by anvil when it restarts.
        """
        self.rpc("anvil_setBlockTimestampInterval", interval)

    @contextmanager
    def _manual_mining(self) -> Iterator[None]:
        automine = self.rpc("anvil_getAutomine")
        if automine:
            self.rpc("evm_setAutomine", False)
        try:
            yield
        finally:
            if automine:
                self.rpc("evm_setAutomine", True)

    def _submit(self, transactions: Sequence[Transaction]) -> list[str]:
        addresses = [_address_of(transaction.sender) for transaction in transactions]
        senders = list(dict.fromkeys(addresses))
        chain_id, head, *counts = self.batch(
            [
                ("eth_chainId", []),
                ("eth_getBlockByNumber", ["latest", False]),
                *(("eth_getTransactionCount", [a, "pending"]) for a in senders),
            ]
        )
        nonces = {a: int(count, 16) for a, count in zip(senders, counts, strict=True)}
        max_fee = 2 * int(head["baseFeePerGas"], 16) + PRIORITY_FEE
        requests: list[tuple[str, Sequence[Any]]] = []
        for transaction, address in zip(transactions, addresses, strict=True):
            fields = {
                "chainId": int(chain_id, 16),
                "nonce": nonces[address],
                "gas": transaction.gas,
                "maxFeePerGas": max_fee,
                "maxPriorityFeePerGas": PRIORITY_FEE,
                "value": transaction.value,
                "data": "0x" + transaction.data.hex(),
            }
            if transaction.to is not None:
                fields["to"] = transaction.to
            nonces[address] += 1
            if transaction.sender == address:
                quantities = {k: hex(v) if isinstance(v, int) else v for k, v in fields.items()}
                requests.append(("anvil_impersonateAccount", [address]))
                requests.append(("eth_sendTransaction", [{"from": address, **quantities}]))
            else:
                # As bytes, `to` need not be in EIP-55.
                to = {"to": bytes.fromhex(transaction.to[2:])} if transaction.to else {}
                signed = Account.sign_transaction({**fields, **to}, transaction.sender)
                raw = "0x" + bytes(signed.raw_transaction).hex()
                requests.append(("eth_sendRawTransaction", [raw]))
        return [result for result in self.batch(requests) if result is not None]

    def _wait_for_receipts(self, hashes: Sequence[str]) -> list[Receipt]:
        deadline = time.monotonic() + RECEIPT_TIMEOUT
        while True:
            found = self.batch([("eth_getTransactionReceipt", [h]) for h in hashes])
            if all(found):
                return [_receipt(raw) for raw in found]
            if time.monotonic() > deadline:
                missing = [h for h, raw in zip(hashes, found, strict=True) if raw is None]
                raise TimeoutError(f"{len(missing)} transactions not mined, first {missing[0]}")
            time.sleep(0.005)

    def _reason(self, transaction_hash: str) -> str:
        trace = self.rpc("debug_traceTransaction", transaction_hash, {"tracer": "callTracer"})
        output = bytes.fromhex(trace.get("output", "0x")[2:])
        error = str(trace.get("error", ""))
        return revert_code(output) if output or error == "execution reverted" else error


def _address_of(sender: str) -> str:
    if len(sender) == 42:
        return sender
    if len(sender) == 66:
        return str(Account.from_key(sender).address)
    raise ValueError("a sender is an address or a private key, in hex with 0x")


def _blocks(transactions: Sequence[Transaction]) -> Iterator[list[Transaction]]:
    block: list[Transaction] = []
    for transaction in transactions:
        if block and sum(t.gas for t in block) + transaction.gas > BLOCK_GAS_LIMIT:
            yield block
            block = []
        block.append(transaction)
    if block:
        yield block


def _receipt(raw: dict[str, Any]) -> Receipt:
    return Receipt(
        hash=raw["transactionHash"],
        sender=raw["from"],
        succeeded=raw["status"] == "0x1",
        block_number=int(raw["blockNumber"], 16),
        block_hash=raw["blockHash"],
        gas_used=int(raw["gasUsed"], 16),
        gas_price=int(raw["effectiveGasPrice"], 16),
        contract_address=raw["contractAddress"],
        logs=tuple(
            Log(
                address=log["address"],
                topics=tuple(log["topics"]),
                data=bytes.fromhex(log["data"][2:]),
                index=int(log["logIndex"], 16),
            )
            for log in raw["logs"]
        ),
    )
