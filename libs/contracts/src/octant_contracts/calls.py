"""Calls: request, answer and owner of every operation that one service asks of another.

Answers of public operations have exactly the public JSON form (camelCase, wei as decimal
strings, EIP-55), so that the gateway can pass the bytes on. A call whose answer can pass
256 KB is paged: `Page` requests carry `cursor`, answers `nextCursor`.
"""

from typing import Generic, TypeVar

import msgspec

from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, REWARDS
from octant_contracts.values import Address, BlockRef, EpochNumber, Hex, Timestamp, Wei

Q = TypeVar("Q")
A = TypeVar("A")

PAGE = 1000  # rows per page: about 150 KB of JSON at most


class Call(Generic[Q, A]):
    """One operation of a service. `timeout` is the default deadline in seconds."""

    __slots__ = ("answer", "name", "request", "service", "subject", "timeout", "writes")

    def __init__(
        self,
        service: str,
        name: str,
        request: type[Q],
        answer: type[A],
        *,
        writes: bool = False,
        timeout: float = 5.0,
    ) -> None:
        self.service = service
        self.name = name
        self.request = request
        self.answer = answer
        self.writes = writes
        self.timeout = timeout
        self.subject = f"octant.calls.{service}.v1.{name}"

    def __repr__(self) -> str:
        return f"Call({self.service}.{self.name})"


class Nothing(msgspec.Struct, frozen=True):
    """The empty request."""


class OfEpoch(msgspec.Struct, frozen=True):
    epoch: EpochNumber


class OfUser(msgspec.Struct, frozen=True):
    user: Address


class OfUserEpoch(msgspec.Struct, frozen=True):
    user: Address
    epoch: EpochNumber


class PageOfEpoch(msgspec.Struct, frozen=True):
    epoch: EpochNumber
    cursor: int = 0


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a service's view of the chain has come; zeros before the first block."""

    head_number: int
    head_timestamp: Timestamp
    current_epoch: EpochNumber


# chain-sync


class ProjectsOfEpoch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    projects_addresses: list[Address]
    projects_cid: str


class ChainStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The chain as the node tells it now (None: no answer or wrong chain), and our index."""

    blockchain_height: int | None
    blockchain_epoch: EpochNumber | None
    window_open: bool | None
    indexed_height: int
    head_timestamp: Timestamp


class SmartContract(msgspec.Struct, frozen=True):
    name: str
    address: Address


class ChainInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    chain_name: str
    chain_id: int
    smart_contracts: list[SmartContract]


class ProceedsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Staking proceeds of [start, end), read at `block`."""

    epoch: EpochNumber
    start: Timestamp
    end: Timestamp
    block: int


class WeiAmount(msgspec.Struct, frozen=True):
    value: Wei


class SignatureCheck(msgspec.Struct, frozen=True):
    """Asks the chain whether a contract wallet accepts `signature` over `digest`."""

    user: Address
    digest: Hex
    signature: str


class Verdict(msgspec.Struct, frozen=True):
    valid: bool


PROJECTS_OF_EPOCH = Call(CHAIN_SYNC, "projects-of-epoch", OfEpoch, ProjectsOfEpoch)
CHAIN_STATUS = Call(CHAIN_SYNC, "status", Nothing, ChainStatus)
CHAIN_INFO = Call(CHAIN_SYNC, "info", Nothing, ChainInfo)
SYNC_TO_LATEST = Call(CHAIN_SYNC, "sync-to-latest", Nothing, BlockRef, timeout=10.0)
STAKING_PROCEEDS = Call(CHAIN_SYNC, "staking-proceeds", ProceedsRequest, WeiAmount, timeout=10.0)
LOCKED_GLM = Call(CHAIN_SYNC, "locked-glm", Nothing, WeiAmount)
CHECK_CONTRACT_SIGNATURE = Call(CHAIN_SYNC, "check-contract-signature", SignatureCheck, Verdict)


# epochs


class CurrentEpoch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    current_epoch: EpochNumber


class IndexedEpoch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    current_epoch: EpochNumber
    indexed_epoch: EpochNumber


class EpochInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`GET /epochs/info/{n}`: all fields always present, null where the state has none."""

    epoch: EpochNumber
    staking_proceeds: Wei
    total_effective_deposit: Wei
    total_rewards: Wei
    vanilla_individual_rewards: Wei
    operational_cost: Wei
    ppf: Wei | None
    community_fund: Wei | None
    total_withdrawals: Wei | None
    patrons_rewards: Wei | None
    matched_rewards: Wei | None
    leftover: Wei | None
    donated_to_projects: Wei | None
    staking_matched_reserved_for_v2: Wei = msgspec.field(name="stakingMatchedReservedForV2")


class EffectiveDepositAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    effective_deposit: Wei


class SettledDeposit(msgspec.Struct, frozen=True, kw_only=True):
    user: Address
    effective_deposit: Wei
    end_balance: Wei


class SettledDeposits(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in ascending byte order of the address."""

    deposits: list[SettledDeposit]
    next_cursor: int | None


CURRENT_EPOCH = Call(EPOCHS, "current", Nothing, CurrentEpoch)
INDEXED_EPOCH = Call(EPOCHS, "indexed", Nothing, IndexedEpoch)
EPOCH_INFO = Call(EPOCHS, "info", OfEpoch, EpochInfo, timeout=12.0)
EPOCHS_STATUS = Call(EPOCHS, "status", Nothing, ServiceStatus)
USER_DEPOSIT = Call(EPOCHS, "user-deposit", OfUserEpoch, EffectiveDepositAnswer)
ESTIMATED_DEPOSIT = Call(EPOCHS, "estimated-deposit", OfUser, EffectiveDepositAnswer)
SETTLED_DEPOSITS = Call(EPOCHS, "settled-deposits", PageOfEpoch, SettledDeposits)


# rewards


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


# allocations


class AllocationInput(msgspec.Struct, frozen=True):
    project: Address
    amount: Wei


class AllocateRequest(msgspec.Struct, frozen=True, kw_only=True):
    user: Address
    allocations: list[AllocationInput]
    nonce: Wei  # as large as the client likes: compared, never stored unless it fits
    signature: str
    is_manually_edited: bool


class EpochAllocationsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`as_of` (a sequence) pins the later pages to the state of the first."""

    epoch: EpochNumber
    include_zero_allocations: bool = False
    cursor: int = 0
    as_of: int | None = None


class EpochAllocation(msgspec.Struct, frozen=True):
    amount: Wei
    donor: Address
    project: Address


class EpochAllocations(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    allocations: list[EpochAllocation]
    next_cursor: int | None
    as_of: int


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """The epoch whose budgets may be allocated now; None while the window is closed."""

    pending_epoch: EpochNumber | None


class UserAllocation(msgspec.Struct, frozen=True):
    address: Address
    amount: Wei


class UserAllocations(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    allocations: list[UserAllocation]
    is_manually_edited: bool | None


class AllocationNonce(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    allocation_nonce: int


class PatronMode(msgspec.Struct, frozen=True):
    status: bool


class SetPatronMode(msgspec.Struct, frozen=True):
    user: Address
    signature: str


ALLOCATE = Call(ALLOCATIONS, "allocate", AllocateRequest, Nothing, writes=True)
ALLOCATION_WINDOW = Call(ALLOCATIONS, "window", Nothing, Window)
EPOCH_ALLOCATIONS = Call(ALLOCATIONS, "of-epoch", EpochAllocationsRequest, EpochAllocations)
USER_ALLOCATIONS = Call(ALLOCATIONS, "of-user", OfUserEpoch, UserAllocations)
ALLOCATION_NONCE = Call(ALLOCATIONS, "nonce", OfUser, AllocationNonce)
PATRON_MODE = Call(ALLOCATIONS, "patron-mode", OfUser, PatronMode)
SET_PATRON_MODE = Call(ALLOCATIONS, "set-patron-mode", SetPatronMode, PatronMode, writes=True)
ALLOCATIONS_STATUS = Call(ALLOCATIONS, "status", Nothing, ServiceStatus)

CALLS: tuple[Call, ...] = tuple(v for v in list(globals().values()) if isinstance(v, Call))  # type: ignore[type-arg]
