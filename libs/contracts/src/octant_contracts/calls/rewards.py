"""Calls that rewards answers: snapshots, budgets, matching, trees, withdrawals."""

import msgspec

from octant_contracts.calls.base import Call, Nothing, OfEpoch, OfUser, OfUserEpoch, PageOfEpoch
from octant_contracts.calls.epochs import EpochInfo
from octant_contracts.events import REWARDS
from octant_contracts.values import Address, EpochNumber, Hex, Timestamp, Wei


class Budget(msgspec.Struct, frozen=True):
    """None: the user has no budget in the epoch (the edge answers 204)."""

    budget: Wei | None


class BudgetRow(msgspec.Struct, frozen=True):
    address: Address
    amount: Wei


class Budgets(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    budgets: list[BudgetRow]
    next_cursor: int | None


class ProjectRewardsRow(msgspec.Struct, frozen=True):
    address: Address
    allocated: Wei
    matched: Wei


class ProjectRewards(msgspec.Struct, frozen=True):
    rewards: list[ProjectRewardsRow]


class Leverage(msgspec.Struct, frozen=True):
    leverage: float


class MerkleLeaf(msgspec.Struct, frozen=True):
    address: Address
    amount: Wei


class MerkleTreePage(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    epoch: EpochNumber
    rewards_sum: Wei
    root: Hex
    leaves: list[MerkleLeaf]
    leaf_encoding: list[str]
    next_cursor: int | None


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    epoch: EpochNumber
    amount: Wei
    proof: list[Hex]
    status: str  # "pending" | "available"


class Withdrawals(msgspec.Struct, frozen=True):
    withdrawals: list[Withdrawal]


class SnapshotTaken(msgspec.Struct, frozen=True):
    """None: there was nothing to do."""

    epoch: EpochNumber | None


class SnapshotStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    is_current: bool
    is_pending: bool
    is_finalized: bool


class RewardsStatus(msgspec.Struct, frozen=True, kw_only=True):
    head_number: int
    head_timestamp: Timestamp
    last_pending_snapshot: EpochNumber
    last_finalized_snapshot: EpochNumber


class EpochStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """The snapshot part of `/epochs/info`; `info` is None without a pending snapshot."""

    info: EpochInfo | None


USER_BUDGET = Call(REWARDS, "budget", OfUserEpoch, Budget)
BUDGETS = Call(REWARDS, "budgets", PageOfEpoch, Budgets)
ESTIMATED_PROJECT_REWARDS = Call(REWARDS, "estimated-project-rewards", Nothing, ProjectRewards)
PROJECT_REWARDS = Call(REWARDS, "project-rewards", OfEpoch, ProjectRewards)
LEVERAGE = Call(REWARDS, "leverage", OfEpoch, Leverage)
MERKLE_TREE = Call(REWARDS, "merkle-tree", PageOfEpoch, MerkleTreePage)
WITHDRAWALS = Call(REWARDS, "withdrawals", OfUser, Withdrawals)
TAKE_PENDING_SNAPSHOT = Call(
    REWARDS, "take-pending-snapshot", Nothing, SnapshotTaken, writes=True, timeout=20.0
)
TAKE_FINALIZED_SNAPSHOT = Call(
    REWARDS, "take-finalized-snapshot", Nothing, SnapshotTaken, writes=True, timeout=20.0
)
SNAPSHOT_STATUS = Call(REWARDS, "snapshot-status", OfEpoch, SnapshotStatus)
REWARDS_STATUS = Call(REWARDS, "status", Nothing, RewardsStatus)
EPOCH_STATISTICS = Call(REWARDS, "epoch-statistics", OfEpoch, EpochStatistics)
