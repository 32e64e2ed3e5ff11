"""The chain's calendar: starts, ends and decision windows of epochs from the props entries."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EpochProps:
    """One entry of the contract's `epochProps`; `to_epoch` 0 means open-ended.

    Valid for epochs `from_epoch`…`to_epoch`; `from_ts` is the start of `from_epoch`.
    """

    index: int
    from_epoch: int
    to_epoch: int
    from_ts: int
    duration: int
    decision_window: int


@dataclass(frozen=True, slots=True)
class EpochBounds:
    """An epoch [start, end) with the decision window stored in its own row (seconds)."""

    epoch: int
    start: int
    end: int
    decision_window: int

    @property
    def finalized_at(self) -> int:
        """The instant at which patron mode is evaluated (inclusive)."""
        return self.end + self.decision_window


def _entry_of_epoch(props: Sequence[EpochProps], epoch: int) -> EpochProps:
    # Entries are contiguous, so the newest one that has begun covers the epoch; not reading
    # `to_epoch` keeps this right while an entry's end is not known yet.
    begun = [entry for entry in props if entry.from_epoch <= epoch]
    if not begun:
        raise ValueError(f"no epoch props cover epoch {epoch}")
    return max(begun, key=lambda entry: entry.index)


def _entry_at(props: Sequence[EpochProps], timestamp: int) -> EpochProps | None:
    started = [entry for entry in props if entry.from_ts <= timestamp]
    return max(started, key=lambda entry: entry.index) if started else None


def bounds(props: Sequence[EpochProps], epoch: int) -> EpochBounds:
    """Bounds of any epoch ≥ 1, past or future. Raises `ValueError` if no entry covers it.

    Source: Epochs contract, calendar of any epoch from the props entries.
    """
    entry = _entry_of_epoch(props, epoch)
    start = entry.from_ts + (epoch - entry.from_epoch) * entry.duration
    return EpochBounds(epoch, start, start + entry.duration, entry.decision_window)


def epoch_at(props: Sequence[EpochProps], timestamp: int) -> int:
    """Current epoch at chain time `timestamp`; 0 before the start. Source: getCurrentEpoch."""
    entry = _entry_at(props, timestamp)
    if entry is None:
        return 0
    epoch = (timestamp - entry.from_ts) // entry.duration + entry.from_epoch
    return min(epoch, entry.to_epoch) if entry.to_epoch else epoch


def window_of(props: Sequence[EpochProps], epoch: int) -> tuple[int, int]:
    """(first, last) open second of the window that votes on `epoch`, both inclusive.

    It lies at the start of `epoch + 1` and has that epoch's length. Source: isDecisionWindowOpen.
    """
    voting = bounds(props, epoch + 1)
    return voting.start, min(voting.start + voting.decision_window, voting.end - 1)


def pending_epoch(props: Sequence[EpochProps], timestamp: int) -> int | None:
    """The epoch being voted on, None while no window is open. Source: getPendingEpoch."""
    epoch = epoch_at(props, timestamp) - 1
    if epoch < 1:
        return None
    return epoch if timestamp <= window_of(props, epoch)[1] else None


def finalized_epoch(props: Sequence[EpochProps], timestamp: int) -> int | None:
    """The newest epoch whose window is over, None if there is none. Source: getFinalizedEpoch."""
    newest = epoch_at(props, timestamp) - 1
    if pending_epoch(props, timestamp) is not None:
        newest -= 1
    return newest if newest >= 1 else None
