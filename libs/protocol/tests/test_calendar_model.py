"""The calendar against the contract itself, run second by second with props set on the way."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.calendar import (
    EpochProps,
    bounds,
    epoch_at,
    finalized_epoch,
    pending_epoch,
    window_of,
)

START = 1000
lengths = st.tuples(st.integers(1, 12), st.integers(0, 12)).map(lambda d: (d[0], min(d)))


@dataclass
class Contract:
    """The Epochs contract's own rules; `now` is the block's time."""

    entries: list[list[int]]  # from, to, fromTs, duration, decisionWindow
    now: int = START
    log: dict[int, tuple[int, int | None, int | None]] = field(default_factory=dict)

    def props(self) -> list[int]:
        newest = self.entries[-1]
        return self.entries[-2] if newest[2] > self.now else newest

    def current(self) -> int:
        first, last, since, duration, _ = self.props()
        return last or (self.now - since) // duration + first

    def is_open(self) -> bool:
        _, _, since, duration, window = self.props()
        return self.current() > 1 and (self.now - since) % duration <= window

    def finalized(self) -> int | None:
        current, is_open = self.current(), self.is_open()
        if current == 1 or (current == 2 and is_open):
            return None
        return current - 2 if is_open else current - 1

    def set_props(self, duration: int, window: int) -> None:
        newest = self.entries[-1]
        if newest[2] > self.now:  # set in this epoch already
            newest[3:] = [duration, window]
            return
        current = self.current()
        end = newest[2] + newest[3] * (1 + current - newest[0])
        newest[1] = current
        self.entries.append([current + 1, 0, end, duration, window])

    def tick(self) -> None:
        pending = self.current() - 1 if self.is_open() else None
        self.log[self.now] = (self.current(), pending, self.finalized())
        self.now += 1

    def as_props(self) -> list[EpochProps]:
        return [EpochProps(i, *entry) for i, entry in enumerate(self.entries)]


def run(
    first: tuple[int, int], changes: list[tuple[int, tuple[int, int]]], seconds: int = 80
) -> Contract:
    contract = Contract([[1, 0, START, *first]])
    for second in range(seconds):
        for at, lengths_then in changes:
            if at == second:
                contract.set_props(*lengths_then)
        contract.tick()
    return contract


@given(first=lengths, changes=st.lists(st.tuples(st.integers(0, 60), lengths), max_size=6))
def test_calendar__props_set_at_any_time__follows_the_contract_every_second(
    first: tuple[int, int], changes: list[tuple[int, tuple[int, int]]]
) -> None:
    contract = run(first, changes)
    props = contract.as_props()

    for second, (current, pending, finalized) in contract.log.items():
        assert epoch_at(props, second) == current
        assert pending_epoch(props, second) == pending
        assert finalized_epoch(props, second) == finalized
    assert epoch_at(props, START - 1) == 0
    assert pending_epoch(props, START - 1) is None
    assert finalized_epoch(props, START - 1) is None


@given(first=lengths, changes=st.lists(st.tuples(st.integers(0, 60), lengths), max_size=6))
def test_bounds_and_windows__props_set_at_any_time__are_the_seconds_seen(
    first: tuple[int, int], changes: list[tuple[int, tuple[int, int]]]
) -> None:
    contract = run(first, changes)
    props = contract.as_props()
    last = max(current for current, _, _ in contract.log.values())

    for epoch in range(1, last):  # the last one may have been cut off
        lived = [second for second, seen in contract.log.items() if seen[0] == epoch]
        limits = bounds(props, epoch)
        assert (limits.epoch, limits.start, limits.end) == (epoch, lived[0], lived[-1] + 1)
        assert limits.finalized_at == limits.end + limits.decision_window
        if epoch > 1:
            voting = [second for second in lived if contract.log[second][1] == epoch - 1]
            assert window_of(props, epoch - 1) == (voting[0], voting[-1])


@given(
    first=lengths,
    changes=st.lists(st.tuples(st.integers(0, 60), lengths), max_size=4),
    order=st.randoms(use_true_random=False),
    second=st.integers(-2, 70),
)
def test_calendar__entries_in_any_order__does_not_change(first, changes, order, second) -> None:
    props = run(first, changes).as_props()
    shuffled = list(props)
    order.shuffle(shuffled)

    for ask in (epoch_at, pending_epoch, finalized_epoch):
        assert ask(shuffled, START + second) == ask(props, START + second)
    assert bounds(shuffled, 3) == bounds(props, 3)


def test_epoch_at__entry_closed_and_the_next_not_known_yet__stays_in_its_last_epoch() -> None:
    closed = [EpochProps(0, 1, 2, START, 10, 5)]

    assert [epoch_at(closed, START + second) for second in (9, 10, 19, 20, 35)] == [1, 2, 2, 2, 2]


def test_bounds__before_the_first_epoch__says_which_epoch_is_missing() -> None:
    with pytest.raises(ValueError, match=r"^no epoch props cover epoch -3$"):
        bounds([EpochProps(0, 1, 0, START, 10, 5)], -3)
