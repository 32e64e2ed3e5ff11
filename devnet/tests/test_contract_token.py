"""The GLM stand-in and its faucet."""

from octant_devnet import contracts
from octant_devnet.chain import Chain
from octant_devnet.chainkit import GLM, STRANGER, ZERO, decoded, do, new_contract, padded, reverts
from octant_devnet.deploy import FAUCET_GLM, Deployment, account_address, creation

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
APPROVAL = "0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"
FAUCET_WITHDRAWN = "0x02ffa641367f5b897c0f8be81bce51f2ef055b4113d7a1e4fd082feea749bf52"
SHARE = 500_000_000 * GLM
TRANSFER_FROM = "transferFrom(address,address,uint256)"


def allowance(chain: Chain, token: str, owner: str, spender: str) -> int:
    signature = "allowance(address,address)(uint256)"
    return int(chain.call(token, signature, [owner, spender])[0])


def test_token__deployed__has_three_shares(chain: Chain, deployment: Deployment) -> None:
    glm = deployment.glm
    answers = [
        chain.call(glm, f"{name}()({kind})")[0]
        for name, kind in (("name", "string"), ("symbol", "string"), ("decimals", "uint8"))
    ]
    assert answers == ["Token", "TKN", 18]
    assert chain.call(glm, "totalSupply()(uint256)") == (3 * SHARE,)
    balances = [contracts.balance_of(chain, glm, account_address(i)) for i in (0, 1, 2)]
    assert balances == [SHARE - FAUCET_GLM, SHARE, SHARE]


def test_token_constructor__two_recipients__mints_to_each(chain: Chain, alice: str) -> None:
    receipt = chain.send(
        STRANGER, None, creation("Token", ["address[]"], [[alice, STRANGER]]), gas=4_000_000
    )
    assert [log.topics for log in receipt.logs] == [
        (TRANSFER, padded(ZERO), padded(alice)),
        (TRANSFER, padded(ZERO), padded(STRANGER)),
    ]
    with reverts("ERC20: mint to the zero address"):
        new_contract(chain, "Token", ["address[]"], [ZERO])


def test_transfer__faults__have_the_known_texts(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    with reverts("ERC20: transfer amount exceeds balance"):
        do(chain, STRANGER, deployment.glm, "transfer(address,uint256)", alice, 1)
    with reverts("ERC20: transfer to the zero address"):
        do(chain, alice, deployment.glm, "transfer(address,uint256)", ZERO, 1)
    with reverts("ERC20: approve to the zero address"):
        do(chain, alice, deployment.glm, "approve(address,uint256)", ZERO, 1)
    with reverts("ERC20: insufficient allowance"):
        do(chain, alice, deployment.glm, TRANSFER_FROM, alice, STRANGER, 1)
    with reverts("ERC20: decreased allowance below zero"):
        do(chain, alice, deployment.glm, "decreaseAllowance(address,uint256)", STRANGER, 1)


def test_transfer__to_oneself__changes_nothing(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    assert chain.send(alice, deployment.glm, contracts.transfer(alice, SHARE)).succeeded
    assert contracts.balance_of(chain, deployment.glm, alice) == SHARE


def test_transfer_from__approved__spends_the_allowance(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    glm = deployment.glm
    (approval,) = chain.send(alice, glm, contracts.approve(STRANGER, 10)).logs
    assert approval.topics == (APPROVAL, padded(alice), padded(STRANGER))
    receipt = do(chain, STRANGER, glm, TRANSFER_FROM, alice, STRANGER, 4)
    assert [log.topics[0] for log in receipt.logs] == [APPROVAL, TRANSFER]
    assert allowance(chain, glm, alice, STRANGER) == 6
    assert contracts.balance_of(chain, glm, STRANGER) == 4


def test_allowance__increased_and_decreased__adds_up(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    do(chain, alice, deployment.glm, "increaseAllowance(address,uint256)", STRANGER, 9)
    do(chain, alice, deployment.glm, "decreaseAllowance(address,uint256)", STRANGER, 2)
    assert allowance(chain, deployment.glm, alice, STRANGER) == 7


def test_faucet__asked_twice__gives_to_me_and_to_another(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    assert deployment.faucet is not None
    assert chain.call(deployment.faucet, "AMOUNT()(uint256)") == (1000 * GLM,)
    do(chain, STRANGER, deployment.faucet, "sendMeGLM()")
    receipt = do(chain, STRANGER, deployment.faucet, "sendGLM(address)", multisig)
    transfer, withdrawn = receipt.logs
    assert transfer.topics == (TRANSFER, padded(deployment.faucet), padded(multisig))
    assert withdrawn.topics == (FAUCET_WITHDRAWN,)
    values = decoded(withdrawn, "uint256", "uint256", "address")
    assert values == (1000 * GLM, chain.now(), multisig.lower())
    for owner in (STRANGER, multisig):
        assert contracts.balance_of(chain, deployment.glm, owner) == 1000 * GLM


def test_faucet__empty__reverts_with_the_token_text(chain: Chain, deployment: Deployment) -> None:
    faucet = new_contract(chain, "TestGLMFaucet", ["address"], deployment.glm)
    with reverts("ERC20: transfer amount exceeds balance"):
        do(chain, STRANGER, faucet, "sendMeGLM()")
