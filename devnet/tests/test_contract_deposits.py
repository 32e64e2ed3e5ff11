"""Deposits: locking and unlocking GLM."""

from octant_devnet import contracts
from octant_devnet.chain import Chain, Receipt
from octant_devnet.chainkit import (
    GLM,
    STRANGER,
    ZERO,
    decoded,
    new_contract,
    padded,
    reverts,
)
from octant_devnet.deploy import Deployment

LOCKED = "0x4c00281b0bce21cd7064204e92146d972c359c3743b9a503f438b4325efaaf14"
UNLOCKED = "0xc866d6212c58a2480a6da14f1bdbaae0c127cdc8296409157a23b968149066ce"
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
EVENT = ("uint256", "uint256", "uint256", "address")
# A token whose every call returns false: RETURN of 32 zero bytes.
RETURNS_FALSE = "0x60206000f3"


def lock(chain: Chain, deployment: Deployment, user: str, amount: int) -> Receipt:
    chain.send(user, deployment.glm, contracts.approve(deployment.deposits, amount))
    return chain.send(user, deployment.deposits, contracts.lock(amount))


def test_lock__approved__moves_glm_and_logs_approval_transfer_locked(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    lock(chain, deployment, alice, 5 * GLM)
    chain.send(alice, deployment.glm, contracts.approve(deployment.deposits, 10 * GLM))
    receipt = chain.send(alice, deployment.deposits, contracts.lock(7 * GLM))
    approval, transfer, locked = receipt.logs
    assert approval.topics == (APPROVAL, padded(alice), padded(deployment.deposits))
    assert decoded(approval, "uint256") == (3 * GLM,)
    assert transfer.topics == (TRANSFER, padded(alice), padded(deployment.deposits))
    assert decoded(transfer, "uint256") == (7 * GLM,)
    assert locked.topics == (LOCKED,)
    assert locked.address == deployment.deposits.lower()
    assert decoded(locked, *EVENT) == (5 * GLM, 7 * GLM, chain.now(), alice.lower())
    assert contracts.deposit_of(chain, deployment.deposits, alice) == 12 * GLM
    assert contracts.balance_of(chain, deployment.glm, deployment.deposits) == 12 * GLM


def test_lock__infinite_allowance__logs_no_approval(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    chain.send(alice, deployment.glm, contracts.approve(deployment.deposits, 2**256 - 1))
    receipt = chain.send(alice, deployment.deposits, contracts.lock(GLM))
    assert [log.topics[0] for log in receipt.logs] == [TRANSFER, LOCKED]


def test_lock__zero__is_an_invalid_argument(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    with reverts("HN:Common/invalid-argument"):
        chain.send(alice, deployment.deposits, contracts.lock(0))


def test_lock__no_allowance_or_balance__reverts_with_the_token_text(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    with reverts("ERC20: insufficient allowance"):
        chain.send(alice, deployment.deposits, contracts.lock(1))
    with reverts("ERC20: transfer amount exceeds balance"):
        lock(chain, deployment, STRANGER, 1)
    assert contracts.deposit_of(chain, deployment.deposits, alice) == 0


def test_lock__deposit_overflows__panics_before_the_transfer(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    lock(chain, deployment, alice, 1)
    with reverts("panic 0x11"):
        chain.send(alice, deployment.deposits, contracts.lock(2**256 - 1))


def test_lock__token_returns_false__cannot_transfer(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    token = "0x" + "f0" * 20
    chain.rpc("anvil_setCode", token, RETURNS_FALSE)
    deposits = new_contract(chain, "Deposits", ["address", "address"], token, deployment.auth)
    with reverts("HN:Deposits/cannot-transfer-from-sender"):
        chain.send(alice, deposits, contracts.lock(1))


def test_unlock__part_of_deposit__returns_glm_and_logs_transfer_unlocked(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    before = contracts.balance_of(chain, deployment.glm, alice)
    lock(chain, deployment, alice, 10 * GLM)
    receipt = chain.send(alice, deployment.deposits, contracts.unlock(4 * GLM))
    transfer, unlocked = receipt.logs
    assert transfer.topics == (TRANSFER, padded(deployment.deposits), padded(alice))
    assert unlocked.topics == (UNLOCKED,)
    assert decoded(unlocked, *EVENT) == (10 * GLM, 4 * GLM, chain.now(), alice.lower())
    assert contracts.balance_of(chain, deployment.glm, alice) == before - 6 * GLM
    assert contracts.deposit_of(chain, deployment.deposits, alice) == 6 * GLM


def test_unlock__zero__logs_a_zero_event(chain: Chain, deployment: Deployment) -> None:
    receipt = chain.send(STRANGER, deployment.deposits, contracts.unlock(0))
    assert [log.topics[0] for log in receipt.logs] == [TRANSFER, UNLOCKED]
    assert decoded(receipt.logs[1], *EVENT) == (0, 0, chain.now(), STRANGER)


def test_unlock__more_than_deposit__reverts(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    lock(chain, deployment, alice, 10)
    with reverts("HN:Deposits/deposit-is-smaller"):
        chain.send(alice, deployment.deposits, contracts.unlock(11))


def test_deposits__plain_glm_transfer__is_no_deposit(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    chain.send(alice, deployment.glm, contracts.transfer(deployment.deposits, GLM))
    assert contracts.deposit_of(chain, deployment.deposits, alice) == 0
    assert chain.call(deployment.deposits, "glm()(address)") == (deployment.glm.lower(),)


def test_constructor__zero_address__is_an_invalid_argument(
    chain: Chain, deployment: Deployment
) -> None:
    for glm, auth in ((ZERO, deployment.auth), (deployment.glm, ZERO)):
        with reverts("HN:Common/invalid-argument"):
            new_contract(chain, "Deposits", ["address", "address"], glm, auth)
