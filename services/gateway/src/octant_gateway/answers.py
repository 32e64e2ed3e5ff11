"""Public answers that differ from those of the calls; all others are the call's own struct."""

import msgspec
from octant_contracts.calls import (
    BudgetRow,
    EpochAllocation,
    MerkleLeaf,
    SimulatedBudget,
    SimulatedClaim,
    SimulatedDeposit,
    SimulatedProject,
    SimulatedSplit,
)
from octant_contracts.values import Address, EpochNumber, Hex, Wei


class UserBudget(msgspec.Struct, frozen=True):
    budget: Wei


class EpochBudgets(msgspec.Struct, frozen=True):
    budgets: list[BudgetRow]


class MerkleTree(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    epoch: EpochNumber
    rewards_sum: Wei
    root: Hex
    leaves: list[MerkleLeaf]
    leaf_encoding: list[str]


class AllocationsOfEpoch(msgspec.Struct, frozen=True):
    allocations: list[EpochAllocation]


class DonorsOfEpoch(msgspec.Struct, frozen=True):
    donors: list[Address]


class UnusedRewards(msgspec.Struct, frozen=True):
    addresses: list[Address]
    value: Wei


class LockedRatio(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Decimal text, scientific below a millionth."""

    locked_ratio: str


class PendingPreview(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    rewards: SimulatedSplit
    user_deposits: list[SimulatedDeposit]
    user_budgets: list[SimulatedBudget]


class FinalizedPreview(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    patrons_rewards: Wei
    matched_rewards: Wei
    projects_rewards: list[SimulatedProject]
    user_rewards: list[SimulatedClaim]
    total_withdrawals: Wei
    leftover: Wei
    merkle_root: Hex | None
    staking_matched_reserved_for_v2: Wei = msgspec.field(name="stakingMatchedReservedForV2")


class SnapshotOf(msgspec.Struct, frozen=True):
    epoch: EpochNumber


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Each `UP` or `DOWN`."""

    blockchain: str
    db: str
    subgraph: str


class SyncStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    blockchain_epoch: int | None
    indexed_epoch: int | None
    blockchain_height: int | None
    indexed_height: int | None
    pending_snapshot: str | None
    finalized_snapshot: str | None


class Version(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    env: str
    chain: str
