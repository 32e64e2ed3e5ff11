import pytest
from eth_account import Account
from octant_chain_sync import rpc
from octant_chain_sync.wallets.service import check_contract_signature
from octant_contracts.calls import SignatureCheck
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Hex
from octant_devnet.abi import encode_call
from octant_devnet.chainkit import STRANGER, new_contract
from octant_devnet.deploy import account_address, account_key
from octant_devnet.servers import free_port

DIGEST = bytes(range(32))
REVERT, RETURN_NOTHING, RETURN_OTHER_WORD, BURN_GAS = range(1, 5)
# Answers isValidSignature(bytes32,bytes) with 0x1626ba7e and reverts otherwise.
STANDARD_WALLET = "0x60003560e01c631626ba7e14601357600080fd5b631626ba7e60e01b60005260206000f3"
# Answer every call with the same magic value.
STANDARD_MAGIC_ALWAYS = "0x631626ba7e60e01b60005260206000f3"
LEGACY_MAGIC_ALWAYS = "0x6320c13b0b60e01b60005260206000f3"


def sign(account: int, digest: bytes = DIGEST) -> str:
    signature = Account.unsafe_sign_hash(digest, account_key(account)).signature
    return "0x" + bytes(signature).hex()


def check(user: str, signature: str, digest: bytes = DIGEST) -> SignatureCheck:
    return SignatureCheck(user=Address.parse(user), digest=Hex(digest), signature=signature)


@pytest.fixture
def wallet(chain) -> str:
    chain.set_balances({STRANGER: 10**20})
    return new_contract(chain, "ContractWallet", ["address"], account_address(1))


async def is_valid(client, request: SignatureCheck) -> bool:
    return (await check_contract_signature(client, request)).valid


async def test_contract_wallet__asked_about_its_owners_signature__is_valid(client, wallet):
    assert await is_valid(client, check(wallet, sign(1)))
    assert not await is_valid(client, check(wallet, sign(2)))
    assert not await is_valid(client, check(wallet, sign(1), DIGEST[::-1]))
    assert not await is_valid(client, check(wallet, sign(1), DIGEST[:31]))
    assert not await is_valid(client, check(wallet, "0x"))


@pytest.mark.parametrize("mode", [REVERT, RETURN_NOTHING, RETURN_OTHER_WORD, BURN_GAS])
async def test_contract_wallet__that_misbehaves__is_invalid(chain, client, wallet, mode):
    chain.send(account_key(1), wallet, encode_call("setMode(uint8)", [mode]))
    assert not await is_valid(client, check(wallet, sign(1)))


@pytest.mark.parametrize(
    "signature", ["", "0x1", "0X00", "00", " 0x00", "0xzz", "hello", "0x" + "0" * 131]
)
async def test_signature__malformed__is_invalid(client, wallet, signature):
    assert not await is_valid(client, check(wallet, signature))


async def test_plain_account__or_delegation__is_never_valid_here(chain, client):
    assert not await is_valid(client, check(account_address(1), sign(1)))
    delegate = "0x" + "77" * 20
    chain.rpc("anvil_setCode", delegate, LEGACY_MAGIC_ALWAYS)
    assert await is_valid(client, check(delegate, sign(1)))
    delegating = "0x" + "78" * 20
    chain.rpc("anvil_setCode", delegating, "0xef0100" + delegate[2:])
    assert not await is_valid(client, check(delegating, sign(1)))


@pytest.mark.parametrize("code", [STANDARD_WALLET, STANDARD_MAGIC_ALWAYS, LEGACY_MAGIC_ALWAYS])
async def test_wallet__with_either_form__is_valid_by_that_forms_magic(chain, client, code):
    wallet = "0x" + "79" * 20
    chain.rpc("anvil_setCode", wallet, code)
    assert await is_valid(client, check(wallet, sign(1)))


async def test_wallet__answering_the_standard_call_with_the_legacy_magic__is_invalid(chain, client):
    # Reverts on the legacy selector, answers 0x20c13b0b to everything else.
    code = "0x60003560e01c6320c13b0b14601e576320c13b0b60e01b60005260206000f35b600080fd"
    wallet = "0x" + "7a" * 20
    chain.rpc("anvil_setCode", wallet, code)
    assert not await is_valid(client, check(wallet, sign(1)))


async def test_node__away__is_no_answer_about_the_signature():
    async with rpc.connect(f"http://127.0.0.1:{free_port()}") as nowhere:
        with pytest.raises(Refusal) as refused:
            await is_valid(nowhere, check(account_address(1), sign(1)))
    assert refused.value.code == "UpstreamFailed"
