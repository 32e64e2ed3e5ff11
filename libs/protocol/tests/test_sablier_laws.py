"""Streams as lock- and unlock-like events, against a timeline kept by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.deposits import DepositEvent
from octant_protocol.sablier import (
    SUPPRESSED_STREAMS_ELSEWHERE,
    SUPPRESSED_STREAMS_MAINNET,
    StreamAction,
    all_stream_events,
    is_suppressed,
    stream_events,
)

amounts = st.integers(0, 10**24)
actions_of_a_stream = st.lists(
    st.builds(
        StreamAction,
        category=st.sampled_from(["Create", "Withdraw", "Cancel", "Transfer", "Approval"]),
        timestamp=st.integers(1, 60),
        amount_a=amounts,
        amount_b=amounts,
        recipient=st.sampled_from([bytes([n]) * 20 for n in (1, 2)]),
        transaction_hash=st.sampled_from(["0xaa", "0xbb"]),
    ),
    max_size=8,
)
limits = st.one_of(st.none(), st.integers(0, 61))


def action(category: str, at: int = 1, a: int | None = None, b: int | None = None) -> StreamAction:
    return StreamAction(
        category=category,
        timestamp=at,
        amount_a=a,
        amount_b=b,
        recipient=bytes(20),
        transaction_hash="0x",
    )


def timeline(actions: list[StreamAction]) -> list[tuple]:
    """(kind, category, user, time, amount, balance before, hash), in order of the actions."""
    found, balance = [], 0
    for a in actions:
        moved = {"Create": a.amount_a, "Withdraw": a.amount_b, "Cancel": a.amount_a}
        if a.category in moved:
            amount = moved[a.category]
            kind = "Locked" if a.category == "Create" else "Unlocked"
            found.append(
                (kind, a.category, a.recipient, a.timestamp, amount, balance, a.transaction_hash)
            )
            balance = {
                "Create": balance + amount,
                "Withdraw": balance - amount,
                "Cancel": a.amount_b,
            }[a.category]
    return found


def as_tuples(actions: list[StreamAction], **window: int | None) -> list[tuple]:
    return [
        (e.kind, e.category, e.user, e.timestamp, e.amount, e.deposit_before, e.transaction_hash)
        for e in stream_events(actions, **window)
    ]


@given(actions=actions_of_a_stream, first=limits, last=limits)
def test_stream_events__any_actions_and_window__are_those_of_the_timeline(
    actions: list[StreamAction], first: int | None, last: int | None
) -> None:
    inside = [
        event
        for event in timeline(actions)
        if (first is None or first <= event[3]) and (last is None or event[3] <= last)
    ]

    assert as_tuples(actions, from_timestamp=first, to_timestamp=last) == [
        *(event for event in inside if event[0] == "Locked"),
        *(event for event in inside if event[0] == "Unlocked"),
    ]


@given(actions=actions_of_a_stream, cut=st.integers(1, 60))
def test_stream_events__two_windows_that_meet__have_every_event_once(
    actions: list[StreamAction], cut: int
) -> None:
    before = stream_events(actions, to_timestamp=cut)
    after = stream_events(actions, from_timestamp=cut + 1)
    whole = stream_events(actions)

    assert sorted(map(repr, before + after)) == sorted(map(repr, whole))


@given(streams=st.lists(actions_of_a_stream, max_size=4), first=limits, last=limits)
def test_all_stream_events__many_streams__come_stream_by_stream(
    streams: list[list[StreamAction]], first: int | None, last: int | None
) -> None:
    events = all_stream_events(streams, from_timestamp=first, to_timestamp=last)

    one_by_one = []
    for actions in streams:
        one_by_one += stream_events(actions, from_timestamp=first, to_timestamp=last)
    assert events == one_by_one


@given(actions=actions_of_a_stream)
def test_as_deposit_event__any_event__keeps_its_numbers_and_names_the_source(
    actions: list[StreamAction],
) -> None:
    for event in stream_events(actions):
        assert event.as_deposit_event() == DepositEvent(
            event.kind, event.timestamp, event.amount, "Sablier", event.deposit_before
        )


@given(created=amounts, share=st.integers(0, 100))
def test_stream_events__created_withdrawn_cancelled_withdrawn__ends_empty(
    created: int, share: int
) -> None:
    withdrawn = created * share // 200
    intact = (created - withdrawn) // 3
    refund = created - withdrawn - intact
    line = sorted(
        stream_events(
            [
                action("Create", 1, a=created),
                action("Withdraw", 2, b=withdrawn),
                action("Cancel", 3, a=refund, b=intact),
                action("Withdraw", 4, b=intact),
            ]
        ),
        key=lambda event: event.timestamp,
    )

    assert [event.deposit_before for event in line] == [0, created, created - withdrawn, intact]
    assert [event.as_deposit_event().deposit_after for event in line][1:] == [
        created - withdrawn,
        intact,
        0,
    ]


@pytest.mark.parametrize(
    "incomplete",
    [
        action("Create", b=1),
        action("Withdraw", a=1),
        action("Cancel", b=1),
        action("Cancel", a=1),
    ],
)
def test_stream_events__amount_is_missing__says_so(incomplete: StreamAction) -> None:
    with pytest.raises(ValueError, match=r"^a stream action lacks its amount$"):
        stream_events([incomplete])


def test_suppressed_streams__both_sets__are_the_documented_ones() -> None:
    assert len(SUPPRESSED_STREAMS_MAINNET) == 605
    for first, last in ((1299, 1327), (1329, 1669), (1673, 1907)):
        assert set(range(first, last + 1)) <= SUPPRESSED_STREAMS_MAINNET
    assert sorted(SUPPRESSED_STREAMS_ELSEWHERE) == [190, 191, 194, 195, 211, 213]


@given(token=st.integers(0, 3000))
def test_is_suppressed__any_token__looks_at_the_last_part_alone(token: int) -> None:
    expected = token in SUPPRESSED_STREAMS_MAINNET

    for contract in ("0xabc", "0x1299-7", "1299"):
        assert is_suppressed(f"{contract}-1-{token}", SUPPRESSED_STREAMS_MAINNET) is expected


@pytest.mark.parametrize("stream", ["0xabc-1-", "0xabc-1-x", "0xabc-1-1 299", "", "-"])
def test_is_suppressed__no_number_at_the_end__is_not(stream: str) -> None:
    assert not is_suppressed(stream, SUPPRESSED_STREAMS_MAINNET)
