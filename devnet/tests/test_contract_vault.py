"""Vault: merkle roots and withdrawals."""

import pytest
from octant_devnet import contracts
from octant_devnet.abi import encode_call
from octant_devnet.chain import Chain, Receipt
from octant_devnet.chainkit import STRANGER, UNAUTHORIZED, ZERO, decoded, new_contract, reverts
from octant_devnet.contracts import WithdrawPayload
from octant_devnet.deploy import Deployment, account_address
from octant_protocol.merkle import MerkleTree, build_tree, leaf_hash

WITHDRAWN = "0x92ccf450a286a957af52509bc1c9939d1a6a481783e142e41e2499f0bb66ebc6"
ROOT_SET = "0xb04b7d6145a7588fdcf339a22877d5965f861c171204fc37688058c5f6c06d3b"
EMERGENCY = "0x2e39961a70a10f4d46383948095ac2752b3ee642a7c76aa827410aaff08c2e51"
CENT = 10**16
INVALID_PROOF = "HN:Vault/invalid-merkle-proof"
ALREADY_CLAIMED = "HN:Vault/already-claimed"
FAILED_TO_SEND = "HN:Common/failed-to-send"
# A receiver that refuses ETH: REVERT(0, 0).
REFUSES = "0x60006000fd"
# A receiver that leaves an empty log: LOG0(0, 0).
LOGS = "0x60006000a0"


def tree_of(unit: int, count: int = 20) -> MerkleTree:
    leaves = [(address_bytes(account_address(i)), (i + 1) * unit) for i in range(count)]
    return build_tree(leaves)


