"""Calls that rewards answers: snapshots, budgets, matching, trees, withdrawals."""

from decimal import Decimal

import msgspec

from octant_contracts.calls.allocations import AllocationInput
from octant_contracts.calls.base import Call, Nothing, OfEpoch, OfUser, OfUserEpoch, PageOfEpoch
from octant_contracts.calls.epochs import EpochInfo
from octant_contracts.events import CHAIN_SYNC, EPOCHS, REWARDS
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


class SimulateLeverageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`uniqueness_quotient` weighs the user's new rows."""

    user: Address
    epoch: EpochNumber
    uniqueness_quotient: Decimal
    allocations: list[AllocationInput]


class MatchedProject(msgspec.Struct, frozen=True):
    address: Address
    value: Wei


class SimulatedLeverage(msgspec.Struct, frozen=True):
    """`leverage` is the decimal text of a double, `threshold` always null."""

    leverage: str
    threshold: None
    matched: list[MatchedProject]


class SimulatedSplit(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    staking_proceeds: Wei
    locked_ratio: str
    total_effective_deposit: Wei
    total_rewards: Wei
    vanilla_individual_rewards: Wei
    operational_cost: Wei
    community_fund: Wei
    ppf: Wei


class SimulatedDeposit(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    user_address: Address
    effective_deposit: Wei
    deposit: Wei


class SimulatedBudget(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    user_address: Address
    budget: Wei


class SimulationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`until` None is the head's time; later pages repeat the `as_of` of the first."""

    until: Timestamp | None = None
    cursor: int = 0


class PendingSimulation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The pending snapshot if the current epoch ended at `as_of`; both lists are paged."""

    rewards: SimulatedSplit
    user_deposits: list[SimulatedDeposit]
    user_budgets: list[SimulatedBudget]
    as_of: Timestamp
    next_cursor: int | None


class SimulatedProject(msgspec.Struct, frozen=True):
    address: Address
    amount: Wei
    matched: Wei


class SimulatedClaim(msgspec.Struct, frozen=True):
    address: Address
    amount: Wei


class FinalizedSimulationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`as_of` is the revision of the first page; a later one refuses when it has changed."""

    cursor: int = 0
    as_of: int | None = None


class FinalizedSimulation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The finalized snapshot if the window closed now; `user_rewards` are paged."""

    patrons_rewards: Wei
    matched_rewards: Wei
    projects_rewards: list[SimulatedProject]
    user_rewards: list[SimulatedClaim]
    total_withdrawals: Wei
    leftover: Wei
    merkle_root: Hex | None
    staking_matched_reserved_for_v2: Wei = msgspec.field(name="stakingMatchedReservedForV2")
    as_of: int
    next_cursor: int | None


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
THRESHOLD = Call(REWARDS, "threshold", OfEpoch, ProjectThreshold)
UNUSED_BUDGETS = Call(REWARDS, "unused-budgets", PageOfEpoch, UnusedBudgets)
DEPOSIT_TOTALS = Call(REWARDS, "deposit-totals", OfEpoch, DepositTotals)
SIMULATE_LEVERAGE = Call(REWARDS, "simulate-leverage", SimulateLeverageRequest, SimulatedLeverage)
SIMULATE_PENDING = Call(
    REWARDS,
    "simulate-pending-snapshot",
    SimulationRequest,
    PendingSimulation,
    timeout=15.0,
    asks=(CHAIN_SYNC, EPOCHS),
)
SIMULATE_FINALIZED = Call(
    REWARDS,
    "simulate-finalized-snapshot",
    FinalizedSimulationRequest,
    FinalizedSimulation,
    timeout=15.0,
)
