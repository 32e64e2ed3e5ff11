"""What a person's history must be: the chain's own logs, and the deeds a test saw accepted."""

from dataclasses import dataclass
from typing import Any

from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment
from octant_protocol.address import eip55

from e2e.expected import LOCKED, UNLOCKED

WITHDRAWN = "0x92ccf450a286a957af52509bc1c9939d1a6a481783e142e41e2499f0bb66ebc6"
NOTHING = dict.fromkeys(
    ("amount", "transactionHash", "epoch", "isManuallyEdited", "leverage", "allocations")
)
Item = dict[str, Any]


@dataclass(frozen=True)
class Allocated:
    """A granted request, with the chain time it was granted at."""

    user: bytes
    at: int
    items: list[tuple[bytes, int]]
    leverage: float


@dataclass(frozen=True)
class Donated:
    """A patron's budget of an epoch, at the end of its window."""

    user: bytes
    at: int
    epoch: int
    budget: int


def chain_items(chain: Chain, deployment: Deployment) -> dict[bytes, list[Item]]:
    """Locks, unlocks and withdrawals by user."""
    found: dict[bytes, list[Item]] = {}
    query = {"fromBlock": "0x0", "address": [deployment.deposits, deployment.vault]}
    for log in chain.rpc("eth_getLogs", query):
        data = bytes.fromhex(log["data"][2:])
        words = [data[start : start + 32] for start in range(0, len(data), 32)]
        topic = log["topics"][0]
        if topic in (LOCKED, UNLOCKED):
            kind = {LOCKED: "lock", UNLOCKED: "unlock"}[topic]
            user, amount = words[3][12:], words[1]
        elif topic == WITHDRAWN:
            kind, user, amount = "withdrawal", words[0][12:], words[1]
        else:
            continue
        at = int(chain.block(int(log["blockNumber"], 16))["timestamp"], 16)
        data_of = {
            "amount": str(int.from_bytes(amount, "big")),
            "transactionHash": log["transactionHash"],
        }
        found.setdefault(user, []).append(item(kind, at, **data_of))
    return found


def item(kind: str, at: int, **data: Any) -> Item:
    return {"type": kind, "timestamp": str(at), "eventData": {**NOTHING, **data}}


def history(
    user: bytes, on_chain: list[Item], allocated: list[Allocated], donated: list[Donated]
) -> list[Item]:
    """Newest first; in one second by type, amount and hash, all descending."""
    gifts = [
        item(
            "allocation",
            deed.at,
            isManuallyEdited=False,
            leverage=str(deed.leverage),
            allocations=[
                {"projectAddress": eip55(project), "amount": str(amount)}
                for project, amount in deed.items
            ],
        )
        for deed in reversed(allocated)
        if deed.user == user
    ]
    donations = [
        item("patron_mode_donation", deed.at, amount=str(deed.budget), epoch=deed.epoch)
        for deed in donated
        if deed.user == user
    ]
    return sorted([*on_chain, *gifts, *donations], key=_place, reverse=True)


def _place(entry: Item) -> tuple[int, str, int, str]:
    data = entry["eventData"]
    return (
        int(entry["timestamp"]),
        entry["type"],
        int(data["amount"] or 0),
        data["transactionHash"] or "",
    )
