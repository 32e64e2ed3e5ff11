"""Snapshots and estimates, as rewards announces them."""

from decimal import Decimal

from octant_contracts.events.base import Event
from octant_contracts.values import Address, BlockRef, EpochNumber, Hex, Timestamp, Wei


class PendingSnapshotTaken(Event, frozen=True, kw_only=True):
    """Budgets of an epoch exist; rows are read with `rewards.budgets`."""

    epoch: EpochNumber
    finalized_at: Timestamp
    block: BlockRef
    staking_proceeds: Wei
    total_effective_deposit: Wei
    locked_ratio: Decimal
    budgets_count: int
    budgets_digest: str


class EstimatesChanged(Event, frozen=True, kw_only=True):
    """The live estimate of the epoch includes the change numbered `sequence`.

    Not a high-water mark: commits overtake each other, so a smaller number may follow.
    """

    epoch: EpochNumber
    sequence: int


class LeverageComputed(Event, frozen=True, kw_only=True):
    """What an allocation moved: the change of its projects' matches per wei it gave."""

    epoch: EpochNumber
    user: Address
    nonce: int
    sequence: int
    leverage: float


class FinalizedSnapshotTaken(Event, frozen=True, kw_only=True):
    """The epoch's numbers are final. `merkle_root` is null when nobody earned anything."""

    epoch: EpochNumber
    matched_rewards: Wei
    patrons_rewards: Wei
    leftover: Wei
    total_withdrawals: Wei
    staking_matched_reserved_for_v2: Wei
    merkle_root: Hex | None
    leaves_count: int
