"""What people signed, as allocations announces it."""

from decimal import Decimal
from typing import Literal

import msgspec

from octant_contracts.events.base import Event
from octant_contracts.values import Address, EpochNumber, Timestamp, Wei


class AllocationItem(msgspec.Struct, frozen=True, kw_only=True):
    project: Address
    amount: Wei


class Allocated(Event, frozen=True, kw_only=True):
    """A user's whole new set for the epoch; it replaces every earlier one."""

    sequence: int
    epoch: EpochNumber
    user: Address
    nonce: int
    time: Timestamp
    uniqueness_quotient: Decimal
    is_manually_edited: bool | None
    allocations: list[AllocationItem]


class PatronModeSet(Event, frozen=True, kw_only=True):
    """`revoked_epoch`: the open epoch whose live allocations of the user ended with this."""

    sequence: int
    user: Address
    enabled: bool
    time: Timestamp
    revoked_epoch: EpochNumber | None


class UqScoreSet(Event, frozen=True, kw_only=True):
    epoch: EpochNumber
    user: Address
    score: Decimal


class AllocationsSealed(Event, frozen=True, kw_only=True):
    """The window is closed: the live allocations, in order, and the patrons are frozen."""

    epoch: EpochNumber
    last_sequence: int
    count: int
    digest: str
    patrons_count: int
    patrons_digest: str


class TosAccepted(Event, frozen=True, kw_only=True):
    user: Address
    time: Timestamp


class ScoreDelegated(Event, frozen=True, kw_only=True):
    """The user's antisybil score changed. Whose score it is stays a secret of the two."""

    user: Address
    time: Timestamp


MultisigType = Literal["tos", "allocation"]


class MultisigChanged(Event, frozen=True, kw_only=True):
    """What became of a message that a contract wallet's owners sign; failed: it waited too long."""

    user: Address
    type: MultisigType
    status: Literal["pending", "approved", "rejected", "failed"]
