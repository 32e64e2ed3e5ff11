"""The calendar as pure decisions: what must be announced when the head moves."""

from collections.abc import Sequence

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
        span = bounds(props, epoch)
        events.append(
            EpochStarted(
                epoch=epoch,
                start=span.start,
                end=span.end,
                decision_window=span.decision_window,
            )
        )
        if epoch > 1:
            opens_at, closes_at = window_of(props, epoch - 1)
            open_window = WindowOpened(epoch=epoch - 1, opens_at=opens_at, closes_at=closes_at)
            events.append(open_window)
    if open_window is not None and timestamp > open_window.closes_at:
        events.append(_closed(open_window))
    return events


def _closed(window: WindowOpened) -> WindowClosed:
    return WindowClosed(epoch=window.epoch, closes_at=window.closes_at)
