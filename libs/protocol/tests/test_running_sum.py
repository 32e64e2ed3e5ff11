"""Runs of a running sum: split where they grow, remembered where nothing changed."""

import math
from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol import numeric, running_sum
from octant_protocol.running_sum import RUN, RunningSum


def root(wei: int) -> Decimal:
    return Decimal(math.sqrt(wei))


def one_by_one(known: dict[tuple[int, int], Decimal]) -> Decimal:
    total = Decimal(0)
    for key in sorted(known):
        total += known[key]
    return total


values = st.one_of(
    st.integers(0, 10**27).map(root),
    # Ties at the last digit of sums from 10^9 on.
    st.sampled_from(["0", "0.5", "1E-18", "5E-19", "15E-19", "999999999", "1E+9", "1E+10"]).map(
        Decimal
    ),
)


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 1), values, st.booleans()), max_size=80
    )
)
def test_running_sum__runs_of_three__equals_adding_one_by_one_after_every_step(steps) -> None:
    """Runs so short that they split, empty and are remembered all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_sum, "RUN", 3)
        running, known = RunningSum(), {}
        for sequence, place, value, look in steps:
            key = (sequence, place)
            if key in known:
                del known[key]
                running.remove(key)
            else:
                known[key] = value
                running.insert(key, value)
            assert len(running) == len(known)
            if known:
                assert running.first_key == min(known)
            if look:
                assert running.total == one_by_one(known)
        assert running.total == one_by_one(known)
        # From the whole, the sum is the same, with other runs.
        assert RunningSum(sorted(known.items())).total == running.total


@given(
    order=st.permutations(range(40)),
    leaving=st.permutations(range(40)),
    sizes=st.lists(values, min_size=40, max_size=40),
)
def test_running_sum__keys_in_any_order__are_all_found_again(order, leaving, sizes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_sum, "RUN", 2)
        running, known = RunningSum(), {}
        for number in order:
            known[number, 0] = sizes[number]
            running.insert((number, 0), sizes[number])
        assert running.total == one_by_one(known)
        for number in leaving:
            assert running.first_key == min(known)
            running.remove((number, 0))
            del known[number, 0]
            assert running.total == one_by_one(known)


def test_running_sum__run_grows_beyond_twice_its_size__is_split_in_order() -> None:
    known = {}
    running = RunningSum()
    # From both ends into the middle.
    for step in range(3 * RUN):
        key = (step if step % 2 else 10**6 - step, step % 3)
        known[key] = root(step * 7919 + 1)
        running.insert(key, known[key])
        if step % 97 == 0 or 2 * RUN - 2 <= step <= 2 * RUN + 2:
            assert running.total == one_by_one(known)

    assert running.first_key == min(known)
    for key in sorted(known)[::3]:
        running.remove(key)
        del known[key]
    assert running.total == one_by_one(known)


def test_running_sum__early_item_changes__costs_few_additions_for_later_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the sums are kept for: an allocation costs the same however many there are."""
    runs = 40
    running = RunningSum(((n, 0), root(10**18 + n * 7919)) for n in range(runs * RUN))
    added: list[Decimal] = []

    def counted(one: Decimal, other: Decimal) -> Decimal:
        added.append(other)
        return numeric.add(one, other)

    monkeypatch.setattr(running_sum, "add", counted)
    costs = []
    for change in range(30):
        running.remove((change, 0))
        running.insert((change, 0), root(10**18 + change))
        added.clear()
        _ = running.total
        costs.append(len(added))

    assert costs[0] == runs * RUN  # nothing is known yet
    # Its own run, the two in which the sum gains a digit, and one for each other.
    assert min(costs) <= 3 * RUN + runs
    # A run adds up once more when it first meets a sum with an odd, or even, last digit.
    assert sorted(costs)[len(costs) // 2] <= 4 * RUN + runs


@given(first=values, rest=st.lists(values, min_size=1, max_size=30), changes=st.lists(values))
def test_running_sum__first_item_changes__later_runs_are_used_again(
    first: Decimal, rest: list[Decimal], changes: list[Decimal]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_sum, "RUN", 2)
        known = {(1, 0): first} | {(number, 0): v for number, v in enumerate(rest, start=2)}
        running = RunningSum(known.items())
        for value in changes:
            running.remove((1, 0))
            running.insert((1, 0), value)
            known[1, 0] = value
            expected = one_by_one(known)
            with localcontext(Context(prec=4)):  # the caller's context is nobody's business
                assert running.total == expected


def test_running_sum__ties_after_an_odd_and_an_even_sum__go_to_the_even_digit() -> None:
    even, odd, half = Decimal(10**9), Decimal("1000000000.000000000000000001"), Decimal("5E-19")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running_sum, "RUN", 2)
        zero = Decimal(0)
        running = RunningSum([((0, 0), zero), ((1, 0), even), ((2, 0), half), ((3, 0), zero)])
        for first, total in [(even, even), (odd, odd + Decimal("1E-18"))] * 2:
            running.remove((1, 0))
            running.insert((1, 0), first)
            with localcontext(Context(prec=4)):
                assert running.total == total


def test_running_sum__nothing__is_zero_and_has_no_first_key() -> None:
    running = RunningSum()

    assert (running.total, len(running)) == (0, 0)
    with pytest.raises(IndexError):
        _ = running.first_key
    with pytest.raises(KeyError):
        running.remove((0, 0))


@pytest.mark.parametrize("key", [(0, 0), (1, 1), (2, 0), (9, 9)])
def test_running_sum__unknown_key__is_named_and_changes_nothing(key: tuple[int, int]) -> None:
    running = RunningSum([((1, 0), Decimal(1)), ((3, 0), Decimal(2))])

    with pytest.raises(KeyError) as caught:
        running.remove(key)

    assert caught.value.args == (key,)
    assert (running.total, len(running)) == (3, 2)


def test_running_sum__known_key__is_not_taken_twice() -> None:
    running = RunningSum([((1, 0), Decimal(1)), ((3, 0), Decimal(2))])

    with pytest.raises(ValueError, match=r"^\(3, 0\) is there already$"):
        running.insert((3, 0), Decimal(5))

    assert (running.total, len(running)) == (3, 2)
