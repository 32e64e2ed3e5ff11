"""Capped quadratic funding and leverage against the naive ones; what the order may change."""

from decimal import Decimal

import naive_octant as naive
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from octant_protocol.funding import AllocationRow, FundingSums, capped_quadratic_funding
from octant_protocol.leverage import ProjectNotListed, individual_leverage, total_leverage
from octant_protocol.rules import EPOCH_4, EPOCH_11

PROJECTS = [bytes([number]) * 20 for number in range(1, 8)]
LISTED = PROJECTS[:5]
pools = st.one_of(st.integers(0, 10**24), st.integers(0, 1000))
amounts = st.one_of(
    st.integers(0, 10**23), st.integers(0, 100), st.sampled_from([0, 1, 2 * 10**18, 10**18])
)
quotients = st.sampled_from(["0.0", "0.01", "0.2", "1.0", "0.333333333333333333333333333"])


def rows_of(projects: list[bytes], max_size: int = 25) -> st.SearchStrategy[list[AllocationRow]]:
    return st.lists(
        st.builds(
            AllocationRow,
            project=st.sampled_from(projects),
            amount=amounts,
            uq=quotients.map(Decimal),
            user=st.integers(1, 4).map(lambda number: bytes([number]) * 20),
        ),
        max_size=max_size,
    )


any_rows = rows_of(PROJECTS)
listed_rows = rows_of(LISTED)


def plain(rows: list[AllocationRow]) -> list[tuple[bytes, int, Decimal]]:
    return [(row.project, row.amount, row.uq) for row in rows]


@given(rows=any_rows, pool=pools, cap=st.sampled_from(["0.2", "0.5", "1", "0.07"]))
def test_funding__any_rows__equals_the_naive_one_to_the_last_digit(
    rows: list[AllocationRow], pool: int, cap: str
) -> None:
    result = capped_quadratic_funding(rows, LISTED, pool, Decimal(cap))

    listed, donated, whole = naive.funding(plain(rows), LISTED, pool, Decimal(cap))
    assert [p.project for p in result.projects] == LISTED
    assert [(p.allocated, p.matched) for p in result.projects] == listed
    assert str(result.allocations_total) == str(donated)
    assert str(result.matched_total) == str(whole)
    assert (result.used, result.donated) == (int(whole), int(donated + whole))


@given(rows=listed_rows, pool=pools, rules=st.sampled_from([EPOCH_4, EPOCH_11]))
def test_funding__listed_rows__conserve_the_pool(
    rows: list[AllocationRow], pool: int, rules
) -> None:
    result = capped_quadratic_funding(rows, LISTED, pool, rules)

    paid = sum(p.matched for p in result.projects)
    funded = len({row.project for row in rows if row.amount * row.uq > 0})
    assert paid <= result.used <= pool
    assert result.used - paid < max(funded, 1)
    assert all(p.matched * 5 <= pool for p in result.projects)
    given_away = sum(row.amount for row in rows)
    assert sum(p.allocated for p in result.projects) == given_away
    assert result.donated == given_away + result.used
    # Five equal projects or more share the whole pool; fewer leave what the cap cuts off.
    assert result.used <= min(funded, 5) * pool / Decimal(5)


@given(equal=st.integers(1, 7), amount=st.integers(1, 10**20), pool=pools)
def test_funding__equal_projects__share_equally_up_to_the_cap(
    equal: int, amount: int, pool: int
) -> None:
    rows = [AllocationRow(project, amount, Decimal(1)) for project in PROJECTS[:equal]]

    result = capped_quadratic_funding(rows, PROJECTS[:equal], pool, EPOCH_4)

    share = pool // max(equal, 5)
    assert all(abs(p.matched - share) <= 1 for p in result.projects)
    assert len({p.matched for p in result.projects}) == 1


@given(rows=listed_rows, pool=pools, order=st.randoms(use_true_random=False))
def test_funding__projects_of_the_rows_interleaved_otherwise__changes_no_weight(
    rows: list[AllocationRow], pool: int, order
) -> None:
    """Only the order within a project counts for its sum, only first appearances for the totals."""
    firsts = list(dict.fromkeys(row.project for row in rows))
    by_project = [row for project in firsts for row in rows if row.project == project]
    assert capped_quadratic_funding(by_project, LISTED, pool, EPOCH_4) == (
        capped_quadratic_funding(rows, LISTED, pool, EPOCH_4)
    )

    order.shuffle(firsts)
    regrouped = [row for project in firsts for row in rows if row.project == project]
    sums = FundingSums(regrouped)
    assert sums.weights() == FundingSums(rows).weights()
    assert list(sums.weights()) == firsts


def test_funding__order_within_a_project__may_move_the_last_digit() -> None:
    gifts = [3 * 10**17, 3 * 10**17, 7, 3 * 10**17, 3 * 10**20]
    rows = [AllocationRow(PROJECTS[0], amount, Decimal(1)) for amount in gifts]

    forward = FundingSums(rows).weights()[PROJECTS[0]]
    backward = FundingSums(rows[::-1]).weights()[PROJECTS[0]]

    assert forward == naive.grouped(plain(rows))[0][PROJECTS[0]]
    assert backward == naive.grouped(plain(rows[::-1]))[0][PROJECTS[0]]
    assert forward != backward
    assert abs(forward - backward) / forward < Decimal("1e-26")


