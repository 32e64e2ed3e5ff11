"""The steps that make an epoch's rewards withdrawable, and the transactions we sent for them."""

from enum import Enum

import msgspec
from octant_contracts.values import Address, EpochNumber, Hex, Wei

from octant_chain_sync.contracts import set_merkle_root

FUND = "fund"
ROOT = "root"


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """A finalized epoch whose root belongs on chain."""

    epoch: EpochNumber
    root: Hex
    total_withdrawals: Wei


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One transaction to send for an epoch."""

    epoch: EpochNumber
    name: str
    to: Address
    value: int
    data: bytes


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """Signed bytes as stored before sending; `succeeded` is None until there is a receipt."""

    epoch: EpochNumber
    step: str
    nonce: int
    hash: Hex
    raw: Hex
    succeeded: bool | None = None


class Outcome(Enum):
    DONE = "done"
    FAILED = "failed"  # an operator must look; other epochs go on
    WAITING = "waiting"  # not mined yet; later nonces must wait


def steps_of(confirmation: Confirmation, vault: Address) -> list[Step]:
    """Money first: a root without it would promise what the Vault cannot pay."""
    epoch, amount = confirmation.epoch, int(confirmation.total_withdrawals)
    fund = Step(epoch=epoch, name=FUND, to=vault, value=amount, data=b"")
    return [*([fund] if amount > 0 else []), root_step(confirmation, vault)]


def root_step(confirmation: Confirmation, vault: Address) -> Step:
    data = set_merkle_root(confirmation.epoch, confirmation.root)
    return Step(epoch=confirmation.epoch, name=ROOT, to=vault, value=0, data=data)
