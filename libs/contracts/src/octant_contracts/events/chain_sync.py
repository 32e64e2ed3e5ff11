"""Facts of the chain, as chain-sync announces them."""

from octant_contracts.events.base import Event
from octant_contracts.values import Address, BlockRef, EpochNumber, Hex, Timestamp, Wei


class Locked(Event, frozen=True, kw_only=True):
    """GLM locked in Deposits."""

    block: BlockRef
    log_index: int
    transaction_hash: Hex
    user: Address
    amount: Wei
    deposit_before: Wei


class Unlocked(Event, frozen=True, kw_only=True):
    """GLM taken out of Deposits."""

    block: BlockRef
    log_index: int
    transaction_hash: Hex
    user: Address
    amount: Wei
    deposit_before: Wei


class Withdrawn(Event, frozen=True, kw_only=True):
    """One batchWithdraw: `amount` is the whole batch, `epoch` its last epoch."""

    block: BlockRef
    log_index: int
    transaction_hash: Hex
    user: Address
    amount: Wei
    epoch: EpochNumber


class MerkleRootSet(Event, frozen=True, kw_only=True):
    """The Vault has a root for the epoch: its rewards can be withdrawn."""

    block: BlockRef
    log_index: int
    transaction_hash: Hex
    epoch: EpochNumber
    root: Hex


class EpochPropsSet(Event, frozen=True, kw_only=True):
    """One entry of Epochs.epochProps as of `block` (the contract emits nothing itself)."""

    block: BlockRef
    index: int
    from_epoch: EpochNumber
    to_epoch: EpochNumber
    from_ts: Timestamp
    duration: int
    decision_window: int


class ProjectsSet(Event, frozen=True, kw_only=True):
    """The project list of an epoch, in contract order, and the CID as of `block`."""

    block: BlockRef
    epoch: EpochNumber
    projects: list[Address]
    cid: str


class BlockAdvanced(Event, frozen=True, kw_only=True):
    """The indexed head. Facts up to and including this block precede it in the stream."""

    block: BlockRef
    final_block: int


class FactsReverted(Event, frozen=True, kw_only=True):
    """A reorganisation: facts of blocks above `to_block` never happened."""

    to_block: BlockRef
    from_number: int


class FactsSealed(Event, frozen=True, kw_only=True):
    """All locks and unlocks of an epoch are final. `digest` over the facts in chain order."""

    epoch: EpochNumber
    start: Timestamp
    end: Timestamp
    to_block: BlockRef
    count: int
    digest: str
