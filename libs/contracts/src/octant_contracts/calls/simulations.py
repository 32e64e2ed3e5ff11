"""Calls that rewards answers about snapshots and allocations that are not made yet."""

from decimal import Decimal

import msgspec

from octant_contracts.calls.allocations import AllocationInput
from octant_contracts.calls.base import Call
from octant_contracts.events import CHAIN_SYNC, EPOCHS, REWARDS
from octant_contracts.values import Address, EpochNumber, Hex, Timestamp, Wei


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
