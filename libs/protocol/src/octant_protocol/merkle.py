"""The rewards tree: OpenZeppelin's StandardMerkleTree over (address, uint256) leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

from octant_protocol.address import keccak


@dataclass(frozen=True, slots=True)
class MerkleTree:
    """`nodes` is the array of 2k−1 hashes, root first; `leaf_indices[i]` is the node of leaf i."""

    root: bytes
    nodes: tuple[bytes, ...]
    leaf_indices: tuple[int, ...]

    def proof(self, leaf: int) -> list[bytes]:
        """Siblings of leaf number `leaf` from the bottom to the top; empty for a single leaf."""
        index = self.leaf_indices[leaf]
        siblings = []
        while index > 0:
            siblings.append(self.nodes[index + 1 if index % 2 else index - 1])
            index = (index - 1) // 2
        return siblings


def leaf_hash(address: bytes, amount: int) -> bytes:
    """Double keccak of abi.encode(address, uint256). `OverflowError` beyond 256 bits."""
    return keccak(keccak(address.rjust(32, b"\0") + amount.to_bytes(32, "big")))


def build_tree(leaves: Sequence[tuple[bytes, int]]) -> MerkleTree:
    """Tree of (address, wei) leaves; equal leaves are allowed. `ValueError` without leaves.

    The root does not depend on the order of the leaves. Source: merkle tree of epoch rewards.
    """
    if not leaves:
        raise ValueError("a merkle tree needs at least one leaf")
    hashes = [leaf_hash(address, amount) for address, amount in leaves]
    last = 2 * len(hashes) - 2
    nodes = [b""] * (last + 1)
    indices = [0] * len(hashes)
    ascending = sorted(range(len(hashes)), key=hashes.__getitem__)
    for position, leaf in enumerate(ascending):
        indices[leaf] = last - position
        nodes[last - position] = hashes[leaf]
    for index in range(len(hashes) - 2, -1, -1):
        nodes[index] = _parent(nodes[2 * index + 1], nodes[2 * index + 2])
    return MerkleTree(nodes[0], tuple(nodes), tuple(indices))


def verify_proof(root: bytes, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a leaf hash and its proof lead to `root`, as the vault checks it."""
    node = leaf
    for sibling in proof:
        node = _parent(node, sibling)
    return node == root


def _parent(left: bytes, right: bytes) -> bytes:
    return keccak(left + right if left <= right else right + left)
