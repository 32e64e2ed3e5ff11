"""What is announced when the head moves: once each, in order, also when time jumps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_contracts.events import EpochEnded, EpochStarted, Event, WindowClosed, WindowOpened
from octant_epochs.calendar.model import View, announcements
from octant_protocol.calendar import EpochProps

START = 1_000_000
BASE = EpochProps(0, 1, 0, START, 5_000, 2_000)


def follow(props, timestamps) -> list[Event]:
    """Announcements of one head after the other, remembered as the service remembers them."""
    said: list[Event] = []
    for timestamp in timestamps:
        started = max((e.epoch for e in said if isinstance(e, EpochStarted)), default=0)
        closed = {e.epoch for e in said if isinstance(e, WindowClosed)}
        windows = [e for e in said if isinstance(e, WindowOpened) and e.epoch not in closed]
        assert len(windows) <= 1
        said += announcements(props, started, windows[0] if windows else None, timestamp)
    return said


def started(epoch: int, offset: int, duration: int = 5_000, window: int = 2_000) -> EpochStarted:
    start = START + offset
    return EpochStarted(epoch=epoch, start=start, end=start + duration, decision_window=window)


def ended(epoch: int, offset: int) -> EpochEnded:
    return EpochEnded(epoch=epoch, end=START + offset)


def opened(epoch: int, opens: int, closes: int) -> WindowOpened:
    return WindowOpened(epoch=epoch, opens_at=START + opens, closes_at=START + closes)


def closed(epoch: int, closes: int) -> WindowClosed:
    return WindowClosed(epoch=epoch, closes_at=START + closes)


FIRST_THREE = [
    started(1, 0),
    ended(1, 5_000),
    started(2, 5_000),
    opened(1, 5_000, 7_000),
    closed(1, 7_000),
    ended(2, 10_000),
    started(3, 10_000),
    opened(2, 10_000, 12_000),
]


@pytest.mark.parametrize(
    ("offset", "count"),
    [(-1, 0), (0, 1), (4_999, 1), (5_000, 4), (7_000, 4), (7_001, 5), (10_000, 8), (12_000, 8)],
)
def test_announcements__head_at_an_edge__reach_exactly_so_far(offset: int, count: int) -> None:
    assert follow([BASE], [START + offset]) == FIRST_THREE[:count]


def test_announcements__second_head_in_the_same_state__says_nothing_new() -> None:
    assert follow([BASE], [START + 5_100, START + 5_100, START + 6_900]) == FIRST_THREE[:4]


def test_announcements__time_jumps_over_several_epochs__each_is_announced_in_order() -> None:
    assert follow([BASE], [START + 10, START + 12_001]) == [*FIRST_THREE, closed(2, 12_000)]


def test_announcements__window_as_long_as_the_epoch__closes_when_the_next_begins() -> None:
    props = [EpochProps(0, 1, 0, START, 600, 600)]

    assert follow(props, [START + 600, START + 1_199]) == [
        started(1, 0, 600, 600),
        ended(1, 600),
        started(2, 600, 600, 600),
        opened(1, 600, 1_199),
    ]
    assert follow(props, [START + 1_199, START + 1_200])[4:] == [
        closed(1, 1_199),
        ended(2, 1_200),
        started(3, 1_200, 600, 600),
        opened(2, 1_200, 1_799),
    ]


def test_announcements__props_set_in_epoch_1__shape_epoch_2_and_its_window() -> None:
    # The scenario "set(duration 3000, window 1000) in epoch 1" of the Epochs contract.
    before = [BASE]
    after = [
        EpochProps(0, 1, 1, START, 5_000, 2_000),
        EpochProps(1, 2, 0, START + 5_000, 3_000, 1_000),
    ]
    first = announcements(before, 0, None, START + 100)

    assert first == [started(1, 0)]
    assert announcements(after, 1, None, START + 8_100) == [
        ended(1, 5_000),
        started(2, 5_000, 3_000, 1_000),
        opened(1, 5_000, 6_000),
        closed(1, 6_000),
        ended(2, 8_000),
        started(3, 8_000, 3_000, 1_000),
        opened(2, 8_000, 9_000),
    ]


def test_announcements__head_reverted_below_an_announcement__do_not_repeat_it() -> None:
    assert follow([BASE], [START + 5_000, START + 4_990, START + 5_001]) == FIRST_THREE[:4]


def test_announcements__without_props__are_none() -> None:
    assert announcements([], 0, None, START) == []


@given(
    duration=st.integers(1, 50),
    window=st.integers(0, 50),
    steps=st.lists(st.integers(0, 120), min_size=1, max_size=30),
)
def test_announcements__in_steps_or_in_one_jump__are_the_same(
    duration: int, window: int, steps: list[int]
) -> None:
    props = [EpochProps(0, 1, 0, START, duration, min(window, duration))]
    times = [START - 10 + sum(steps[: n + 1]) for n in range(len(steps))]

    assert follow(props, times) == follow(props, times[-1:])


def test_view__before_the_start__is_in_epoch_0() -> None:
    assert View(number=1, timestamp=START - 1, props=(BASE,)).current_epoch == 0
    assert View(number=1, timestamp=START, props=(BASE,)).current_epoch == 1
    assert View(number=1, timestamp=START, props=()).current_epoch == 0
