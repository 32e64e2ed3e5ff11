"""Deposit events and effective deposits: the documented examples and their properties."""

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.deposits import (
    DepositEvent,
    effective_deposit,
    locked_ratio,
    order_events,
    ratio_text,
    unify,
    weighted_amounts,
)
from octant_protocol.rules import EPOCH_1, EPOCH_4, GLM
from octant_protocol.sablier import StreamAction, is_suppressed, stream_events

START = 1_700_000_000
END = START + 7_776_000
D30 = START + 2_592_000
D60 = START + 5_184_000
DAY = 86_400


def lock(timestamp: int, amount: int) -> DepositEvent:
    return DepositEvent("Locked", timestamp, amount, "Octant")


def unlock(timestamp: int, amount: int) -> DepositEvent:
    return DepositEvent("Unlocked", timestamp, amount, "Octant")


def stream_lock(timestamp: int, amount: int) -> DepositEvent:
    return DepositEvent("Locked", timestamp, amount, "Sablier")


def stream_unlock(timestamp: int, amount: int) -> DepositEvent:
    return DepositEvent("Unlocked", timestamp, amount, "Sablier")


STREAM = [stream_lock(START + 100, 1000 * GLM), stream_unlock(D30, 300 * GLM)]


@pytest.mark.parametrize(
    ("opening", "events", "effective", "end_balance"),
    [
        pytest.param(
            1000 * GLM,
            [lock(D30, 500 * GLM), unlock(D60, 200 * GLM)],
            1200 * GLM,
            1300 * GLM,
            id="A",
        ),
        pytest.param(
            1000 * GLM,
            [unlock(D30, 900 * GLM), lock(D60, 800 * GLM)],
            366666666666666666666,
            900 * GLM,
            id="B",
        ),
        pytest.param(1000 * GLM, [unlock(END - 1, 901 * GLM)], 0, 99 * GLM, id="C"),
        pytest.param(1000 * GLM, [unlock(END - 1, 900 * GLM)], 100 * GLM, 100 * GLM, id="D"),
        pytest.param(0, [lock(END - 777_599, 100 * GLM)], 0, 100 * GLM, id="E"),
        pytest.param(0, [lock(END - 777_600, 100 * GLM)], 10 * GLM, 100 * GLM, id="F"),
        pytest.param(
            100 * GLM,
            [lock(START + 1, GLM + 1)],
            100999999871399176955,
            101000000000000000001,
            id="G",
        ),
        pytest.param(
            0,
            [*STREAM, lock(D30 + 3600, 300 * GLM)],
            999987139917695473251,
            1000 * GLM,
            id="H",
        ),
        pytest.param(
            0,
            [*STREAM, lock(D30 + 3600, 500 * GLM)],
            1133227880658436213991,
            1200 * GLM,
            id="I",
        ),
        pytest.param(
            0,
            [*STREAM, lock(D30 + 3600, 200 * GLM)],
            833231738683127572016,
            900 * GLM,
            id="J",
        ),
        pytest.param(
            0,
            [*STREAM, lock(D30 + 86_399, 300 * GLM)],
            999987139917695473251,
            1000 * GLM,
            id="K-inside",
        ),
        pytest.param(
            0,
            [*STREAM, lock(D30 + 86_400, 300 * GLM)],
            896657664609053497942,
            1000 * GLM,
            id="K-outside",
        ),
        pytest.param(
            1000 * GLM,
            [stream_unlock(D30, 400 * GLM), stream_unlock(D60, 600 * GLM)],
            0,
            0,
            id="L",
        ),
        pytest.param(
            5 * 10**24 + 3,
            [lock(START + 1000, 10**24 + 1)],
            5999871399176954732510292,
            6 * 10**24 + 4,
            id="M",
        ),
    ],
)
def test_effective_deposit__documented_example__matches_to_the_wei(
    opening: int, events: list[DepositEvent], effective: int, end_balance: int
) -> None:
    result = effective_deposit(unify(opening, START, events, DAY), START, END, EPOCH_4)

    assert (result.effective, result.end_balance) == (effective, end_balance)


