"""Who comes first: events of one second, and users of an epoch."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.deposits import (
    DepositEvent,
    EffectiveDeposit,
    effective_deposit,
    order_events,
    unify,
)
from octant_protocol.pending import deposits_of_all
from octant_protocol.rules import EPOCH_4, GLM

START, END = 5000, 5040
openings = st.integers(0, 1000 * GLM)
events_between = st.lists(
    st.builds(
        DepositEvent,
        st.sampled_from(["Locked", "Unlocked"]),
        st.integers(START, END),
        st.integers(0, 200 * GLM),
        st.sampled_from(["Octant", "Sablier"]),
    ),
    max_size=6,
).map(lambda events: sorted(events, key=lambda event: event.timestamp))
users = st.sampled_from([bytes([n]) * 20 for n in range(0x9F, 0xA6)])


@given(
    opening=st.dictionaries(users, openings, max_size=5),
    events=st.dictionaries(users, events_between, max_size=5),
    grace=st.sampled_from([0, 15]),
    order=st.randoms(use_true_random=False),
)
def test_deposits_of_all__users_in_any_order__each_counts_alone(
    opening: dict[bytes, int],
    events: dict[bytes, list[DepositEvent]],
    grace: int,
    order,
) -> None:
    def settle_all(events: dict[bytes, list[DepositEvent]]) -> dict[bytes, EffectiveDeposit]:
        return deposits_of_all(
            start=START,
            end=END,
            opening=opening,
            events=events,
            grace_period=grace,
            rules=EPOCH_4,
        )

    items = list(events.items())
    order.shuffle(items)
    result = settle_all(events)

    assert list(result.items()) == list(settle_all(dict(items)).items())
    assert result == {
        user: effective_deposit(
            unify(opening.get(user, 0), START, events.get(user, []), grace), START, END, EPOCH_4
        )
        for user in {*opening, *(user for user in events if events[user])}
    }
    idle = [user for user in opening if not events.get(user)]
    assert list(result)[len(result) - len(idle) :] == idle


def test_deposits_of_all__active_users__come_in_the_order_of_their_checksummed_text() -> None:
    # 0x5aAe, 0xBcd4, 0xD122, 0xa0Ee, 0xdbF0, 0xfB69: capitals come before small letters.
    texts = [
        "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "dbf03b407c01e7cd3cbea99509d93f8dddc8c6fb",
        "d1220a0cf47c7b9be7a2e6ba89f429762e7b9adb",
        "fb6916095ca1df60bb79ce92ce3ea74c37c5d359",
        "a0ee7a142d267c1f36714e4a8f75612f20a79720",
        "bcd4042de499d14e55001ccbb24a551f3b954096",
    ]
    events = {bytes.fromhex(t): [DepositEvent("Locked", START, 1, "Octant")] for t in texts}

    result = deposits_of_all(
        start=START, end=END, opening={}, events=events, grace_period=0, rules=EPOCH_4
    )

    assert [user.hex()[:2] for user in result] == ["5a", "bc", "d1", "a0", "db", "fb"]


moments = st.lists(st.integers(START, START + 3), max_size=4)


@given(sablier=moments, locks=moments, unlocks=moments, single=st.booleans())
def test_order_events__any_events__sorts_by_time_and_then_by_the_view(
    sablier: list[int], locks: list[int], unlocks: list[int], single: bool
) -> None:
    numbers = itertools.count()
    parts = {
        "sablier": [DepositEvent("Unlocked", t, next(numbers), "Sablier") for t in sablier],
        "locks": [DepositEvent("Locked", t, next(numbers), "Octant") for t in locks],
        "unlocks": [DepositEvent("Unlocked", t, next(numbers), "Octant") for t in unlocks],
    }
    views = ("locks", "unlocks", "sablier") if single else ("sablier", "locks", "unlocks")

    ordered = order_events(**parts, single_user_view=single)

    expected = [
        event
        for second in range(START, START + 4)
        for view in views
        for event in parts[view]
        if event.timestamp == second
    ]
    assert ordered == expected
