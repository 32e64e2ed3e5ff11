"""Calls that allocations answers: allocating, what is allocated, patron mode."""

from decimal import Decimal

import msgspec

from octant_contracts.calls.base import Call, Nothing, OfUser, OfUserEpoch, ServiceStatus
from octant_contracts.calls.history import (
    HistoryCounts,
    HistoryCountsRequest,
    HistoryPage,
    HistoryRequest,
)
from octant_contracts.events import ALLOCATIONS, Allocated, PatronModeSet
from octant_contracts.values import Address, EpochNumber, Wei


class AllocationInput(msgspec.Struct, frozen=True):
    project: Address
    amount: Wei


class AllocateRequest(msgspec.Struct, frozen=True, kw_only=True):
    user: Address
    allocations: list[AllocationInput]
    nonce: Wei  # as large as the client likes: compared, never stored unless it fits
    signature: str
    is_manually_edited: bool


class StoredRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Names an allocation request by what its sender knows of it."""

    user: Address
    nonce: Wei
    signature: str


class RequestStored(msgspec.Struct, frozen=True):
    stored: bool


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


class EpochDonorsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`as_of` (a sequence) pins the later pages to the state of the first."""

    epoch: EpochNumber
    cursor: int = 0
    as_of: int | None = None


class EpochDonors(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Users with a live row of the epoch, zero amounts included, oldest row first."""

    donors: list[Address]
    next_cursor: int | None
    as_of: int


class ProjectDonorsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`as_of` (a sequence) pins the later pages to the state of the first."""

    project: Address
    epoch: EpochNumber
    cursor: int = 0
    as_of: int | None = None


class ProjectDonor(msgspec.Struct, frozen=True):
    address: Address
    amount: Wei


class ProjectDonors(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Live rows to a project, zero amounts included, oldest first."""

    donors: list[ProjectDonor]
    next_cursor: int | None
    as_of: int


class AllocationTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What an allocation of the user would be weighed with if it came now.

    `epoch` None while the window is closed; then the quotient is None, too.
    """

    epoch: EpochNumber | None
    uniqueness_quotient: Decimal | None


ALLOCATE = Call(ALLOCATIONS, "allocate", AllocateRequest, Nothing, writes=True)
REQUEST_STORED = Call(ALLOCATIONS, "request-stored", StoredRequest, RequestStored)
ALLOCATION_WINDOW = Call(ALLOCATIONS, "window", Nothing, Window)
EPOCH_ALLOCATIONS = Call(
    ALLOCATIONS,
    "of-epoch",
    EpochAllocationsRequest,
    EpochAllocations,
    invalidated_by=(Allocated, PatronModeSet),
    final=True,
)
USER_ALLOCATIONS = Call(
    ALLOCATIONS,
    "of-user",
    OfUserEpoch,
    UserAllocations,
)
ALLOCATION_NONCE = Call(ALLOCATIONS, "nonce", OfUser, AllocationNonce)
PATRON_MODE = Call(ALLOCATIONS, "patron-mode", OfUser, PatronMode)
SET_PATRON_MODE = Call(ALLOCATIONS, "set-patron-mode", SetPatronMode, PatronMode, writes=True)
EPOCH_DONORS = Call(
    ALLOCATIONS,
    "donors-of-epoch",
    EpochDonorsRequest,
    EpochDonors,
    invalidated_by=(Allocated, PatronModeSet),
    final=True,
)
PROJECT_DONORS = Call(
    ALLOCATIONS,
    "donors-of-project",
    ProjectDonorsRequest,
    ProjectDonors,
    invalidated_by=(Allocated, PatronModeSet),
    final=True,
)
ALLOCATION_TERMS = Call(ALLOCATIONS, "terms", OfUser, AllocationTerms)
ALLOCATIONS_HISTORY = Call(ALLOCATIONS, "history", HistoryRequest, HistoryPage)
ALLOCATIONS_HISTORY_COUNTS = Call(
    ALLOCATIONS, "history-counts", HistoryCountsRequest, HistoryCounts
)
ALLOCATIONS_STATUS = Call(ALLOCATIONS, "status", Nothing, ServiceStatus)
