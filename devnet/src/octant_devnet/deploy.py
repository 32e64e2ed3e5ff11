"""Puts the contracts on a fresh chain, at the same addresses every time, and finds them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from octant_devnet import contracts
from octant_devnet.abi import encode_call
from octant_devnet.anvil import MNEMONIC
from octant_devnet.artifacts import load
from octant_devnet.chain import Chain, Transaction

EPOCH_DURATION = 600
DECISION_WINDOW = 600
PROPOSALS_CID = "QmXq3Eaz5xQF51J7mWzxDmfrVjDuGdhnirthttJ9Q2WTF8"
FAUCET_GLM = 1_000_000 * 10**18

_DEPLOYER, _ALICE, _BOB, _MULTISIG = 0, 1, 2, 6  # indexes in the mnemonic
_GLM, _AUTH, _EPOCHS, _DEPOSITS, _PROPOSALS, _TARGET, _PROXY, _VAULT, _FAUCET = range(9)  # nonces
_DEPLOY_GAS = 4_000_000
_SETUP_TRANSACTIONS = 3


@dataclass(frozen=True, slots=True)
class Deployment:
    """Addresses in EIP-55; `start_block` is the first block with any of the contracts."""

    glm: str
    auth: str
    epochs: str
    deposits: str
    proposals: str
    vault: str
    withdrawals_target: str
    faucet: str | None
    deployer_key: str
    multisig_key: str
    start_block: int


@cache
def account_key(index: int) -> str:
    """The private key of a named account of the mnemonic (0 deployer, 1 Alice, 6 multisig)."""
    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
    return "0x" + bytes(account.key).hex()


def account_address(index: int) -> str:
    return str(Account.from_key(account_key(index)).address)


def creation(name: str, types: Sequence[str] = (), args: Sequence[Any] = ()) -> bytes:
    """The data of a transaction that creates a contract."""
    return load(name).bytecode + encode(types, args)


def created_address(sender: str, nonce: int) -> str:
    """Where a contract lands; for nonces below 128, whose RLP is one byte."""
    if not 0 <= nonce < 0x80:
        raise ValueError("only small nonces")
    rlp = b"\xd6\x94" + bytes.fromhex(sender[2:]) + bytes([nonce or 0x80])
    return str(to_checksum_address(keccak(rlp)[12:]))


def deploy(
    chain: Chain,
    *,
    projects: Sequence[str],
    cid: str = PROPOSALS_CID,
    epoch_duration: int = EPOCH_DURATION,
    decision_window: int = DECISION_WINDOW,
    epochs_start: int | None = None,
    withdrawals_target_wei: int = 10**16,
    faucet: bool = False,
) -> Deployment:
    """Deploy and set up everything; on a resumed chain the existing deployment is returned as is.

    Epoch 1 starts at the latest block unless `epochs_start` says otherwise.
    """
    existing = existing_deployment(chain)
    if existing is not None:
        return existing
    if epoch_duration <= 0 or not 0 <= decision_window <= epoch_duration:
        raise ValueError("needs epoch_duration > 0 and 0 <= decision_window <= epoch_duration")
    start = chain.now() if epochs_start is None else epochs_start
    deployer, multisig = account_address(_DEPLOYER), account_address(_MULTISIG)
    glm, auth, epochs, target, proxy = (
        created_address(deployer, nonce) for nonce in (_GLM, _AUTH, _EPOCHS, _TARGET, _PROXY)
    )
    recipients = [deployer, account_address(_ALICE), account_address(_BOB)]
    initialize = encode_call("initialize(address)", [multisig])
    creations = [
        creation("Token", ["address[]"], [recipients]),
        creation("Auth", ["address"], [multisig]),
        creation(
            "Epochs",
            ["uint256", "uint256", "uint256", "address"],
            [start, epoch_duration, decision_window, auth],
        ),
        creation("Deposits", ["address", "address"], [glm, auth]),
        creation("Proposals", ["string", "address[]", "address"], [cid, list(projects), auth]),
        creation("WithdrawalsTarget"),
        creation("Proxy", ["address", "address", "bytes"], [target, multisig, initialize]),
        creation("Vault", ["address"], [auth]),
    ]
    if faucet:
        creations.append(creation("TestGLMFaucet", ["address"], [glm]))
    key = account_key(_DEPLOYER)
    chain.send_many([Transaction(key, None, data, gas=_DEPLOY_GAS) for data in creations])
    if faucet:
        chain.send(key, glm, contracts.transfer(created_address(deployer, _FAUCET), FAUCET_GLM))
    _set_up(chain, deployer, projects, epochs, proxy, withdrawals_target_wei)
    deployment = existing_deployment(chain)
    if deployment is None:
        raise RuntimeError("the contracts are not where they should be")
    return deployment


def existing_deployment(chain: Chain) -> Deployment | None:
    """The contracts on this chain, None on a fresh one; RuntimeError when they are incomplete."""
    deployer = account_address(_DEPLOYER)
    address = [created_address(deployer, nonce) for nonce in range(_FAUCET + 1)]
    if not chain.code(address[_GLM]):
        if chain.nonce(deployer) > 0:
            raise RuntimeError("the deployer's first transaction was not ours: use a fresh chain")
        return None
    complete = chain.code(address[_VAULT]) and (
        chain.nonce(account_address(_MULTISIG)) >= _SETUP_TRANSACTIONS
    )
    if not complete:
        raise RuntimeError("a deployment was interrupted: remove the chain's state file")
    query = {"address": address[_GLM], "fromBlock": "0x0", "toBlock": "latest"}
    minted = [keccak(text="Transfer(address,address,uint256)"), bytes(32)]
    logs = chain.rpc("eth_getLogs", {**query, "topics": ["0x" + topic.hex() for topic in minted]})
    return Deployment(
        glm=address[_GLM],
        auth=address[_AUTH],
        epochs=address[_EPOCHS],
        deposits=address[_DEPOSITS],
        proposals=address[_PROPOSALS],
        vault=address[_VAULT],
        withdrawals_target=address[_PROXY],
        faucet=address[_FAUCET] if _is_faucet(chain, address[_FAUCET]) else None,
        deployer_key=account_key(_DEPLOYER),
        multisig_key=account_key(_MULTISIG),
        start_block=int(logs[0]["blockNumber"], 16),
    )


def _set_up(
    chain: Chain, deployer: str, projects: Sequence[str], epochs: str, proxy: str, wei: int
) -> None:
    key = account_key(_MULTISIG)
    proposals = created_address(deployer, _PROPOSALS)
    first_epoch = contracts.set_proposal_addresses(1, projects)
    chain.send_many(
        [
            Transaction(key, proposals, first_epoch, gas=_DEPLOY_GAS),
            Transaction(key, proposals, contracts.set_epochs(epochs)),
            Transaction(key, proxy, value=wei),
        ]
    )


def _is_faucet(chain: Chain, address: str) -> bool:
    # The deployer may have put another contract there: immutables aside, the code must be ours.
    code, ours = chain.code(address), load("TestGLMFaucet").deployed_bytecode
    return len(code) == len(ours) and all(a == b for a, b in zip(code, ours, strict=True) if b)
