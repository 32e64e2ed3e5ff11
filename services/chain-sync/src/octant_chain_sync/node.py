"""What the service reads from the chain, in as few messages as possible."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from octant_chassis.telemetry import log
from octant_contracts.values import Address, BlockRef, Hex
from octant_protocol.calendar import EpochProps

from octant_chain_sync import contracts
from octant_chain_sync.contracts import view
from octant_chain_sync.rpc import ExecutionFailed, NodeError, Request, Rpc, RpcFailure
from octant_chain_sync.settings import Contracts

# Two attempts fit into the five seconds of a call.
QUICK_TIMEOUT = 1.8
QUICK_ATTEMPTS = 2


# Blocks after which one counts as final where the node knows no `finalized` tag: two epochs of
# Ethereum's consensus, the soonest that it makes a block final.
WITHOUT_FINALITY = 64


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
        # Each contract's own: the other one may use an event of the same name.
        self._topics = {
            addresses.deposits: contracts.DEPOSITS_TOPICS,
            addresses.vault: contracts.VAULT_TOPICS,
        }
        self._without_finality = False

    async def latest(self, *, timeout: float = 10.0, attempts: int = 1) -> Header:
        """The newest header; WrongChain when the node is of another chain."""
        chain_id, latest = await self.rpc.batch(
            [("eth_chainId", ()), ("eth_getBlockByNumber", ("latest", False))],
            timeout=timeout,
            attempts=attempts,
        )
        self._check_chain(chain_id)
        return _header(latest)

    async def latest_and_finalized(self) -> tuple[Header, int]:
        """The newest header, and the number of the newest final block.

        A node without the tag, before it or without its consensus, makes none final: blocks
        are then as good as final after `WITHOUT_FINALITY` others.
        """
        tags = ("latest", "finalized")
        chain_id, latest, finalized = await self.rpc.settle(
            [("eth_chainId", ()), *(("eth_getBlockByNumber", (tag, False)) for tag in tags)],
            attempts=1,
        )
        self._check_chain(_result(chain_id))
        newest = _header(_result(latest))
        unknown = finalized is None or isinstance(finalized, NodeError)
        if unknown and not self._without_finality:
            log.warning(
                "the node knows no finalized block: is CONFIRMATIONS to be set?",
                meanwhile=WITHOUT_FINALITY,
            )
        self._without_finality = unknown
        if unknown:
            return newest, max(newest.number - WITHOUT_FINALITY, 0)
        return newest, _header(finalized).number

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
            "topics": [[topic for topics in self._topics.values() for topic in topics]],
        }
        found = await self.rpc.call("eth_getLogs", query, timeout=20, attempts=2)
        ours = [
            raw
            for raw in found
            if not raw.get("removed")
            and raw["topics"][0] in self._topics.get(Address.parse(raw["address"]), ())
        ]
        return sorted(ours, key=lambda raw: (int(raw["blockNumber"], 16), int(raw["logIndex"], 16)))

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
        found = await self.rpc.settle(requests)
        lists = found[len(requests) - len(epochs) :]
        header, props_index, cid, *entries = map(_result, found[: len(requests) - len(epochs)])
        if header is None or _header(header).hash != at.hash:
            raise ChainMoved(f"block {at.number} was replaced")
        return ContractState(
            props_index=contracts.uint(props_index),
            cid=contracts.text(cid),
            props={
                i: contracts.epoch_props(i, raw) for i, raw in zip(indexes, entries, strict=True)
            },
            projects={e: _addresses(raw) for e, raw in zip(epochs, lists, strict=True)},
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
    """0 when the contract refuses, as it does before epoch 1 begins; its text is its own choice."""
    if isinstance(answer, ExecutionFailed):
        return 0
    return contracts.uint(_result(answer))


def _addresses(answer: Any) -> tuple[Address, ...]:
    """None when the contract reverts: one epoch's list must not hold up the others.

    A call that only ran out of gas says nothing about the list.
    """
    if isinstance(answer, ExecutionFailed) and answer.reverted:
        return ()
    return contracts.addresses(_result(answer))
