"""The `data` of the feed's topics; where it is an operation's body, that operation's own type."""

from typing import Literal

from msgspec import Struct
from octant_contracts.calls import (
    AntisybilStatus,
    PendingMultisig,
    ProjectDonor,
    ProjectRewardsRow,
)
from octant_contracts.values import Address, BlockNumber, Decimal, EpochNumber, Hex, Timestamp, Wei

from octant_gateway.answers import SyncStatus
from octant_gateway.realtime.payloads import AddressText, WeiText


class Epoch(Struct, frozen=True, kw_only=True, rename="camel"):
    """The current epoch: unix seconds, and the length of its window."""

    current_epoch: EpochNumber
    starts_at: Timestamp
    ends_at: Timestamp
    decision_window: int


class Window(Struct, frozen=True, kw_only=True, rename="camel"):
    """The allocation window of `pendingEpoch`; `closesAt` also of the last one."""

    pending_epoch: EpochNumber | None
    state: Literal["open", "closed"]
    closes_at: Timestamp | None


class SnapshotState(Struct, frozen=True):
    """The last epoch that has one (0: none), and what /info/sync-status tells."""

    epoch: EpochNumber
    state: str


class Snapshots(Struct, frozen=True):
    """How far the snapshots are."""

    pending: SnapshotState
    finalized: SnapshotState


class Sync(SyncStatus, frozen=True, kw_only=True, rename="camel"):
    """GET /info/sync-status, and the block each service has come to; null: it does not answer."""

    heights: dict[str, BlockNumber | None]


class Block(Struct, frozen=True):
    """The indexed head, and the last block that is final."""

    number: BlockNumber
    hash: Hex
    timestamp: Timestamp
    final: BlockNumber


class Rewards(Struct, frozen=True, kw_only=True, rename="camel"):
    """What the projects get, or would get if the window closed now."""

    epoch: EpochNumber
    rewards: list[ProjectRewardsRow]
    leverage: float
    total_allocated: Wei
    donors: int


class LeverageNow(Struct, frozen=True, kw_only=True, rename="camel"):
    """The sums of `project.rewards`."""

    epoch: EpochNumber
    leverage: float
    total_allocated: Wei
    donors: int
    matched: Wei


class DonorsOf(Struct, frozen=True):
    """Who allocates to a project, zero amounts included, oldest first."""

    project: Address
    donors: list[ProjectDonor]


class BudgetOf(Struct, frozen=True, kw_only=True, rename="camel"):
    """The budget if the epoch ended now, and that of the last epoch that has budgets."""

    upcoming_budget: Wei | None
    epoch: EpochNumber | None
    budget: Wei | None


class Uniqueness(Struct, frozen=True, kw_only=True, rename="camel"):
    """The quotient of the epoch whose window is open or comes next."""

    epoch: EpochNumber
    uniqueness_quotient: Decimal
    antisybil: AntisybilStatus | None


class Multisig(Struct, frozen=True):
    """What waits for the signatures of a contract wallet's owners."""

    tos: PendingMultisig
    allocation: PendingMultisig


class Gift(Struct, frozen=True):
    """To one project."""

    project: AddressText
    amount: WeiText


class Change(Struct, frozen=True, kw_only=True):
    """Replaces everything the donor has in the epoch. Nulls: a snapshot does not know."""

    donor: AddressText
    allocations: list[Gift]
    epoch: EpochNumber
    nonce: int | None
    sequence: int | None
    revoked: bool


class OwnChange(Change, frozen=True, kw_only=True, rename="camel"):
    """A change, with what its user wants to know; `nextNonce` null: as before."""

    next_nonce: int | None
    is_manually_edited: bool | None


class Changes(Struct, frozen=True):
    """Of `epoch.allocations`, in their order."""

    changes: list[Change]


class OwnChanges(Struct, frozen=True):
    """Of `allocation.{user}`, in their order."""

    changes: list[OwnChange]