@pytest.mark.parametrize(
    ("carried", "amount", "offset", "effective"),
    [
        (
            8841266701125122785597644,
            674627630575433164311914,
            4910864,
            9089839220538236761248876,
        ),
        (
            4776692780644280966337188,
            166171091769892683261799,
            2390273,
            4891784361864006893722157,
        ),
        (
            2398043560920455494637104,
            241751135987361611461146,
            2266808,
            2569321007470414945636185,
        ),
    ],
)
def test_effective_deposit__quotient_just_below_a_wei__rounds_up_first(
    carried: int, amount: int, offset: int, effective: int
) -> None:
    events = unify(carried, START, [lock(START + offset, amount)], DAY)

    assert effective_deposit(events, START, END, EPOCH_4).effective == effective


def test_weighted_amounts__plain_and_minimum__differ_after_unlocks() -> None:
    events = unify(
        0,
        0,
        [
            lock(10, 100),
            unlock(12, 90),
            lock(12, 1000),
            unlock(50, 1000),
            unlock(70, 9),
            lock(120, 1000),
            lock(120, 1000),
            lock(160, 1500),
            unlock(180, 1),
        ],
        DAY,
    )

    assert weighted_amounts(events, 0, 200, EPOCH_1) == [
        (0, 10),
        (100, 2),
        (1010, 38),
        (10, 20),
        (1, 50),
        (2001, 40),
        (3501, 20),
        (3500, 20),
    ]
    minimum = weighted_amounts(events, 0, 200, EPOCH_4)
    merged = {amount: sum(w for a, w in minimum if a == amount) for amount, _ in minimum}
    assert merged == {0: 10, 1: 110, 2001: 40, 3500: 40}


def test_weighted_amounts__event_at_the_end__changes_only_the_end_balance() -> None:
    events = unify(500 * GLM, START, [stream_lock(END, 1000 * GLM)], DAY)

    result = effective_deposit(events, START, END, EPOCH_4)

    assert (result.effective, result.end_balance) == (500 * GLM, 1500 * GLM)


def test_effective_deposit__no_events__is_zero() -> None:
    result = effective_deposit([], START, END, EPOCH_4)

    assert (result.effective, result.end_balance) == (0, 0)


@pytest.mark.parametrize(
    ("grace", "opening", "events", "line"),
    [
        (DAY, 500, [stream_unlock(1, 500), lock(2, 500)], [(0, 500)]),
        (
            DAY,
            500,
            [stream_unlock(1, 500), lock(2, 400), lock(3, 100)],
            [(0, 500), (500, 500), (400, 0), (100, 400)],
        ),
        (
            DAY,
            500,
            [stream_unlock(1, 400), lock(2, 500), lock(3, 100)],
            [(0, 500), (100, 500), (100, 600)],
        ),
        (
            DAY,
            500,
            [stream_unlock(1, 500), lock(2 + DAY, 500)],
            [(0, 500), (500, 500), (500, 0)],
        ),
        (
            900,
            10000,
            [
                stream_unlock(0, 3000),
                stream_unlock(48, 3000),
                lock(120, 6000),
                stream_unlock(1000, 4000),
                lock(1744, 4000),
            ],
            [(0, 10000), (3000, 10000), (3000, 7000)],
        ),
    ],
)
def test_unify__grace_period__drops_prompt_relocks(
    grace: int, opening: int, events: list[DepositEvent], line: list[tuple[int, int]]
) -> None:
    unified = unify(opening, 0, events, grace)

    assert [(event.amount, event.deposit_before) for event in unified] == line


def test_unify__octant_and_sablier__share_one_balance() -> None:
    events = [lock(1, 500), stream_lock(2, 1000), stream_unlock(3, 400), lock(4, 200)]

    unified = unify(500, 0, events, DAY)

    assert [event.deposit_before for event in unified[1:]] == [500, 1000, 2000, 1600]


def test_order_events__one_second__depends_on_the_view() -> None:
    parts = {
        "sablier": [stream_unlock(5, 1)],
        "locks": [lock(5, 2), lock(4, 3)],
        "unlocks": [unlock(5, 4)],
    }

    assert [event.amount for event in order_events(**parts)] == [3, 1, 2, 4]
    single = order_events(**parts, single_user_view=True)
    assert [event.amount for event in single] == [3, 2, 4, 1]


def _action(category: str, a: int | None, b: int | None, timestamp: int) -> StreamAction:
    return StreamAction(
        category=category,
        timestamp=timestamp,
        amount_a=a,
        amount_b=b,
        recipient=bytes(20),
        transaction_hash="0x",
    )


