import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from chain_sync_kit import (
    CID,
    DURATION,
    FACT_TABLES,
    GLM,
    PROJECTS,
    contents,
    events_of,
    poll_until_reverted,
)
from eth_abi.abi import decode as abi_decode
from octant_chain_sync.indexer.service import SHORTER_POLLS, Indexer, Outrun, current_head
from octant_chain_sync.node import Header, Node
from octant_chassis.database import Notifications
from octant_chassis.tasks import end
from octant_contracts.events import (
    BlockAdvanced,
    FactsReverted,
    Locked,
    MerkleRootSet,
    ProjectsSet,
    Unlocked,
    Withdrawn,
)
from octant_contracts.values import Address, BlockRef, Hex
from octant_devnet import contracts
from octant_devnet.contracts import WithdrawPayload
from octant_devnet.people import lock, unlock, withdraw
from octant_devnet.testkit import eventually
from octant_protocol.merkle import leaf_hash


def ref(chain, number: int) -> BlockRef:
    raw = chain.block(number)
    return BlockRef(number=number, hash=Hex.parse(raw["hash"]), timestamp=int(raw["timestamp"], 16))


def in_words(receipt, address: str, *types: str):
    """The only log of `address` in a receipt: its index and decoded data."""
    (log,) = [entry for entry in receipt.logs if entry.address.lower() == address.lower()]
    return log.index, abi_decode(types, log.data)


def where(chain, receipt, index: int) -> dict:
    return {
        "block": ref(chain, receipt.block_number),
        "log_index": index,
        "transaction_hash": Hex.parse(receipt.hash),
    }


def set_root(chain, deployment, epoch: int, root: bytes):
    data = contracts.set_merkle_root(epoch, root)
    return chain.send(deployment.multisig_key, deployment.vault, data)


async def test_facts__of_all_kinds__are_announced_in_chain_order_with_the_receipts_values(
    chain, deployment, database, make_indexer, alice, bob
):
    expected = []
    for act, who, amount, kind in (
        (lock, alice, 300 * GLM, Locked),
        (lock, bob, 5, Locked),
        (unlock, alice, 200 * GLM, Unlocked),
    ):
        receipt = act(chain, deployment, who, amount)
        index, (before, moved, _, user) = in_words(
            receipt, deployment.deposits, "uint256", "uint256", "uint256", "address"
        )
        assert moved == amount
        expected.append(
            kind(
                **where(chain, receipt, index),
                user=Address.parse(user),
                amount=moved,
                deposit_before=before,
            )
        )
    root = leaf_hash(bytes.fromhex(alice.address[2:]), 7)
    receipt = set_root(chain, deployment, 1, root)
    index, _ = in_words(receipt, deployment.vault, "uint256", "bytes32")
    expected.append(MerkleRootSet(**where(chain, receipt, index), epoch=1, root=Hex(root)))
    chain.send(deployment.multisig_key, deployment.vault, value=7)
    receipt = withdraw(chain, deployment, alice, [WithdrawPayload(1, 7, [])])
    index, (user, amount, epoch) = in_words(
        receipt, deployment.vault, "address", "uint256", "uint256"
    )
    expected.append(
        Withdrawn(
            **where(chain, receipt, index), user=Address.parse(user), amount=amount, epoch=epoch
        )
    )

    await make_indexer().poll()

    facts = await events_of(database, Locked, Unlocked, MerkleRootSet, Withdrawn)
    assert facts == expected
    events = await events_of(database)
    height = chain.height()
    assert events[-1] == BlockAdvanced(block=ref(chain, height), final_block=height)
    stored = await contents(database, "deposit_facts", "withdrawals", "merkle_roots", "head")
    rows = [(r["kind"], r["amount"], r["deposit_before"]) for r in stored["deposit_facts"]]
    assert rows == [
        ("Locked", 300 * GLM, 0),
        ("Locked", 5, 0),
        ("Unlocked", 200 * GLM, 300 * GLM),
    ]
    assert [(r["user"], r["amount"], r["epoch"]) for r in stored["withdrawals"]] == [
        (Address.parse(alice.address), 7, 1)
    ]
    assert [(r["epoch"], r["root"]) for r in stored["merkle_roots"]] == [(1, Hex(root))]
    assert stored["head"][0]["number"] == height


