"""The calendar and settled deposits, as epochs announces them."""

from octant_contracts.events.base import Event
from octant_contracts.values import BlockRef, EpochNumber, Timestamp, Wei


class EpochStarted(Event, frozen=True, kw_only=True):
    """First indexed block of an epoch."""

    epoch: EpochNumber
    start: Timestamp
    end: Timestamp
    decision_window: int


class EpochEnded(Event, frozen=True, kw_only=True):
    epoch: EpochNumber
    end: Timestamp


class WindowOpened(Event, frozen=True, kw_only=True):
    """People may allocate the budgets of `epoch` until `closes_at` (inclusive)."""

    epoch: EpochNumber
    opens_at: Timestamp
    closes_at: Timestamp


class WindowClosed(Event, frozen=True, kw_only=True):
    epoch: EpochNumber
    closes_at: Timestamp


class DepositsSettled(Event, frozen=True, kw_only=True):
    """Effective deposits of an epoch are final; rows are read with `epochs.deposits`."""

    epoch: EpochNumber
    start: Timestamp
    end: Timestamp
    finalized_at: Timestamp
    to_block: BlockRef
    total_effective_deposit: Wei
    count: int
    digest: str
