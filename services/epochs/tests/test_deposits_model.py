"""Settlement as a pure function: documented examples, who has a row, and invariants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_contracts.seals import deposits_digest
from octant_contracts.values import Address
from octant_epochs.deposits.model import Deposit, Everybody, Fact, deposits_of_all, grace_period
from octant_protocol.rules import EPOCH_4

GLM = 10**18
S = 1_700_000_000
DAYS_90 = 7_776_000
END = S + DAYS_90
D30 = S + 2_592_000
D60 = S + 5_184_000
ALICE, BOB, CAROL = Address(b"\x0a" * 20), Address(b"\x0b" * 20), Address(b"\xff" * 20)
NOBODY = Address(b"\x0a" * 19 + b"\x0b")


def facts(user: Address, *moves: tuple[str, int, int]) -> list[Fact]:
    """(kind, time, wei) in chain order, one block each."""
    return [
        Fact(number, 0, "Locked" if kind == "lock" else "Unlocked", user, amount, time)
        for number, (kind, time, amount) in enumerate(moves, start=1)
    ]


def everybody(opening, events, start=S, end=END) -> Everybody:
    return deposits_of_all(opening, events, start, end, 900, EPOCH_4)


def settle(opening, events, start=S, end=END) -> list[Deposit]:
    return everybody(opening, events, start, end).deposits


@pytest.mark.parametrize(
    ("opening", "moves", "effective", "end_balance"),
    [
        pytest.param(
            1000 * GLM,
            [("lock", D30, 500 * GLM), ("unlock", D60, 200 * GLM)],
            1200000000000000000000,
            1300 * GLM,
            id="A",
        ),
        pytest.param(
            1000 * GLM,
            [("unlock", D30, 900 * GLM), ("lock", D60, 800 * GLM)],
            366666666666666666666,
            900 * GLM,
            id="B",
        ),
        pytest.param(1000 * GLM, [("unlock", END - 1, 901 * GLM)], 0, 99 * GLM, id="C"),
        pytest.param(
            1000 * GLM,
            [("unlock", END - 1, 900 * GLM)],
            100000000000000000000,
            100 * GLM,
            id="D",
        ),
        pytest.param(0, [("lock", END - 777_599, 100 * GLM)], 0, 100 * GLM, id="E"),
        pytest.param(
            0, [("lock", END - 777_600, 100 * GLM)], 10000000000000000000, 100 * GLM, id="F"
        ),
        pytest.param(
            100 * GLM,
            [("lock", S + 1, 1000000000000000001)],
            100999999871399176955,
            101000000000000000001,
            id="G",
        ),
        pytest.param(
            5000000000000000000000003,
            [("lock", S + 1000, 1000000000000000000000001)],
            5999871399176954732510292,
            6000000000000000000000004,
            id="M",
        ),
    ],
)
def test_settlement__documented_example__matches_to_the_wei(
    opening: int, moves: list[tuple[str, int, int]], effective: int, end_balance: int
) -> None:
    assert settle({ALICE: opening}, facts(ALICE, *moves)) == [
        Deposit(ALICE, effective, end_balance)
    ]


@pytest.mark.parametrize(
    ("moves", "effective", "locked"),
    [
        ([("lock", 123, 100)], 100, 100),
        ([("lock", 123, 90)], 0, 90),
        ([("lock", 313, 100)], 0, 100),
        ([("lock", 123, 100), ("lock", 223, 200)], 200, 300),
        ([("lock", 123, 200), ("unlock", 223, 100), ("lock", 273, 200)], 150, 300),
        ([("lock", 123, 1000), ("lock", 223, 100), ("lock", 273, 2000)], 1550, 3100),
    ],
)
def test_settlement__epoch_of_200_seconds__matches_the_listed_facts(
    moves: list[tuple[str, int, int]], effective: int, locked: int
) -> None:
    moved = facts(ALICE, *((kind, time, amount * GLM) for kind, time, amount in moves))

    assert settle({}, moved, 123, 323) == [Deposit(ALICE, effective * GLM, locked * GLM)]


def test_settlement__users_without_anything__have_no_row() -> None:
    idle, emptied = Address(b"\x01" * 20), Address(b"\x02" * 20)
    zero_unlock = Address(b"\x03" * 20)
    opening = {idle: 0, BOB: 50 * GLM}
    moved = [
        Fact(1, 0, "Locked", emptied, GLM, S + 1),
        Fact(2, 0, "Unlocked", emptied, GLM, S + 2),
        Fact(3, 0, "Unlocked", zero_unlock, 0, S + 3),
    ]

    assert settle(opening, moved) == [Deposit(emptied, 0, 0), Deposit(BOB, 0, 50 * GLM)]


def test_everybody__who_moved_glm__is_active() -> None:
    opening = {ALICE: 200 * GLM, BOB: 200 * GLM, CAROL: 200 * GLM}
    moved = [
        Fact(1, 0, "Unlocked", ALICE, GLM, S + 1),
        Fact(2, 0, "Unlocked", BOB, 0, S + 2),
        Fact(3, 0, "Locked", NOBODY, GLM, S + 3),
    ]

    assert everybody(opening, moved).active == {ALICE, NOBODY}


def test_everybody__of_an_epoch_without_a_second__keeps_balances_and_weighs_nothing() -> None:
    result = everybody({ALICE: 200 * GLM, BOB: 0}, [], start=S, end=S)

    assert result.deposits == [Deposit(ALICE, 0, 200 * GLM)]
    assert (result.total_effective_deposit, result.active) == (0, frozenset())


def test_settlement__unlock_and_lock_in_one_second__never_lower_the_minimum() -> None:
    moved = [
        Fact(5, 0, "Unlocked", ALICE, 900 * GLM, D30),
        Fact(5, 1, "Locked", ALICE, 900 * GLM, D30),
    ]

    assert settle({ALICE: 1000 * GLM}, moved) == [Deposit(ALICE, 1000 * GLM, 1000 * GLM)]


def test_grace_period__by_chain__is_a_day_on_mainnet_only() -> None:
    assert (grace_period(1), grace_period(11155111), grace_period(1337)) == (86_400, 900, 900)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([ALICE, BOB, CAROL]),
            st.integers(1, 10**27),
            st.integers(0, DAYS_90 - 1),
        ),
        max_size=30,
    )
)
def test_settlement__any_locks__keep_every_wei_and_order_by_address(
    locks: list[tuple[Address, int, int]],
) -> None:
    moved = [
        Fact(number, 0, "Locked", user, amount, S + offset)
        for number, (user, amount, offset) in enumerate(sorted(locks, key=lambda x: x[2]))
    ]

    result = everybody({}, moved)
    rows = result.deposits

    assert sum(row.end_balance for row in rows) == sum(amount for _, amount, _ in locks)
    assert [row.user for row in rows] == sorted({user for user, _, _ in locks})
    assert all(0 <= row.effective_deposit <= row.end_balance for row in rows)
    assert result.total_effective_deposit == sum(row.effective_deposit for row in rows)
    assert result.digest == deposits_digest(rows)
    assert {user: result.effective_deposit_of(user) for user in (ALICE, BOB, CAROL, NOBODY)} == {
        **dict.fromkeys((ALICE, BOB, CAROL, NOBODY), 0),
        **{row.user: row.effective_deposit for row in rows},
    }


@given(st.integers(100 * GLM, 10**27), st.integers(1, DAYS_90 - 1))
def test_settlement__unlock_to_below_the_minimum__gives_nothing(balance: int, offset: int) -> None:
    left = 100 * GLM - 1
    rows = settle({ALICE: balance}, facts(ALICE, ("unlock", S + offset, balance - left)))

    assert rows == [Deposit(ALICE, 0, left)]