def test_stream_events__mixed_actions__run_the_streams_own_balance() -> None:
    actions = [
        _action("Create", 100, None, 1),
        _action("Withdraw", None, 50, 2),
        _action("Create", 200, None, 3),
        _action("Cancel", 150, 50, 4),
        _action("Approval", None, None, 5),
    ]

    events = sorted(stream_events(actions), key=lambda event: event.timestamp)

    assert [event.deposit_before for event in events] == [0, 100, 50, 250]


def test_stream_events__bounds__are_both_inclusive() -> None:
    actions = [_action("Create", 1, None, at) for at in (99, 100, 200, 201)]

    kept = stream_events(actions, from_timestamp=100, to_timestamp=200)

    assert [event.timestamp for event in kept] == [100, 200]


def test_is_suppressed__stream_id__compares_the_token_number() -> None:
    assert is_suppressed("0xabc-1-1299", frozenset({1299}))
    assert not is_suppressed("0x1299-1-7", frozenset({1299}))


@pytest.mark.parametrize(
    ("total", "text"),
    [
        (400 * GLM, "0.0000004"),
        (9999999999999999999999, "0.000009999999999999999999999"),
        (22700000000000099999994, "0.000022700000000000099999994"),
        (10**27, "1"),
        (0, "0"),
    ],
)
def test_ratio_text__documented_totals__is_plain(total: int, text: str) -> None:
    assert ratio_text(locked_ratio(total)) == text


def test_locked_ratio__hostile_ambient_context__is_unaffected() -> None:
    with localcontext() as context:
        context.prec = 3
        assert locked_ratio(22700000000000099999994) == Decimal("0.000022700000000000099999994")


_AMOUNTS = st.integers(0, 10**25)
_EVENTS = st.lists(
    st.tuples(st.booleans(), st.booleans(), st.integers(START, END - 1), _AMOUNTS), max_size=12
)


def _valid_line(opening: int, drawn: list[tuple[bool, bool, int, int]]) -> list[DepositEvent]:
    events = []
    balance = opening
    for is_lock, is_octant, timestamp, amount in sorted(drawn, key=lambda item: item[2]):
        size = amount if is_lock else min(amount, balance)
        balance += size if is_lock else -size
        events.append(
            DepositEvent(
                "Locked" if is_lock else "Unlocked",
                timestamp,
                size,
                "Octant" if is_octant else "Sablier",
            )
        )
    return unify(opening, START, events, DAY)


@given(opening=_AMOUNTS, drawn=_EVENTS)
def test_effective_deposit__any_line__stays_between_zero_and_the_end_balance(
    opening: int, drawn: list[tuple[bool, bool, int, int]]
) -> None:
    events = _valid_line(opening, drawn)

    result = effective_deposit(events, START, END, EPOCH_4)

    assert 0 <= result.effective <= result.end_balance
    assert result.end_balance == events[-1].deposit_after
    assert result.effective == 0 or result.effective >= EPOCH_4.minimum_effective_deposit


@given(opening=_AMOUNTS, drawn=_EVENTS)
def test_effective_deposit__no_unlock_minimum__never_exceeds_the_plain_average(
    opening: int, drawn: list[tuple[bool, bool, int, int]]
) -> None:
    events = _valid_line(opening, drawn)

    minimum = effective_deposit(events, START, END, EPOCH_4).effective

    assert minimum <= effective_deposit(events, START, END, EPOCH_1).effective


@given(opening=_AMOUNTS, drawn=_EVENTS, more=st.integers(1, 10**24))
def test_effective_deposit__larger_opening__never_earns_less(
    opening: int, drawn: list[tuple[bool, bool, int, int]], more: int
) -> None:
    events = _valid_line(opening, drawn)
    raised = unify(opening + more, START, events[1:], 0)

    less = effective_deposit(unify(opening, START, events[1:], 0), START, END, EPOCH_4)

    assert effective_deposit(raised, START, END, EPOCH_4).effective >= less.effective


@given(opening=_AMOUNTS, drawn=_EVENTS)
def test_unify__any_line__keeps_the_end_balance(
    opening: int, drawn: list[tuple[bool, bool, int, int]]
) -> None:
    with_grace = _valid_line(opening, drawn)
    without = unify(opening, START, with_grace[1:], 0)

    assert with_grace[0].deposit_after == opening
    assert with_grace[-1].deposit_after == without[-1].deposit_after
