"""A chain with contracts that Octant did not write, for `make up ATTACH=world.json`.

    anvil --chain-id 31337 &
    python devnet/examples/foreign_chain.py http://127.0.0.1:8545 > world.json

It needs a development node with the usual accounts, and shares no code with the devnet: its
contracts have only what Octant reads, its calendar has several eras, its projects moved to another
CID, and the chain is older than all of it, with a stranger's contracts on it too.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from eth_account import Account
from web3 import Web3
from web3.contract import Contract

ARTIFACTS = Path(__file__).with_name("artifacts")
MNEMONIC = "test test test test test test test test test test test junk"
GLM = 10**18
OWNER, STRANGER = 0, 1
LOCKED = {2: 1_000, 3: 25_000, 4: 99, 5: 700}
"""Account → GLM it locks; 99 are too few for a budget."""
PROJECTS = [Web3.to_checksum_address(f"0x{number:040x}") for number in range(0xA1, 0xA6)]


class Foreign:
    """Everything that happens on the chain, in order."""

    def __init__(self, url: str) -> None:
        self.web3 = Web3(Web3.HTTPProvider(url))
        self.accounts = self.web3.eth.accounts

    def now(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def rpc(self, method: str, *params: Any) -> Any:
        return self.web3.provider.make_request(method, list(params))["result"]  # type: ignore[arg-type]

    def mine_at(self, timestamp: int) -> None:
        self.rpc("evm_setNextBlockTimestamp", timestamp)
        self.rpc("evm_mine")

    def deploy(self, name: str, *arguments: Any, by: int = OWNER) -> Any:
        artifact = json.loads((ARTIFACTS / f"{name}.json").read_text())
        factory = self.web3.eth.contract(abi=artifact["abi"], bytecode=artifact["bytecode"])
        sent = factory.constructor(*arguments).transact({"from": self.accounts[by]})
        receipt = self.web3.eth.wait_for_transaction_receipt(sent)
        return self.web3.eth.contract(receipt["contractAddress"], abi=artifact["abi"])

    def send(self, call: Any, by: int = OWNER) -> None:
        sent = call.transact({"from": self.accounts[by]})
        assert self.web3.eth.wait_for_transaction_receipt(sent)["status"] == 1

    def pay(self, to: str, wei: int) -> None:
        sent = self.web3.eth.send_transaction(
            {"from": self.accounts[OWNER], "to": to, "value": Web3.to_wei(wei, "wei")}
        )
        self.web3.eth.wait_for_transaction_receipt(sent)


def build(url: str, *, duration: int, window: int, starts_in: int, proceeds: int) -> dict[str, Any]:
    """Deploys, locks, and describes what there is: a world.json, and the people's keys."""
    foreign = Foreign(url)
    owner = foreign.accounts[OWNER]
    begin_of_chain = foreign.now()
    for age in (1, 40, 41, 3_000, 90_000):  # blocks that come when they like
        foreign.mine_at(begin_of_chain + age)
    lock_with(foreign, foreign.deploy("Coin", 10**27, by=STRANGER), {STRANGER: 5}, by=STRANGER)

    coin = foreign.deploy("Coin", 10**27)
    box = foreign.deploy("LockBox", coin.address)
    start = foreign.now() + starts_in
    calendar = foreign.deploy("Calendar", start, duration, window, owner)
    registry = foreign.deploy("Registry", "QmTheirFirstDirectory", owner)
    treasury = foreign.deploy("Treasury", owner)
    purse = foreign.deploy("Purse", owner)

    foreign.send(registry.functions.setProposalAddresses(1, PROJECTS))
    foreign.send(registry.functions.setCID("QmTheirSecondDirectory"))
    foreign.pay(purse.address, proceeds)
    if starts_in <= 0:
        foreign.send(calendar.functions.setEpochProps(duration * 2, window))
        foreign.send(calendar.functions.setEpochProps(duration + 17, window))
    lock_with(foreign, coin, LOCKED, box=box)
    return {
        "chain": {
            "rpcUrl": url,
            "id": foreign.web3.eth.chain_id,
            "name": "foreign",
            "contracts": {
                "glm": coin.address,
                "deposits": box.address,
                "epochs": calendar.address,
                "proposals": registry.address,
                "vault": treasury.address,
                "withdrawalsTarget": purse.address,
            },
        },
        "people": [key_of(number) for number in LOCKED],
        "projects": PROJECTS,
    }


def lock_with(
    foreign: Foreign,
    coin: Contract,
    amounts: dict[int, int],
    *,
    box: Contract | None = None,
    by: int = OWNER,
) -> None:
    """Gives coins of `by` to accounts, which lock half of them, a thousand seconds apart."""
    box = box or foreign.deploy("LockBox", coin.address, by=by)
    for account, amount in amounts.items():
        wei = amount * GLM
        if account != by:
            foreign.send(coin.functions.transfer(foreign.accounts[account], 2 * wei), by=by)
        foreign.send(coin.functions.approve(box.address, wei), by=account)
        foreign.mine_at(foreign.now() + 1_000)
        foreign.send(box.functions.lock(wei), by=account)


def key_of(number: int) -> dict[str, str]:
    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return {"address": account.address, "key": "0x" + account.key.hex()}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url", help="of a development node")
    parser.add_argument("--duration", type=int, default=100_000, help="seconds of an epoch")
    parser.add_argument("--window", type=int, default=40_000, help="seconds of a decision window")
    parser.add_argument("--starts-in", type=int, default=0, help="seconds until epoch 1")
    parser.add_argument("--proceeds", type=int, default=300 * 10**18, help="wei to share")
    options = vars(parser.parse_args(arguments))
    print(json.dumps(build(options.pop("url"), **options), indent=2))


if __name__ == "__main__":
    main(sys.argv[1:])
