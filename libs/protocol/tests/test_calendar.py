"""The chain's calendar: the contract's documented assertions, from offsets of the start."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.calendar import (
    EpochBounds,
    EpochProps,
    bounds,
    epoch_at,
    finalized_epoch,
    pending_epoch,
    window_of,
)

START = 1_700_000_000
BASE = [EpochProps(0, 1, 0, START, 5000, 2000)]
# Duration 3000 with window 1000 from epoch 2, then 10000 with 6000 from epoch 4.
CHANGED = [
    EpochProps(0, 1, 1, START, 5000, 2000),
    EpochProps(1, 2, 3, START + 5000, 3000, 1000),
    EpochProps(2, 4, 0, START + 11000, 10000, 6000),
]


@pytest.mark.parametrize(
    ("offset", "epoch"),
    [(-1, 0), (0, 1), (100, 1), (4900, 1), (5100, 2), (9900, 2), (10100, 3)],
)
def test_epoch_at__base_props__counts_from_the_start(offset: int, epoch: int) -> None:
    assert epoch_at(BASE, START + offset) == epoch


@pytest.mark.parametrize(
    ("offset", "pending"),
    [
        (0, None),
        (4900, None),
        (5000, 1),
        (6900, 1),
        (7000, 1),
        (7001, None),
        (7100, None),
        (10100, 2),
        (11900, 2),
        (12100, None),
    ],
)
def test_pending_epoch__base_props__is_open_up_to_the_inclusive_bound(
    offset: int, pending: int | None
) -> None:
    assert pending_epoch(BASE, START + offset) == pending


@pytest.mark.parametrize(
    ("offset", "finalized"),
    [
        (4900, None),
        (6900, None),
        (7100, 1),
        (11900, 1),
        (12100, 2),
        (16900, 2),
        (17100, 3),
    ],
)
def test_finalized_epoch__base_props__lags_while_the_window_is_open(
    offset: int, finalized: int | None
) -> None:
    assert finalized_epoch(BASE, START + offset) == finalized


@pytest.mark.parametrize(
    ("offset", "epoch", "is_open", "end"),
    [
        (4900, 1, False, 5000),
        (5100, 2, True, 8000),
        (6100, 2, False, 8000),
        (8100, 3, True, 11000),
        (8900, 3, True, 11000),
        (9100, 3, False, 11000),
        (11100, 4, True, 21000),
        (16900, 4, True, 21000),
        (17100, 4, False, 21000),
        (21100, 5, True, 31000),
    ],
)
def test_calendar__props_set_twice__follows_the_scenario(
    offset: int, epoch: int, is_open: bool, end: int
) -> None:
    timestamp = START + offset

    assert epoch_at(CHANGED, timestamp) == epoch
    assert (pending_epoch(CHANGED, timestamp) is not None) is is_open
    assert bounds(CHANGED, epoch).end == START + end


def test_calendar__two_sets_in_one_epoch__last_wins() -> None:
    props = [
        EpochProps(0, 1, 1, START, 5000, 2000),
        EpochProps(1, 2, 0, START + 5000, 12000, 6000),
    ]

    assert pending_epoch(props, START + 5100) == 1
    assert bounds(props, 2).end == START + 17000
    assert pending_epoch(props, START + 11100) is None
    assert epoch_at(props, START + 17100) == 3
    assert bounds(props, 3).end == START + 29000


def test_calendar__window_as_long_as_the_epoch__never_closes_from_epoch_2() -> None:
    props = [EpochProps(0, 1, 0, START, 600, 600)]

    assert window_of(props, 1) == (START + 600, START + 1199)
    assert pending_epoch(props, START + 1199) == 1
    assert pending_epoch(props, START + 1200) == 2
    assert finalized_epoch(props, START + 1200) == 1


def test_window_of__props_change__uses_the_voting_epoch() -> None:
    assert window_of(CHANGED, 3) == (START + 11000, START + 17000)


def test_bounds__finalized_at__uses_the_epochs_own_window() -> None:
    epoch = bounds(CHANGED, 3)

    assert epoch == EpochBounds(3, START + 8000, START + 11000, 1000)
    assert epoch.finalized_at == START + 12000


def test_bounds__epoch_0__raises() -> None:
    with pytest.raises(ValueError, match="no epoch props cover epoch 0"):
        bounds(BASE, 0)


@given(offset=st.integers(0, 100_000))
def test_calendar__any_second__lies_inside_its_epoch(offset: int) -> None:
    timestamp = START + offset
    epoch = epoch_at(CHANGED, timestamp)
    limits = bounds(CHANGED, epoch)

    assert limits.start <= timestamp < limits.end
    assert bounds(CHANGED, epoch + 1).start == limits.end
    pending = pending_epoch(CHANGED, timestamp)
    if epoch > 1:
        opens, closes = window_of(CHANGED, epoch - 1)
        assert (pending is not None) is (opens <= timestamp <= closes)
    assert finalized_epoch(CHANGED, timestamp) != pending or pending is None
