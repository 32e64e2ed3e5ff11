"""The calendar as pure decisions: what must be announced when the head moves."""

from collections.abc import Iterable, Sequence

import msgspec
from octant_contracts.events import EpochEnded, EpochStarted, Event, WindowClosed, WindowOpened
from octant_contracts.values import BlockNumber, EpochNumber, Timestamp
from octant_protocol.calendar import EpochProps, bounds, epoch_at, window_of


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The chain as indexed: its head and the calendar that is valid there."""

    number: BlockNumber
    timestamp: Timestamp
    props: tuple[EpochProps, ...]

    @property
    def current_epoch(self) -> EpochNumber:
        """0 before the start."""
        return epoch_at(self.props, self.timestamp)


class Announced(msgspec.Struct, frozen=True, kw_only=True):
    """What was said last of an epoch whose window was not announced as closed."""

    started: EpochStarted
    ended: bool
    window: WindowOpened | None
    settled: bool


def corrections(props: Sequence[EpochProps], announced: Iterable[Announced]) -> list[Event]:
    """Announcements that `props` say otherwise now, again and as they are now."""
    # Only a reorganisation changes the calendar of an epoch that has started. Others hold the
    # bounds we told them, so the new ones are told at once, also when they are in the future:
    # an opening that lies ahead of the head closes the window again. A closed window is left
    # alone, because allocations seals in the transaction that learns of the closing and
    # nothing opens a seal; so is a settled epoch, because rewards counts with its bounds.
    events: list[Event] = []
    for said in announced:
        epoch = said.started.epoch
        started = _started(props, epoch)
        if not said.settled and started != said.started:
            events.append(started)
            if said.ended and started.end != said.started.end:
                events.append(EpochEnded(epoch=epoch, end=started.end))
        if said.window is not None and (window := _opened(props, epoch)) != said.window:
            events.append(window)
    return events


def announcements(
    props: Sequence[EpochProps],
    started: EpochNumber,
    open_window: WindowOpened | None,
    timestamp: Timestamp,
) -> list[Event]:
    """What has happened by chain time `timestamp` and was not announced, in order.

    `started` is the last epoch announced as started (0: none), `open_window` the window
    announced as open and not yet as closed. Time may have jumped over whole epochs.
    """
    events: list[Event] = []
    for epoch in range(started + 1, epoch_at(props, timestamp) + 1):
        if open_window is not None:
            events.append(_closed(open_window))
            open_window = None
        if epoch > 1:
            events.append(EpochEnded(epoch=epoch - 1, end=bounds(props, epoch - 1).end))
        events.append(_started(props, epoch))
        if epoch > 1:
            open_window = _opened(props, epoch - 1)
            events.append(open_window)
    if open_window is not None and timestamp > open_window.closes_at:
        events.append(_closed(open_window))
    return events


def _started(props: Sequence[EpochProps], epoch: EpochNumber) -> EpochStarted:
    span = bounds(props, epoch)
    return EpochStarted(
        epoch=epoch, start=span.start, end=span.end, decision_window=span.decision_window
    )


def _opened(props: Sequence[EpochProps], epoch: EpochNumber) -> WindowOpened:
    opens_at, closes_at = window_of(props, epoch)
    return WindowOpened(epoch=epoch, opens_at=opens_at, closes_at=closes_at)


def _closed(window: WindowOpened) -> WindowClosed:
    return WindowClosed(epoch=window.epoch, closes_at=window.closes_at)
