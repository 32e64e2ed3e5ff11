"""What a user did, item by item: the shape that every service with a part of it answers.

Items come newest first in one order: by (timestamp, type, amount, transaction hash), all
descending. `HistoryItem` has exactly the public JSON form.
"""

import msgspec

from octant_contracts.values import Address, EpochNumber, Hex, Timestamp, Wei

LOCK = "lock"
UNLOCK = "unlock"
WITHDRAWAL = "withdrawal"
ALLOCATION = "allocation"
PATRON_MODE_DONATION = "patron_mode_donation"


class HistoryAllocation(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    project_address: Address
    amount: Wei


class HistoryEventData(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """All fields always present, null where the type has none."""

    amount: Wei | None = None
    transaction_hash: Hex | None = None
    epoch: EpochNumber | None = None
    is_manually_edited: bool | None = None
    leverage: str | None = None
    allocations: list[HistoryAllocation] | None = None


class HistoryItem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`timestamp`: decimal text of unix seconds."""

    type: str
    timestamp: str
    event_data: HistoryEventData


class HistoryPosition(msgspec.Struct, frozen=True, kw_only=True):
    """Where an item stands in the order; `place` tells full ties of its service apart."""

    timestamp: Timestamp
    type: str
    amount: Wei
    transaction_hash: Hex
    place: tuple[int, int]


class HistoryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` items at or before `until` (None: all), after the position `after`,
    without the first `skip` of them."""

    user: Address
    limit: int
    until: Timestamp | None = None
    after: HistoryPosition | None = None
    skip: int = 0


class HistoryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Maybe fewer items than asked for; `following` is the next `after`, None at the end."""

    items: list[HistoryItem]
    following: HistoryPosition | None


class HistoryCountsRequest(msgspec.Struct, frozen=True, kw_only=True):
    user: Address
    until: Timestamp


class HistoryCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many items of one type a second has."""

    timestamp: Timestamp
    type: str
    count: int


class HistoryCounts(msgspec.Struct, frozen=True, kw_only=True):
    """In the order of the items; the newest `PAGE` at or before `until`."""

    counts: list[HistoryCount]