async def test_poll__without_a_new_block__announces_nothing(database, make_indexer):
    indexer = make_indexer()
    await indexer.poll()
    before = len(await events_of(database))
    await indexer.poll()
    await make_indexer().poll()
    assert len(await events_of(database)) == before


async def test_gap__larger_than_a_range__is_indexed_range_by_range(
    chain, deployment, database, make_indexer, alice, fresh_index
):
    for amount in range(1, 6):
        lock(chain, deployment, alice, amount)
    height = chain.height()
    await make_indexer(log_range=4).poll()
    advanced = [e.block.number for e in await events_of(database, BlockAdvanced)]
    assert advanced == [*range(3, height, 4), height]
    assert await contents(database, *FACT_TABLES) == await fresh_index(*FACT_TABLES)


async def test_final_block__with_confirmations__lags_by_them(chain, database, make_indexer):
    await make_indexer(confirmations=3).poll()
    (event,) = await events_of(database, BlockAdvanced)
    assert event.final_block == chain.height() - 3


async def test_final_block__without_confirmations__is_the_nodes_finalized_one(
    chain, database, make_indexer
):
    await make_indexer(confirmations=None).poll()
    (event,) = await events_of(database, BlockAdvanced)
    assert event.final_block == int(
        chain.rpc("eth_getBlockByNumber", "finalized", False)["number"], 16
    )


async def test_indexer__killed_in_the_middle__goes_on_without_loss_or_repetition(
    chain, deployment, database, make_indexer, alice, fresh_index
):
    amounts = list(range(1, 41))
    for amount in amounts:
        lock(chain, deployment, alice, amount)
    first = asyncio.create_task(make_indexer(log_range=1).poll())

    async def has_begun() -> bool:
        head = await current_head(database)
        return head is not None and head.block.number > 12

    await eventually(has_begun)
    await end([first])
    head = await current_head(database)
    assert head is not None
    assert head.block.number < chain.height()
    await make_indexer(log_range=7).poll()
    locked = await events_of(database, Locked)
    assert [e.amount for e in locked] == amounts
    assert await contents(database, *FACT_TABLES) == await fresh_index(*FACT_TABLES)


async def test_two_indexers__at_once__announce_each_fact_once(
    chain, deployment, database, make_indexer, alice
):
    await make_indexer().poll()
    for amount in range(1, 11):
        lock(chain, deployment, alice, amount)
    results = await asyncio.gather(
        *(make_indexer(log_range=3).poll() for _ in range(3)), return_exceptions=True
    )
    assert all(r is None or isinstance(r, Outrun) for r in results)
    await make_indexer().poll()
    counts = Counter(e.amount for e in await events_of(database, Locked))
    assert counts == dict.fromkeys(range(1, 11), 1)


async def test_reorg__of_three_blocks__takes_back_their_facts_and_indexes_the_new_ones(
    chain, deployment, database, make_indexer, alice, bob, fresh_index
):
    indexer = make_indexer()
    lock(chain, deployment, alice, 10)
    await indexer.poll()
    kept = ref(chain, chain.height())
    lock(chain, deployment, alice, 20)
    await indexer.poll()
    lock(chain, deployment, bob, 30)
    chain.mine()
    await indexer.poll()
    old = chain.height()
    chain.rpc("anvil_reorg", old - kept.number, [])
    assert chain.block(kept.number)["hash"] == kept.hash.text
    assert chain.height() == old
    lock(chain, deployment, bob, 40)
    await indexer.poll()

    events = await events_of(database)
    (reverted,) = [e for e in events if isinstance(e, FactsReverted)]
    assert reverted == FactsReverted(to_block=kept, from_number=old)
    after = events[events.index(reverted) :]
    assert [e.amount for e in after if isinstance(e, Locked)] == [40]
    assert after[-1].block == ref(chain, chain.height())
    state = await contents(database, *FACT_TABLES)
    assert [r["amount"] for r in state["deposit_facts"]] == [10, 40]
    assert state == await fresh_index(*FACT_TABLES)


