"""People and projects with known keys, the same for the same seed, and what they do on chain."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from eth_account import Account

from octant_devnet import contracts
from octant_devnet.chain import Chain, Receipt, Transaction
from octant_devnet.contracts import WithdrawPayload
from octant_devnet.deploy import Deployment

PERSON_WEI = 100 * 10**18


@dataclass(frozen=True, slots=True)
class Person:
    """An account whose key we know: a person, or a project."""

    index: int
    key: str
    address: str


def person(index: int, seed: str) -> Person:
    return _derive("person", index, seed)


def project(index: int, seed: str) -> Person:
    """A project's account; its key lets the project withdraw."""
    return _derive("project", index, seed)


def project_addresses(count: int, seed: str) -> list[str]:
    return [project(index, seed).address for index in range(count)]


def fund_people(
    chain: Chain,
    deployment: Deployment,
    people: Sequence[Person],
    glm_amounts: Sequence[int],
    *,
    wei: int = PERSON_WEI,
) -> None:
    """Give each person ETH for fees, and GLM from the deployer (none for an amount of 0)."""
    chain.set_balances({p.address: wei for p in people})
    chain.send_many(
        [
            Transaction(
                deployment.deployer_key,
                deployment.glm,
                contracts.transfer(p.address, amount),
                gas=100_000,
            )
            for p, amount in zip(people, glm_amounts, strict=True)
            if amount > 0
        ]
    )


def lock(chain: Chain, deployment: Deployment, who: Person, amount: int) -> Receipt:
    """Approve and lock in one block; the receipt of the lock."""
    return lock_many(chain, deployment, [(who, amount)])[0]


def lock_many(
    chain: Chain, deployment: Deployment, locks: Sequence[tuple[Person, int]]
) -> list[Receipt]:
    """Approve and lock for many people, about 200 a block; the receipts of the locks."""
    transactions: list[Transaction] = []
    for who, amount in locks:
        approve = contracts.approve(deployment.deposits, amount)
        transactions.append(Transaction(who.key, deployment.glm, approve, gas=100_000))
        transactions.append(
            Transaction(who.key, deployment.deposits, contracts.lock(amount), gas=150_000)
        )
    return chain.send_many(transactions)[1::2]


def unlock(chain: Chain, deployment: Deployment, who: Person, amount: int) -> Receipt:
    return chain.send(who.key, deployment.deposits, contracts.unlock(amount))


def withdraw(
    chain: Chain, deployment: Deployment, who: Person, payloads: Sequence[WithdrawPayload]
) -> Receipt:
    """Claim rewards of the epochs given; whoever claims needs ETH for the fee."""
    return chain.send(who.key, deployment.vault, contracts.batch_withdraw(payloads))


def _derive(kind: str, index: int, seed: str) -> Person:
    key = "0x" + hashlib.sha256(f"octant/{seed}/{kind}/{index}".encode()).hexdigest()
    return Person(index=index, key=key, address=str(Account.from_key(key).address))