@given(
    rows=listed_rows.filter(bool),
    place=st.integers(0, 24),
    more=st.integers(0, 10**22),
    pool=pools,
    uq=st.booleans(),
)
def test_funding__more_wei_or_a_better_quotient__never_matches_less(
    rows: list[AllocationRow], place: int, more: int, pool: int, uq: bool
) -> None:
    old = rows[place % len(rows)]
    new = AllocationRow(
        old.project,
        old.amount if uq else old.amount + more,
        old.uq + Decimal("0.3") if uq else old.uq,
        old.user,
    )
    better = [new if row is old else row for row in rows]

    def match(rows: list[AllocationRow]) -> int:
        results = capped_quadratic_funding(rows, LISTED, pool, EPOCH_4).projects
        return next(p.matched for p in results if p.project == old.project)

    assert match(better) >= match(rows) - 1


@given(rows=listed_rows, pool=pools, factor=st.sampled_from(["0.01", "0.5", "0.37", "3"]))
def test_funding__all_quotients_scaled__moves_matches_by_rounding_only(
    rows: list[AllocationRow], pool: int, factor: str
) -> None:
    scaled = [
        AllocationRow(row.project, row.amount, row.uq * Decimal(factor), row.user) for row in rows
    ]

    results = capped_quadratic_funding(rows, LISTED, pool, EPOCH_4).projects
    others = capped_quadratic_funding(scaled, LISTED, pool, EPOCH_4).projects

    for one, other in zip(results, others, strict=True):
        assert one.allocated == other.allocated
        # A double root is good to 2^-53; a weight squares a sum of them.
        assert abs(one.matched - other.matched) <= 1 + pool / 10**14


@given(rows=any_rows, cut=st.integers(0, 25), pool=pools)
def test_funding_sums__rows_in_two_steps__equal_one(
    rows: list[AllocationRow], cut: int, pool: int
) -> None:
    sums = FundingSums(rows[:cut])
    sums.result(LISTED, pool, EPOCH_4)
    sums.extend(rows[cut:])

    assert sums.result(LISTED, pool, EPOCH_4) == capped_quadratic_funding(
        rows, LISTED, pool, EPOCH_4
    )


@given(existing=listed_rows, new=rows_of(LISTED, 6), pool=pools, user=st.integers(1, 5))
def test_individual_leverage__any_rows__equals_the_naive_one(
    existing: list[AllocationRow], new: list[AllocationRow], pool: int, user: int
) -> None:
    donor = bytes([user]) * 20

    got, after = individual_leverage(existing, donor, new, LISTED, pool)

    others = [(row.user, row.project, row.amount, row.uq) for row in existing]
    assert got == naive.leverage(others, donor, plain(new), LISTED, pool)
    kept = [row for row in existing if row.user != donor]
    assert after == capped_quadratic_funding([*kept, *new], LISTED, pool, EPOCH_4)


@given(existing=listed_rows, new=rows_of(LISTED, 6), pool=pools)
def test_individual_leverage__others_rows_alone__are_what_counts(
    existing: list[AllocationRow], new: list[AllocationRow], pool: int
) -> None:
    donor = bytes([1]) * 20
    others = [row for row in existing if row.user != donor]

    assert individual_leverage(existing, donor, new, LISTED, pool) == individual_leverage(
        others, donor, new, LISTED, pool
    )


@given(new=any_rows, pool=pools)
def test_individual_leverage__project_outside_the_list__is_refused(
    new: list[AllocationRow], pool: int
) -> None:
    outside = [row.project for row in new if row.project not in LISTED]
    assume(outside)

    with pytest.raises(ProjectNotListed, match=rf"^0x{outside[0].hex()} is not in"):
        individual_leverage([], b"", new, LISTED, pool)


@given(matched=st.integers(0, 10**24), allocated=st.integers(0, 10**24))
def test_total_leverage__any_sums__is_the_double_quotient(matched: int, allocated: int) -> None:
    assert total_leverage(matched, allocated) == (matched / allocated if allocated else 0.0)


@pytest.mark.parametrize(
    ("simulated", "existing_user", "after", "leverage"),
    [
        ([(0, 10**18, "1.0"), (2, 3 * 10**18, "1.0")], 3, [2, 2, 2, 0], 0.5),
        ([(3, 10**17, "0.01")], 1, [2, 0, 0, None], 1.9607843137254901),
    ],
)
def test_individual_leverage__documented_example__matches(
    simulated: list[tuple[int, int, str]],
    existing_user: int,
    after: list[int | None],
    leverage: float,
) -> None:
    a, b, c, d = PROJECTS[:4]
    users = [bytes([number]) * 20 for number in range(4)]
    live = [
        AllocationRow(a, 10**18, Decimal("1.0"), users[1]),
        AllocationRow(b, 2 * 10**18, Decimal("1.0"), users[1]),
        AllocationRow(a, 5 * 10**18, Decimal("0.01"), users[2]),
    ]
    new = [AllocationRow(PROJECTS[p], wei, Decimal(uq), b"") for p, wei, uq in simulated]

    got, result = individual_leverage(live, users[existing_user], new, [a, b, c, d], 10**19)

    assert got == leverage
    assert [p.matched for p in result.projects] == [
        196078431372549017 if whole is None else whole * 10**18 for whole in after
    ]