async def test_height__that_went_down__is_a_reorg_even_before_the_next_block(
    chain, deployment, database, make_indexer, alice, fresh_index
):
    indexer = make_indexer()
    lock(chain, deployment, alice, 10)
    await indexer.poll()
    kept = ref(chain, chain.height())
    snapshot = chain.rpc("evm_snapshot")
    key, proposals = deployment.multisig_key, deployment.proposals
    chain.send(key, deployment.epochs, contracts.set_epoch_props(9000, 100))
    chain.send(key, proposals, contracts.set_cid("QmGone"))
    lock(chain, deployment, alice, 20)
    await indexer.poll()
    old = chain.height()
    assert len((await contents(database, "epoch_props"))["epoch_props"]) == 2
    chain.rpc("evm_revert", snapshot)
    assert chain.height() == kept.number
    await poll_until_reverted(indexer, database)

    events = await events_of(database)
    reverted = FactsReverted(to_block=kept, from_number=old)
    after = events[events.index(reverted) :]
    assert after[-1] == BlockAdvanced(block=kept, final_block=kept.number)
    assert not [e for e in after if isinstance(e, Locked)]
    assert {e.cid for e in after if isinstance(e, ProjectsSet)} == {CID}
    assert await contents(database, *FACT_TABLES) == await fresh_index(*FACT_TABLES)


class LaggingNode:
    """The same chain as its node tells it, as far as `height`; None: all of it."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.height: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    async def latest(self, **limits: Any) -> Header:
        if self.height is None:
            return await self._node.latest(**limits)
        return (await self._node.headers([self.height]))[self.height]

    async def headers(self, numbers: Iterable[int]) -> dict[int, Header]:
        found = await self._node.headers(numbers)
        return {n: h for n, h in found.items() if self.height is None or n <= self.height}


async def test_node__that_lags_for_a_while__is_no_reorganisation(
    chain, deployment, database, settings, node, alice
):
    lagging = LaggingNode(node)
    indexer = Indexer(database, lagging, Notifications(database), settings)
    lock(chain, deployment, alice, 10)
    lock(chain, deployment, alice, 20)
    await indexer.poll()
    head = await current_head(database)
    for _ in range(5):
        lagging.height = chain.height() - 2
        for _ in range(SHORTER_POLLS - 1):
            await indexer.poll()
        lagging.height = None
        await indexer.poll()
    assert await events_of(database, FactsReverted) == []
    assert await current_head(database) == head
    lock(chain, deployment, alice, 30)
    await indexer.poll()
    assert [e.amount for e in await events_of(database, Locked)] == [10, 20, 30]


async def test_chain__replaced_altogether__is_indexed_anew(
    chain, deployment, database, make_indexer, alice
):
    chain.mine(3)  # a reorganisation below the fixture's snapshot could not be rolled back
    lock(chain, deployment, alice, 10)
    start = chain.height()
    indexer = make_indexer(start_block=start)
    await indexer.poll()
    chain.rpc("anvil_reorg", 2, [])
    lock(chain, deployment, alice, 20)
    await indexer.poll()
    (reverted,) = await events_of(database, FactsReverted)
    assert reverted == FactsReverted(to_block=ref(chain, start - 1), from_number=start)
    stored = (await contents(database, "deposit_facts"))["deposit_facts"]
    assert [row["amount"] for row in stored] == [20]


@pytest.mark.parametrize("blocks", [1, 3])
async def test_facts__mined_after_the_first_look__are_found_whatever_the_gap(
    chain, deployment, database, make_indexer, alice, blocks
):
    indexer = make_indexer()
    await indexer.poll()
    lock(chain, deployment, alice, 10)
    chain.mine(blocks)
    await indexer.poll()
    assert [e.amount for e in await events_of(database, Locked)] == [10]
    assert not await events_of(database, FactsReverted)


def test_constants__used_above__are_those_of_the_deployment(chain, deployment):
    listed = contracts.proposal_addresses(chain, deployment.proposals, 1)
    assert listed == [p.lower() for p in PROJECTS]
    assert contracts.epoch_props(chain, deployment.epochs, 0).duration == DURATION
