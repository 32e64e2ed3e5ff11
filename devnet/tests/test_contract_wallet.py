"""ContractWallet: an account with code that signs, acts, and misbehaves on demand."""

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak
from octant_devnet import contracts
from octant_devnet.abi import encode_call
from octant_devnet.chain import Chain
from octant_devnet.chainkit import GLM, STRANGER, ZERO, do, new_contract, reverts
from octant_devnet.deploy import Deployment, account_key
from octant_devnet.rpc import RpcError

DIGEST = bytes(range(32))
MAGIC = "0x20c13b0b" + "00" * 28
OTHER = "0xffffffff" + "00" * 28
VERIFY, REVERT, RETURN_NOTHING, RETURN_OTHER_WORD, BURN_GAS = range(5)


@pytest.fixture
def wallet(chain: Chain, alice: str) -> str:
    return new_contract(chain, "ContractWallet", ["address"], alice)


def sign(digest: bytes, account: int = 1) -> bytes:
    return bytes(Account.unsafe_sign_hash(digest, account_key(account)).signature)


def ask(chain: Chain, wallet: str, data: bytes, signature: bytes) -> str:
    call = encode_call("isValidSignature(bytes,bytes)", [data, signature])
    return str(chain.rpc("eth_call", {"to": wallet, "data": "0x" + call.hex()}, "latest"))


def test_is_valid_signature__owner_signed__answers_the_legacy_magic(
    chain: Chain, wallet: str
) -> None:
    assert ask(chain, wallet, DIGEST, sign(DIGEST)) == MAGIC


@pytest.mark.parametrize(
    ("data", "signature"),
    [
        (DIGEST, sign(DIGEST, account=2)),
        (DIGEST[::-1], sign(DIGEST)),
        (DIGEST, sign(DIGEST)[:-1]),
        (DIGEST, sign(DIGEST) + b"\0"),
        (DIGEST, b""),
        (DIGEST[:31], sign(DIGEST)),
        (DIGEST + b"\0", sign(DIGEST)),
        (DIGEST, bytes(65)),
    ],
)
def test_is_valid_signature__anything_else__answers_another_word(
    chain: Chain, wallet: str, data: bytes, signature: bytes
) -> None:
    assert ask(chain, wallet, data, signature) == OTHER


def test_is_valid_signature__misbehaving_modes__do_as_they_say(
    chain: Chain, wallet: str, alice: str
) -> None:
    set_mode = "setMode(uint8)"
    with reverts("ContractWallet: not the owner"):
        do(chain, STRANGER, wallet, set_mode, REVERT)
    do(chain, alice, wallet, set_mode, REVERT)
    with reverts("ContractWallet: revert mode"):
        ask(chain, wallet, DIGEST, sign(DIGEST))
    do(chain, alice, wallet, set_mode, RETURN_NOTHING)
    assert ask(chain, wallet, DIGEST, sign(DIGEST)) == "0x"
    do(chain, alice, wallet, set_mode, RETURN_OTHER_WORD)
    assert ask(chain, wallet, DIGEST, sign(DIGEST)) == OTHER
    do(chain, alice, wallet, set_mode, BURN_GAS)
    with pytest.raises(RpcError):
        ask(chain, wallet, DIGEST, sign(DIGEST))
    do(chain, alice, wallet, set_mode, VERIFY)
    assert ask(chain, wallet, DIGEST, sign(DIGEST)) == MAGIC


def test_get_message_hash__any_message__is_the_one_of_a_safe(chain: Chain, wallet: str) -> None:
    domain_type = bytes.fromhex("47e79534a245952e8b16893a336b85a3d9ea9fa8c573f3d803afb92a79469218")
    message_type = bytes.fromhex("60b3cbf8b4a223d68d641b3b6ddf9a298e7f33710cf3d3a9d1146b5a6150fbca")
    domain = keccak(encode(["bytes32", "uint256", "address"], [domain_type, 1337, wallet]))
    content = keccak(message_type + keccak(b"hello"))
    answer = chain.call(wallet, "getMessageHash(bytes)(bytes32)", [b"hello"])[0]
    assert answer == keccak(b"\x19\x01" + domain + content)


def test_execute__owner__locks_glm_as_the_wallet(
    chain: Chain, deployment: Deployment, wallet: str, alice: str
) -> None:
    chain.send(alice, deployment.glm, contracts.transfer(wallet, GLM))
    execute = "execute(address,uint256,bytes)"
    with reverts("ContractWallet: not the owner"):
        do(chain, STRANGER, wallet, execute, deployment.deposits, 0, contracts.lock(GLM))
    with reverts("ERC20: insufficient allowance"):
        do(chain, alice, wallet, execute, deployment.deposits, 0, contracts.lock(GLM))
    for to, data in (
        (deployment.glm, contracts.approve(deployment.deposits, GLM)),
        (deployment.deposits, contracts.lock(GLM)),
    ):
        do(chain, alice, wallet, execute, to, 0, data)
    assert contracts.deposit_of(chain, deployment.deposits, wallet) == GLM


def test_wallet__plain_eth__is_accepted_and_spent(chain: Chain, wallet: str, alice: str) -> None:
    chain.send(STRANGER, wallet, value=10)
    do(chain, alice, wallet, "execute(address,uint256,bytes)", "0x" + "e1" * 20, 4, b"")
    assert (chain.balance(wallet), chain.balance("0x" + "e1" * 20)) == (6, 4)


def test_constructor__no_owner__reverts(chain: Chain) -> None:
    with reverts("ContractWallet: no owner"):
        new_contract(chain, "ContractWallet", ["address"], ZERO)