def address_bytes(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def set_root(chain: Chain, deployment: Deployment, epoch: int, root: bytes) -> Receipt:
    data = contracts.set_merkle_root(epoch, root)
    return chain.send(deployment.multisig_key, deployment.vault, data)


def fund(chain: Chain, deployment: Deployment, wei: int) -> None:
    chain.send(deployment.deployer_key, deployment.vault, value=wei)


def claim(chain: Chain, deployment: Deployment, user: str, *rows: WithdrawPayload) -> Receipt:
    return chain.send(user, deployment.vault, contracts.batch_withdraw(rows))


def single(
    chain: Chain, deployment: Deployment, user: str, amount: int, *epochs: int
) -> list[WithdrawPayload]:
    """Roots of one leaf: the root is the leaf and the proof is empty."""
    for epoch in epochs:
        set_root(chain, deployment, epoch, leaf_hash(address_bytes(user), amount))
    return [WithdrawPayload(epoch, amount, ()) for epoch in epochs]


@pytest.mark.parametrize(
    ("unit", "count", "root"),
    [
        (CENT, 20, "6808819b224e4b97064cdb19a6ca0ddc1a0f3741894b92a20e72256b9d59a76b"),
        (2 * CENT, 20, "ebb0db52ae39dfb035333124a0fb91c6657efb7039005f0a9d1f6331fb9e2572"),
        (10**18, 2, "6695c49acf0a7e6a52ac45e22eec906ffa74b0b49a11c00610ccf8d10a889efb"),
        (10**18, 3, "c2a7d02990e8b76366bd5a6c75fc453ed505deb060914f98c5979ba3285a82a0"),
    ],
)
def test_verify__known_trees__accepts_every_proof(
    chain: Chain, deployment: Deployment, unit: int, count: int, root: str
) -> None:
    tree = tree_of(unit, count)
    assert tree.root.hex() == root
    signature = "verify(bytes32[],bytes32,bytes32)(bool)"
    for i in range(count):
        leaf = leaf_hash(address_bytes(account_address(i)), (i + 1) * unit)
        right, wrong = (
            chain.call(deployment.vault, signature, [tree.proof(i), tree.root, leaf])[0]
            for leaf in (leaf, b"\x01" * 32)
        )
        assert (right, wrong) == (True, False)


def test_verify__known_leaves_and_proof__are_the_published_ones() -> None:
    leaves = [leaf_hash(address_bytes(account_address(i)), (i + 1) * 10**18).hex() for i in (0, 1)]
    assert leaves == [
        "d8b413ffc6023e4aea407df01bac0abcfac6b349db16bb6b2d49e6fa9f834040",
        "423c15177a91cac125db00f195f2d6ad0bc503680d82fb0f6bd0cb360710a9f1",
    ]
    assert [node.hex() for node in tree_of(CENT).proof(0)] == [
        "a43b96d50f4a77e2c6168751363b69ab4375ecbd1c0e2c2964c8e1b52bbb76af",
        "8569e6b44d1e6f45cca08dcb8c763acedea7808a1d655a3e103db376c188d952",
        "c7f97eb05eb08421e89709d30b1ec61c9e956776343dd00e80ea09b72e7e8d59",
        "f0237b977add9a4af689dc5d1f0edabc7a4f4fb823d2be3bbb535974506a149f",
    ]


def test_batch_withdraw__two_epochs__pays_the_sum_with_one_event(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    first, second = tree_of(CENT), tree_of(2 * CENT)
    set_root(chain, deployment, 1, first.root)
    set_root(chain, deployment, 3, second.root)
    fund(chain, deployment, 10**18)
    before = chain.balance(alice)
    rows = [
        WithdrawPayload(1, 2 * CENT, first.proof(1)),
        WithdrawPayload(3, 4 * CENT, second.proof(1)),
    ]
    receipt = claim(chain, deployment, alice, *rows)
    (log,) = receipt.logs
    assert log.topics == (WITHDRAWN,)
    assert decoded(log, "address", "uint256", "uint256") == (alice.lower(), 6 * CENT, 3)
    assert chain.balance(alice) == before + 6 * CENT - receipt.fee
    assert chain.balance(deployment.vault) == 10**18 - 6 * CENT
    assert contracts.last_claimed_epoch(chain, deployment.vault, alice) == 3


def test_batch_withdraw__nothing_in_the_batch__reverts(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    with reverts("HN:Vault/empty-payloads"):
        claim(chain, deployment, alice)


def test_batch_withdraw__epochs_not_increasing__are_already_claimed(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    one, two, three = single(chain, deployment, alice, 1, 1, 2, 3)
    fund(chain, deployment, 10)
    for rows in ([two, two], [two, one], [WithdrawPayload(0, 1, ())]):
        with reverts(ALREADY_CLAIMED):
            claim(chain, deployment, alice, *rows)
    claim(chain, deployment, alice, two)
    for skipped in (one, two):
        with reverts(ALREADY_CLAIMED):
            claim(chain, deployment, alice, skipped)
    assert claim(chain, deployment, alice, three).succeeded


def test_batch_withdraw__bad_row_later_in_the_batch__is_checked_in_order(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    one, two = single(chain, deployment, alice, 1, 1, 2)
    wrong = WithdrawPayload(1, 2, ())
    with reverts(INVALID_PROOF):
        claim(chain, deployment, alice, wrong, one)
    with reverts(ALREADY_CLAIMED):
        claim(chain, deployment, alice, two, wrong)


def test_batch_withdraw__tampered__has_an_invalid_proof(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    tree = tree_of(CENT)
    set_root(chain, deployment, 1, tree.root)
    fund(chain, deployment, 10**18)
    proof = tree.proof(1)
    tampered = [
        (alice, WithdrawPayload(1, 2 * CENT + 1, proof)),
        (alice, WithdrawPayload(1, 2 * CENT, proof[:-1])),
        (alice, WithdrawPayload(1, 2 * CENT, proof[::-1])),
        (alice, WithdrawPayload(2, 2 * CENT, proof)),  # no root there
        (STRANGER, WithdrawPayload(1, 2 * CENT, proof)),
    ]
    for user, row in tampered:
        with reverts(INVALID_PROOF):
            claim(chain, deployment, user, row)
    assert contracts.last_claimed_epoch(chain, deployment.vault, alice) == 0


def test_batch_withdraw__amount_zero__moves_the_last_claimed_epoch(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    (row,) = single(chain, deployment, alice, 0, 4)
    receipt = claim(chain, deployment, alice, row)
    values = decoded(receipt.logs[0], "address", "uint256", "uint256")
    assert values == (alice.lower(), 0, 4)
    assert contracts.last_claimed_epoch(chain, deployment.vault, alice) == 4


def test_batch_withdraw__vault_too_poor__fails_to_send_and_claims_nothing(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    (row,) = single(chain, deployment, alice, 100, 1)
    fund(chain, deployment, 99)
    with reverts(FAILED_TO_SEND):
        claim(chain, deployment, alice, row)
    assert contracts.last_claimed_epoch(chain, deployment.vault, alice) == 0


def test_batch_withdraw__receiver_refuses_or_reenters__fails_to_send(
    chain: Chain, deployment: Deployment
) -> None:
    receiver = "0x" + "c0" * 20
    (one,) = single(chain, deployment, receiver, 5, 1)
    (two,) = single(chain, deployment, receiver, 0, 2)
    fund(chain, deployment, 100)
    chain.set_balances({receiver: 10**18})
    for code in (REFUSES, reentering(deployment.vault, contracts.batch_withdraw([two]))):
        chain.rpc("anvil_setCode", receiver, code)
        with reverts(FAILED_TO_SEND):
            claim(chain, deployment, receiver, one)
    assert contracts.last_claimed_epoch(chain, deployment.vault, receiver) == 0
    assert chain.balance(deployment.vault) == 100


def test_batch_withdraw__receiver_logs__its_log_comes_after_withdrawn(
    chain: Chain, deployment: Deployment
) -> None:
    receiver = "0x" + "c2" * 20
    (row,) = single(chain, deployment, receiver, 5, 1)
    fund(chain, deployment, 5)
    chain.set_balances({receiver: 10**18})
    chain.rpc("anvil_setCode", receiver, LOGS)
    receipt = claim(chain, deployment, receiver, row)
    assert [log.topics for log in receipt.logs] == [(WITHDRAWN,), ()]


def test_emergency_withdraw__multisig_logs__its_log_comes_first(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    fund(chain, deployment, 5)
    chain.rpc("anvil_setCode", multisig, LOGS)
    receipt = chain.send(multisig, deployment.vault, contracts.emergency_withdraw(5))
    assert [log.topics for log in receipt.logs] == [(), (EMERGENCY,)]


def test_batch_withdraw__receiver_only_reads_the_vault__is_paid(
    chain: Chain, deployment: Deployment
) -> None:
    receiver = "0x" + "c1" * 20
    (row,) = single(chain, deployment, receiver, 5, 1)
    fund(chain, deployment, 100)
    chain.set_balances({receiver: 10**18})
    read = encode_call("merkleRoots(uint256)", [1])
    chain.rpc("anvil_setCode", receiver, reentering(deployment.vault, read))
    assert claim(chain, deployment, receiver, row).succeeded
    assert chain.balance(deployment.vault) == 95


def reentering(vault: str, call: bytes) -> str:
    """Code that makes the call when it gets ETH, and reverts when the call does.

    Without ETH it does nothing, so that the call itself may come to pay out zero.
    """
    length = len(call).to_bytes(2, "big")
    only_with_value = b"\x34\x60\x05\x57\x00\x5b"
    copy_call = b"\x61" + length + b"\x60\x3a\x60\x00\x39"
    arguments = b"\x60\x00" * 2 + b"\x61" + length + b"\x60\x00" * 2
    do_call = b"\x73" + address_bytes(vault) + b"\x5a\xf1"
    revert_unless_done = b"\x60\x38\x57" + b"\x60\x00\x60\x00\xfd"
    code = only_with_value + copy_call + arguments + do_call + revert_unless_done
    assert len(code) == 0x38  # where the jump lands; the call follows two bytes later
    return "0x" + (code + b"\x5b\x00" + call).hex()


def test_set_merkle_root__first_time__is_announced(chain: Chain, deployment: Deployment) -> None:
    root = b"\x07" * 32
    assert contracts.merkle_root(chain, deployment.vault, 9) == bytes(32)
    (log,) = set_root(chain, deployment, 9, root).logs
    assert log.topics == (ROOT_SET,)
    assert decoded(log, "uint256", "bytes32") == (9, root)
    assert contracts.merkle_root(chain, deployment.vault, 9) == root


def test_set_merkle_root__several_faults__are_checked_in_order(
    chain: Chain, deployment: Deployment
) -> None:
    set_root(chain, deployment, 1, b"\x01" * 32)
    with reverts(UNAUTHORIZED):
        chain.send(STRANGER, deployment.vault, contracts.set_merkle_root(1, bytes(32)))
    with reverts("HN:Vault/invalid-merkle-root"):
        set_root(chain, deployment, 1, bytes(32))
    with reverts("HN:Vault/merkle-root-already-set"):
        set_root(chain, deployment, 1, b"\x02" * 32)


def test_emergency_withdraw__multisig__gets_the_amount(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    fund(chain, deployment, 1000)
    before = chain.balance(multisig)
    receipt = chain.send(multisig, deployment.vault, contracts.emergency_withdraw(700))
    (log,) = receipt.logs
    assert log.topics == (EMERGENCY,)
    assert decoded(log, "address", "uint256") == (multisig.lower(), 700)
    assert chain.balance(multisig) == before + 700 - receipt.fee
    assert chain.balance(deployment.vault) == 300


def test_emergency_withdraw__stranger_or_too_much__reverts(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    with reverts(UNAUTHORIZED):
        chain.send(STRANGER, deployment.vault, contracts.emergency_withdraw(0))
    with reverts(FAILED_TO_SEND):
        chain.send(multisig, deployment.vault, contracts.emergency_withdraw(1))


def test_constructor__zero_auth__reverts(chain: Chain) -> None:
    with reverts("HN:Common/invalid-argument"):
        new_contract(chain, "Vault", ["address"], ZERO)
