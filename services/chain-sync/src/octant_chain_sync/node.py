"""What the service reads from the chain, in as few messages as possible."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from octant_contracts.values import Address, BlockRef, Hex
from octant_protocol.calendar import EpochProps

from octant_chain_sync import contracts
from octant_chain_sync.contracts import view
from octant_chain_sync.rpc import ExecutionFailed, NodeError, Request, Rpc, RpcFailure
from octant_chain_sync.settings import Contracts

# Two attempts fit into the five seconds of a call.
QUICK_TIMEOUT = 1.8
QUICK_ATTEMPTS = 2


class ChainMoved(RpcFailure):
    """The chain was reorganised while it was read; read again."""


class WrongChain(RpcFailure):
    """The node is of another chain."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    hash: Hex
    parent_hash: Hex
    timestamp: int

    @property
    def ref(self) -> BlockRef:
        return BlockRef(number=self.number, hash=self.hash, timestamp=self.timestamp)


class ContractState(msgspec.Struct, frozen=True, kw_only=True):
    """State of Epochs and Proposals at one block; of props and lists only what was asked."""

    props_index: int
    cid: str
    props: dict[int, EpochProps]
    projects: dict[int, tuple[Address, ...]]


class LiveStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Height, epoch (0 before the start) and window as the node sees them now."""

    height: int
    epoch: int
    window_open: bool


class Node:
    """Reads of one chain, checked against its id."""

    def __init__(self, rpc: Rpc, addresses: Contracts, chain_id: int) -> None:
        self.rpc = rpc
        self.contracts = addresses
        self._chain_id = chain_id

    async def latest(self, *, timeout: float = 10.0, attempts: int = 1) -> Header:
        """The newest header; WrongChain when the node is of another chain."""
        (latest,) = await self._blocks(["latest"], timeout=timeout, attempts=attempts)
        return latest

    async def latest_and_finalized(self) -> tuple[Header, Header]:
        latest, finalized = await self._blocks(["latest", "finalized"], timeout=10, attempts=1)
        return latest, finalized

    async def headers(self, numbers: Iterable[int]) -> dict[int, Header]:
        """Headers by number; numbers above the node's height are missing."""
        asked = sorted(set(numbers))
        found = await self.rpc.batch([("eth_getBlockByNumber", (hex(n), False)) for n in asked])
        return {n: _header(raw) for n, raw in zip(asked, found, strict=True) if raw is not None}

    async def logs(self, first: int, last: int) -> list[dict[str, Any]]:
        """Raw logs of Deposits and the Vault in blocks first…last, in chain order."""
        query = {
            "fromBlock": hex(first),
            "toBlock": hex(last),
            "address": [self.contracts.deposits.text, self.contracts.vault.text],
            "topics": [contracts.TOPICS],
        }
        found = await self.rpc.call("eth_getLogs", query, timeout=20, attempts=2)
        live = [log for log in found if not log.get("removed")]
        return sorted(live, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))

    async def state(
        self, at: Header, indexes: Sequence[int], epochs: Sequence[int]
    ) -> ContractState:
        """Props index, CID, props entries and project lists, all at the block `at`."""
        block = hex(at.number)
        calendar, proposals = self.contracts.epochs, self.contracts.proposals
        requests: list[Request] = [
            ("eth_getBlockByNumber", (block, False)),
            view(calendar, contracts.EPOCH_PROPS_INDEX, block),
            view(proposals, contracts.CID, block),
        ]
        for index in indexes:
            data = contracts.argument(contracts.EPOCH_PROPS, index)
            requests.append(view(calendar, data, block))
        for epoch in epochs:
            data = contracts.argument(contracts.PROPOSAL_ADDRESSES, epoch)
            requests.append(view(proposals, data, block))
        header, props_index, cid, *rest = await self.rpc.batch(requests)
        if header is None or _header(header).hash != at.hash:
            raise ChainMoved(f"block {at.number} was replaced")
        entries, lists = rest[: len(indexes)], rest[len(indexes) :]
        return ContractState(
            props_index=contracts.uint(props_index),
            cid=contracts.text(cid),
            props={
                i: contracts.epoch_props(i, raw) for i, raw in zip(indexes, entries, strict=True)
            },
            projects={e: contracts.addresses(raw) for e, raw in zip(epochs, lists, strict=True)},
        )

    async def live_status(self, timeout: float) -> LiveStatus:
        calendar = self.contracts.epochs
        chain_id, latest, epoch, window = await self.rpc.settle(
            [
                ("eth_chainId", ()),
                ("eth_getBlockByNumber", ("latest", False)),
                view(calendar, contracts.CURRENT_EPOCH, "latest"),
                view(calendar, contracts.DECISION_WINDOW_OPEN, "latest"),
            ],
            timeout=timeout,
            attempts=1,
        )
        self._check_chain(_result(chain_id))
        return LiveStatus(
            height=_header(_result(latest)).number,
            epoch=_uint_once_started(epoch),
            window_open=bool(_uint_once_started(window)),
        )

    async def balance(self, of: Address, block: int) -> tuple[BlockRef, int]:
        """The block, and the address' wei at its end."""
        header, balance = await self.rpc.batch(
            [
                ("eth_getBlockByNumber", (hex(block), False)),
                ("eth_getBalance", (of.text, hex(block))),
            ],
            timeout=QUICK_TIMEOUT,
            attempts=QUICK_ATTEMPTS,
        )
        return _header(header).ref, int(balance, 16)

    async def glm_balance(self, of: Address) -> int:
        data = contracts.balance_of(of)
        method, params = view(self.contracts.glm, data, "latest")
        return contracts.uint(
            await self.rpc.call(method, *params, timeout=QUICK_TIMEOUT, attempts=QUICK_ATTEMPTS)
        )

    async def merkle_roots(self, epochs: Sequence[int]) -> dict[int, Hex]:
        """Roots in the Vault now; 32 zero bytes while unset."""
        found = await self.rpc.batch(
            [
                view(self.contracts.vault, contracts.argument(contracts.MERKLE_ROOTS, e), "latest")
                for e in epochs
            ]
        )
        return {e: contracts.root(raw) for e, raw in zip(epochs, found, strict=True)}

    async def _blocks(self, tags: Sequence[str], *, timeout: float, attempts: int) -> list[Header]:
        chain_id, *found = await self.rpc.batch(
            [("eth_chainId", ()), *(("eth_getBlockByNumber", (tag, False)) for tag in tags)],
            timeout=timeout,
            attempts=attempts,
        )
        self._check_chain(chain_id)
        return [_header(raw) for raw in found]

    def _check_chain(self, answer: str) -> None:
        if int(answer, 16) != self._chain_id:
            raise WrongChain(f"the node is of chain {int(answer, 16)}, not {self._chain_id}")


def _header(raw: dict[str, Any] | None) -> Header:
    if raw is None:
        raise RpcFailure("the node does not know the block")
    return Header(
        number=int(raw["number"], 16),
        hash=Hex.parse(raw["hash"]),
        parent_hash=Hex.parse(raw["parentHash"]),
        timestamp=int(raw["timestamp"], 16),
    )


def _result(answer: Any) -> Any:
    if isinstance(answer, NodeError):
        raise answer
    return answer


def _uint_once_started(answer: Any) -> int:
    """0 when the contract says that epoch 1 has not begun; other reverts are failures."""
    if isinstance(answer, ExecutionFailed) and contracts.NOT_STARTED in (
        answer.reason or answer.message
    ):
        return 0
    return contracts.uint(_result(answer))
