"""The rewards tree: documented roots and proofs, and its invariants."""

import random

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.merkle import build_tree, leaf_hash, verify_proof

Account.enable_unaudited_hdwallet_features()
MNEMONIC = "test test test test test test test test test test test junk"
ACCOUNTS = [
    bytes.fromhex(
        Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}").address[2:]
    )
    for number in range(20)
]


def test_build_tree__twenty_accounts__has_the_documented_root_and_proof() -> None:
    tree = build_tree([(account, (number + 1) * 10**16) for number, account in enumerate(ACCOUNTS)])

    assert tree.root.hex() == ("6808819b224e4b97064cdb19a6ca0ddc1a0f3741894b92a20e72256b9d59a76b")
    assert [node.hex() for node in tree.proof(0)] == [
        "a43b96d50f4a77e2c6168751363b69ab4375ecbd1c0e2c2964c8e1b52bbb76af",
        "8569e6b44d1e6f45cca08dcb8c763acedea7808a1d655a3e103db376c188d952",
        "c7f97eb05eb08421e89709d30b1ec61c9e956776343dd00e80ea09b72e7e8d59",
        "f0237b977add9a4af689dc5d1f0edabc7a4f4fb823d2be3bbb535974506a149f",
    ]


def test_build_tree__doubled_amounts__has_the_documented_root() -> None:
    tree = build_tree(
        [(account, (number + 1) * 2 * 10**16) for number, account in enumerate(ACCOUNTS)]
    )

    assert tree.root.hex() == ("ebb0db52ae39dfb035333124a0fb91c6657efb7039005f0a9d1f6331fb9e2572")


def test_build_tree__two_leaves__has_the_documented_hashes() -> None:
    tree = build_tree([(ACCOUNTS[0], 10**18), (ACCOUNTS[1], 2 * 10**18)])

    assert leaf_hash(ACCOUNTS[0], 10**18).hex() == (
        "d8b413ffc6023e4aea407df01bac0abcfac6b349db16bb6b2d49e6fa9f834040"
    )
    assert leaf_hash(ACCOUNTS[1], 2 * 10**18).hex() == (
        "423c15177a91cac125db00f195f2d6ad0bc503680d82fb0f6bd0cb360710a9f1"
    )
    assert tree.root.hex() == ("6695c49acf0a7e6a52ac45e22eec906ffa74b0b49a11c00610ccf8d10a889efb")


def test_build_tree__one_leaf__is_its_own_root() -> None:
    tree = build_tree([(ACCOUNTS[0], 0)])

    assert tree.root == leaf_hash(ACCOUNTS[0], 0)
    assert tree.proof(0) == []


def test_build_tree__no_leaves__raises() -> None:
    with pytest.raises(ValueError, match="at least one leaf"):
        build_tree([])


_LEAVES = st.lists(
    st.tuples(st.binary(min_size=20, max_size=20), st.integers(0, 2**256 - 1)),
    min_size=1,
    max_size=40,
)


@given(leaves=_LEAVES, seed=st.integers())
def test_build_tree__permuted_leaves__keep_the_root_and_prove_every_leaf(
    leaves: list[tuple[bytes, int]], seed: int
) -> None:
    tree = build_tree(leaves)
    permuted = list(leaves)
    random.Random(seed).shuffle(permuted)

    assert build_tree(permuted).root == tree.root
    assert len(tree.nodes) == 2 * len(leaves) - 1
    for number, leaf in enumerate(leaves):
        assert tree.nodes[tree.leaf_indices[number]] == leaf_hash(*leaf)
        assert verify_proof(tree.root, leaf_hash(*leaf), tree.proof(number))


@given(leaves=_LEAVES)
def test_verify_proof__another_amount__is_refused(leaves: list[tuple[bytes, int]]) -> None:
    tree = build_tree(leaves)
    address, amount = leaves[0]

    assert not verify_proof(tree.root, leaf_hash(address, amount ^ 1), tree.proof(0)) or (
        (address, amount ^ 1) in leaves
    )
