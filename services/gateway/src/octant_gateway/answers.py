"""Public answers that differ from those of the calls; all others are the call's own struct."""

import msgspec
from octant_contracts.calls import (
    BudgetRow,
    EpochAllocation,
    HistoryItem,
    MerkleLeaf,
    ProjectDetails,
    SablierStream,
    SimulatedBudget,
    SimulatedClaim,
    SimulatedDeposit,
    SimulatedProject,
    SimulatedSplit,
    UserQuotient,
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


class PatronsOfEpoch(msgspec.Struct, frozen=True):
    patrons: list[Address]


class QuotientsOfEpoch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    uqs_info: list[UserQuotient]


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


class ProjectsDetails(msgspec.Struct, frozen=True, rename="camel"):
    projects_details: list[ProjectDetails]


class Streams(msgspec.Struct, frozen=True, rename="camel"):
    sablier_streams: list[SablierStream]


class History(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`next_cursor` is null on the last page."""

    history: list[HistoryItem]
    next_cursor: str | None


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


class Config(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`contracts` by name; URLs that are null are not offered."""

    chain_id: int
    chain_name: str
    contracts: dict[str, Address]
    socket_url: str
    feed_url: str | None
    graphql_url: str | None
    version: str


class Version(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    env: str
    chain: str
