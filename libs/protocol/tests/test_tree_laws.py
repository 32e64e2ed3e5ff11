"""The rewards tree against a tree built pair by pair, and proofs that must not pass."""

import pytest
from eth_abi import encode
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.address import eip55
from octant_protocol.merkle import build_tree, leaf_hash, verify_proof

addresses = st.binary(min_size=20, max_size=20)
amounts = st.one_of(st.integers(0, 2**256 - 1), st.integers(0, 2))
leaves_of_a_tree = st.lists(
    st.tuples(st.one_of(addresses, st.sampled_from([bytes(20), b"\1" * 20])), amounts),
    min_size=1,
    max_size=33,
)


def hashed(leaf: tuple[bytes, int]) -> bytes:
    return keccak(keccak(encode(["address", "uint256"], [eip55(leaf[0]), leaf[1]])))


def levels(leaves: list[tuple[bytes, int]]) -> list[bytes]:
    """All nodes, root first: the largest hashes are paired first, an odd one moves up."""
    queue = sorted(map(hashed, leaves))
    nodes = {2 * len(leaves) - 2 - place: node for place, node in enumerate(queue)}
    for index in reversed(range(len(leaves) - 1)):
        nodes[index] = keccak(b"".join(sorted([nodes[2 * index + 1], nodes[2 * index + 2]])))
    return [nodes[index] for index in range(2 * len(leaves) - 1)]


@given(leaf=st.tuples(addresses, amounts))
def test_leaf_hash__any_leaf__is_the_double_hash_of_its_abi_encoding(
    leaf: tuple[bytes, int],
) -> None:
    assert leaf_hash(*leaf) == hashed(leaf)


@given(leaves=leaves_of_a_tree)
def test_build_tree__any_leaves__equals_the_tree_built_by_hand(
    leaves: list[tuple[bytes, int]],
) -> None:
    tree = build_tree(leaves)

    assert list(tree.nodes) == levels(leaves)
    assert tree.root == tree.nodes[0]
    # Equal leaves keep their order: the first of them lies at the higher node.
    first = {}
    for number, leaf in enumerate(leaves):
        assert tree.nodes[tree.leaf_indices[number]] == hashed(leaf)
        if leaf in first:
            assert tree.leaf_indices[number] < tree.leaf_indices[first[leaf]]
        first[leaf] = number
    assert len(set(tree.leaf_indices)) == len(leaves)


@given(leaves=leaves_of_a_tree)
def test_proof__any_leaf__walks_up_by_siblings(leaves: list[tuple[bytes, int]]) -> None:
    tree = build_tree(leaves)

    for number, leaf in enumerate(leaves):
        node = hashed(leaf)
        for sibling in tree.proof(number):
            node = keccak(min(node, sibling) + max(node, sibling))
        assert node == tree.root


@given(leaves=leaves_of_a_tree, other=st.tuples(addresses, amounts), place=st.integers(0, 32))
def test_verify_proof__leaf_root_or_step_is_another__is_refused(
    leaves: list[tuple[bytes, int]], other: tuple[bytes, int], place: int
) -> None:
    tree = build_tree(leaves)
    number = place % len(leaves)
    leaf, proof = leaf_hash(*leaves[number]), tree.proof(number)

    assert verify_proof(tree.root, leaf, proof)
    assert verify_proof(tree.root, leaf_hash(*other), proof) is (other == leaves[number])
    assert not verify_proof(bytes(32), leaf, proof)
    assert not verify_proof(tree.root, leaf, [*proof, bytes(32)])
    if proof:
        assert not verify_proof(tree.root, leaf, proof[:-1])
        assert not verify_proof(tree.root, leaf, [*proof[:-1], bytes(32)])


@given(leaves=leaves_of_a_tree, order=st.randoms(use_true_random=False))
def test_build_tree__leaves_in_another_order__proves_each_of_them_alike(
    leaves: list[tuple[bytes, int]], order
) -> None:
    numbers = list(range(len(leaves)))
    order.shuffle(numbers)
    tree, other = build_tree(leaves), build_tree([leaves[number] for number in numbers])

    assert other.nodes == tree.nodes
    for place, number in enumerate(numbers):
        if leaves.count(leaves[number]) == 1:
            assert other.proof(place) == tree.proof(number)


def test_build_tree__no_leaves__says_what_is_missing() -> None:
    with pytest.raises(ValueError, match=r"^a merkle tree needs at least one leaf$"):
        build_tree([])


@pytest.mark.parametrize("amount", [-1, 2**256])
def test_leaf_hash__amount_beyond_a_word__raises(amount: int) -> None:
    with pytest.raises(OverflowError):
        leaf_hash(bytes(20), amount)
