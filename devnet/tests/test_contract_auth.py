"""Auth: who may call the privileged functions."""

from octant_devnet import contracts
from octant_devnet.chain import Chain
from octant_devnet.chainkit import (
    STRANGER,
    UNAUTHORIZED,
    ZERO,
    decoded,
    do,
    new_contract,
    padded,
    reverts,
)
from octant_devnet.deploy import Deployment, creation

TRANSFER = "transferOwnership(address)"
MULTISIG_SET = "0x01deeac3bf3bef0d6e6151d2bdf301dc761d9c9df1b1caf8fc5fffc11233fa42"
TRANSFER_STARTED = "0x38d16b8cac22d99fc7c124b9cd0de2d3fa1faef420bfe791d8c362d765e22700"
HEIR = "0x" + "aa" * 20
OTHER_HEIR = "0x" + "bb" * 20


def owners(chain: Chain, auth: str) -> tuple[str, str]:
    signatures = "multisig()(address)", "pendingOwner()(address)"
    multisig, pending = (str(chain.call(auth, signature)[0]) for signature in signatures)
    return multisig, pending


def test_constructor__zero_multisig__reverts(chain: Chain) -> None:
    with reverts("HN:Common/invalid-argument"):
        new_contract(chain, "Auth", ["address"], ZERO)


def test_constructor__valid_multisig__announces_it(chain: Chain) -> None:
    receipt = chain.send(STRANGER, None, creation("Auth", ["address"], [HEIR]))
    (log,) = receipt.logs
    assert log.topics == (MULTISIG_SET,)
    assert decoded(log, "address", "address") == (ZERO, HEIR)


def test_transfer_ownership__zero_address_from_stranger__reverts_without_reason(
    chain: Chain, deployment: Deployment
) -> None:
    with reverts(""):
        do(chain, STRANGER, deployment.auth, TRANSFER, ZERO)


def test_transfer_ownership__stranger__is_unauthorized(
    chain: Chain, deployment: Deployment
) -> None:
    with reverts(UNAUTHORIZED):
        do(chain, STRANGER, deployment.auth, TRANSFER, STRANGER)


def test_transfer_ownership__second_call__replaces_the_pending_owner(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    do(chain, multisig, deployment.auth, TRANSFER, HEIR)
    receipt = do(chain, multisig, deployment.auth, TRANSFER, OTHER_HEIR)
    (log,) = receipt.logs
    assert log.topics == (TRANSFER_STARTED, padded(multisig), padded(OTHER_HEIR))
    assert owners(chain, deployment.auth) == (multisig.lower(), OTHER_HEIR)


def test_accept_ownership__not_the_pending_owner__is_unauthorized(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    do(chain, multisig, deployment.auth, TRANSFER, HEIR)
    with reverts(UNAUTHORIZED):
        do(chain, multisig, deployment.auth, "acceptOwnership()")


def test_accept_ownership__pending_owner__rules_every_contract(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    chain.set_balances({HEIR: 10**18})
    do(chain, multisig, deployment.auth, TRANSFER, HEIR)
    receipt = do(chain, HEIR, deployment.auth, "acceptOwnership()")
    (log,) = receipt.logs
    assert log.topics == (MULTISIG_SET,)
    assert decoded(log, "address", "address") == (multisig.lower(), HEIR)
    assert owners(chain, deployment.auth) == (HEIR, ZERO)
    root = contracts.set_merkle_root(1, b"\x01" * 32)
    with reverts(UNAUTHORIZED):
        chain.send(multisig, deployment.vault, root)
    assert chain.send(HEIR, deployment.vault, root).succeeded


def test_storage__layout__multisig_then_pending_owner(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    do(chain, multisig, deployment.auth, TRANSFER, HEIR)
    slots = [chain.rpc("eth_getStorageAt", deployment.auth, hex(i), "latest") for i in (0, 1)]
    assert slots == [padded(multisig), padded(HEIR)]
