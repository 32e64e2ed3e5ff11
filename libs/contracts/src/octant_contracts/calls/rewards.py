"""Calls that rewards answers: snapshots, budgets, matching, trees, withdrawals."""

from decimal import Decimal

import msgspec

from octant_contracts.calls.base import (
    LIVE,
    Call,
    Nothing,
    OfEpoch,
    OfUser,
    OfUserEpoch,
    PageOfEpoch,
)
from octant_contracts.calls.epochs import EpochInfo
from octant_contracts.events import (
    CHAIN_SYNC,
    EPOCHS,
    REWARDS,
    FinalizedSnapshotTaken,
    PendingSnapshotTaken,
)
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


class UpcomingBudget(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The budget if the current epoch ended now."""

    upcoming_budget: Wei


class EpochsEstimateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """GLM (wei) locked over whole future epochs."""

    number_of_epochs: Wei
    glm_amount: Wei


class EstimatedBudget(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    budget: Wei
    matched_funding: Wei


class DaysEstimateRequest(msgspec.Struct, frozen=True, kw_only=True):
    """GLM (wei) locked from now on for some days; what is negative earns nothing."""

    days: Wei
    glm_amount: Wei


class EstimatedBudgetByDays(msgspec.Struct, frozen=True):
    budget: Wei


class ProjectThreshold(msgspec.Struct, frozen=True):
    """None: the epoch's rules have no threshold."""

    threshold: Wei | None


class UnusedBudgets(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Who neither allocated nor was a patron, in address order, and what they left; paged."""

    addresses: list[Address]
    value: Wei
    next_cursor: int | None


class DepositTotals(msgspec.Struct, frozen=True, kw_only=True):
    """Of the pending snapshot."""

    total_effective_deposit: Wei
    locked_ratio: Decimal


USER_BUDGET = Call(
    REWARDS, "budget", OfUserEpoch, Budget, invalidated_by=(PendingSnapshotTaken,), final=True
)
BUDGETS = Call(
    REWARDS, "budgets", PageOfEpoch, Budgets, invalidated_by=(PendingSnapshotTaken,), final=True
)
ESTIMATED_PROJECT_REWARDS = Call(
    REWARDS,
    "estimated-project-rewards",
    Nothing,
    ProjectRewards,
    invalidated_by=LIVE,
)
PROJECT_REWARDS = Call(
    REWARDS,
    "project-rewards",
    OfEpoch,
    ProjectRewards,
    invalidated_by=LIVE,
    final=True,
)
LEVERAGE = Call(
    REWARDS,
    "leverage",
    OfEpoch,
    Leverage,
    invalidated_by=LIVE,
    final=True,
)
MERKLE_TREE = Call(
    REWARDS,
    "merkle-tree",
    PageOfEpoch,
    MerkleTreePage,
    invalidated_by=(FinalizedSnapshotTaken,),
    final=True,
)
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
UPCOMING_BUDGET = Call(
    REWARDS, "upcoming-budget", OfUser, UpcomingBudget, timeout=15.0, asks=(EPOCHS,)
)
ESTIMATED_BUDGET = Call(
    REWARDS, "estimated-budget", EpochsEstimateRequest, EstimatedBudget, asks=(CHAIN_SYNC,)
)
ESTIMATED_BUDGET_BY_DAYS = Call(
    REWARDS,
    "estimated-budget-by-days",
    DaysEstimateRequest,
    EstimatedBudgetByDays,
    timeout=15.0,
    asks=(CHAIN_SYNC, EPOCHS),
)
THRESHOLD = Call(
    REWARDS,
    "threshold",
    OfEpoch,
    ProjectThreshold,
    invalidated_by=LIVE,
    final=True,
)
UNUSED_BUDGETS = Call(
    REWARDS,
    "unused-budgets",
    PageOfEpoch,
    UnusedBudgets,
    invalidated_by=LIVE,
    final=True,
)
DEPOSIT_TOTALS = Call(
    REWARDS,
    "deposit-totals",
    OfEpoch,
    DepositTotals,
    invalidated_by=(PendingSnapshotTaken,),
    final=True,
)
