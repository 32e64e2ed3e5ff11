"""Calls that allocations answers about users: consents, patrons, scores, delegation, multisig."""

from decimal import Decimal

import msgspec

from octant_contracts.calls.allocations import AllocationInput
from octant_contracts.calls.base import Call, Nothing, OfUser, OfUserEpoch
from octant_contracts.events import (
    ALLOCATIONS,
    EPOCHS,
    Allocated,
    AllocationsSealed,
    MultisigType,
    PatronModeSet,
    PendingSnapshotTaken,
    UqScoreSet,
)
from octant_contracts.values import Address, EpochNumber, Hex, Wei


class Consent(msgspec.Struct, frozen=True):
    """Whether the user accepted the terms of service."""

    accepted: bool


class AcceptTerms(msgspec.Struct, frozen=True, kw_only=True):
    """`ip` is kept in the service's own table and goes nowhere else."""

    user: Address
    signature: str
    ip: str


class PatronsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`as_of` (a sequence) pins the later pages to the state of the first."""

    epoch: EpochNumber
    cursor: int = 0
    as_of: int | None = None


class Patrons(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Patrons of the epoch with a budget, by EIP-55 text."""

    patrons: list[Address]
    next_cursor: int | None
    as_of: int


class AntisybilStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`score` is a double's text, `expires_at` unix seconds as text."""

    status: str
    score: str
    expires_at: str
    is_on_time_out_list: bool


class AntisybilAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`stale_for`: seconds since the last good refresh when that should be repeated, else None."""

    status: AntisybilStatus
    stale_for: int | None


class UniquenessQuotient(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    uniqueness_quotient: Decimal


class UniquenessAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`stale_for` as in `AntisybilAnswer`; None for a quotient that is frozen."""

    quotient: UniquenessQuotient
    stale_for: int | None


class QuotientsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`as_of` (a sequence) pins the later pages to the rows of the first."""

    epoch: EpochNumber
    cursor: int = 0
    as_of: int | None = None


class UserQuotient(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    user_address: Address
    uniqueness_quotient: Decimal


class Quotients(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Stored quotients of an epoch, oldest first."""

    uqs_info: list[UserQuotient]
    next_cursor: int | None
    as_of: int


class DelegationPair(msgspec.Struct, frozen=True, kw_only=True):
    primary: Address
    secondary: Address


class DelegateScore(msgspec.Struct, frozen=True, kw_only=True):
    """The secondary gives its score to the primary; both signed the same text."""

    primary: Address
    secondary: Address
    primary_signature: str
    secondary_signature: str


class AmongAddresses(msgspec.Struct, frozen=True):
    addresses: list[Address]


class MultisigPayload(msgspec.Struct, frozen=True, kw_only=True):
    """What the owners of a contract wallet allocate."""

    allocations: list[AllocationInput]
    nonce: Wei
    is_manually_edited: bool


class RegisterMultisig(msgspec.Struct, frozen=True, kw_only=True):
    """A text for the terms of service, a payload for an allocation; `ip` as in `AcceptTerms`."""

    user: Address
    type: MultisigType
    message: str | None
    payload: MultisigPayload | None
    ip: str


class OfUserType(msgspec.Struct, frozen=True):
    user: Address
    type: MultisigType


class PendingMultisig(msgspec.Struct, frozen=True):
    """The newest pending message and the hash of it; both None without one."""

    message: str | None
    hash: Hex | None


CONSENT = Call(ALLOCATIONS, "consent", OfUser, Consent)
ACCEPT_TERMS = Call(ALLOCATIONS, "accept-terms", AcceptTerms, Consent, writes=True)
PATRONS = Call(
    ALLOCATIONS,
    "patrons",
    PatronsRequest,
    Patrons,
    invalidated_by=(PendingSnapshotTaken, PatronModeSet, AllocationsSealed),
    final=True,
)
ANTISYBIL_STATUS = Call(ALLOCATIONS, "antisybil-status", OfUser, AntisybilAnswer)
# Longer than the score provider gets.
REFRESH_ANTISYBIL = Call(
    ALLOCATIONS, "refresh-antisybil", OfUser, Nothing, writes=True, timeout=20.0, asks=(EPOCHS,)
)
UNIQUENESS_QUOTIENT = Call(ALLOCATIONS, "uniqueness-quotient", OfUserEpoch, UniquenessAnswer)
QUOTIENTS = Call(
    ALLOCATIONS,
    "uniqueness-quotients",
    QuotientsRequest,
    Quotients,
    invalidated_by=(Allocated, UqScoreSet),
    final=True,
)
DELEGATE_SCORE = Call(
    ALLOCATIONS,
    "delegate-score",
    DelegateScore,
    Nothing,
    writes=True,
    timeout=30.0,
    asks=(EPOCHS,),
)
RECALCULATE_SCORE = Call(ALLOCATIONS, "recalculate-score", DelegationPair, Nothing)
FIND_DELEGATION = Call(ALLOCATIONS, "find-delegation", AmongAddresses, DelegationPair)
PENDING_MULTISIG = Call(ALLOCATIONS, "pending-multisig", OfUserType, PendingMultisig)
REGISTER_MULTISIG = Call(
    ALLOCATIONS, "register-multisig", RegisterMultisig, Nothing, writes=True, timeout=20.0
)
APPROVE_MULTISIGS = Call(
    ALLOCATIONS, "approve-multisigs", Nothing, Nothing, writes=True, timeout=30.0
)
