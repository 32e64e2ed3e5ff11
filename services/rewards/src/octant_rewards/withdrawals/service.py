"""What an address can withdraw, with proofs that the Vault will accept; and the trees."""

from collections import OrderedDict

from octant_chassis.database import AsyncConnection, Database
from octant_chassis.telemetry import log
from octant_contracts.calls import (
    PAGE,
    MerkleTreePage,
    OfUser,
    PageOfEpoch,
    Withdrawal,
    Withdrawals,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Hex, Wei
from octant_protocol.merkle import MerkleTree, build_tree

from octant_rewards.allocations import repository as allocations
from octant_rewards.chain import repository as chain
from octant_rewards.paging import next_cursor
from octant_rewards.snapshots import repository

CACHED_TREES = 8


class Trees:
    """Merkle trees by epoch and root; they never change, so a few are kept."""

    def __init__(self) -> None:
        self._trees: OrderedDict[tuple[int, Hex], MerkleTree] = OrderedDict()

    async def get(self, connection: AsyncConnection, epoch: int, root: Hex) -> MerkleTree:
        tree = self._trees.get((epoch, root))
        if tree is None:
            leaves = await repository.leaves(connection, epoch)
            tree = build_tree([(bytes(leaf.address), leaf.amount) for leaf in leaves])
            if tree.root != root:
                raise RuntimeError(f"the leaves of epoch {epoch} do not make the stored root")
            self._trees[epoch, root] = tree
        self._trees.move_to_end((epoch, root))
        while len(self._trees) > CACHED_TREES:
            self._trees.popitem(last=False)
        return tree


async def withdrawals(database: Database, trees: Trees, request: OfUser) -> Withdrawals:
    """First what the address will get from the epoch not yet finalized, then what is final.

    Only epochs above the last claimed one are listed: the Vault refuses the others.
    """
    async with database.reading() as connection:
        found = await _pending(connection, request.user)
        last_claimed = await chain.last_claimed_epoch(connection, request.user)
        on_chain = await chain.roots(connection)
        for epoch, position, amount, root in await repository.leaves_of(
            connection, request.user, last_claimed
        ):
            if epoch in on_chain and on_chain[epoch] != root:
                log.error("merkle root on chain is not ours", epoch=epoch)
            tree = await trees.get(connection, epoch, root)
            found.append(
                Withdrawal(
                    epoch=epoch,
                    amount=Wei(amount),
                    proof=[Hex(node) for node in tree.proof(position)],
                    status="available" if on_chain.get(epoch) == root else "pending",
                )
            )
    return Withdrawals(found)


async def _pending(connection: AsyncConnection, user: Address) -> list[Withdrawal]:
    """What the user keeps of the budget, from the window's opening until it is finalized."""
    epoch, last_finalized = await repository.last_epochs(connection)
    if epoch <= last_finalized:
        return []
    allocated = await allocations.sum_of_user(connection, epoch, user)
    if allocated is None:
        return []  # whoever never allocates claims nothing; a patron's rows are revoked
    kept = (await repository.budget(connection, user, epoch) or 0) - allocated
    if kept <= 0:
        return []
    return [Withdrawal(epoch=epoch, amount=Wei(kept), proof=[], status="pending")]


async def merkle_tree(database: Database, request: PageOfEpoch) -> MerkleTreePage:
    first = max(request.cursor, 0)
    async with database.reading() as connection:
        finalized = await repository.finalized(connection, request.epoch)
        if finalized is None or finalized.merkle_root is None:
            raise Refusal("InvalidEpoch")
        leaves = await repository.leaves(connection, request.epoch, first, PAGE)
        total = await repository.rewards_sum(connection, request.epoch)
    return MerkleTreePage(
        epoch=request.epoch,
        rewards_sum=Wei(total),
        root=finalized.merkle_root,
        leaves=leaves,
        leaf_encoding=["address", "uint256"],
        next_cursor=next_cursor(first, leaves),
    )
