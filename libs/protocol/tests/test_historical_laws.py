"""Retired project rewards and thresholds against the naive ones."""

from decimal import Decimal

import naive_octant as naive
import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.address import eip55
from octant_protocol.funding import AllocationRow, ProjectResult
from octant_protocol.historical import (
    allocation_threshold,
    allocations_below_threshold,
    plain_quadratic_funding,
    threshold_project_rewards,
)
from octant_protocol.rules import rules_for

PROJECTS = [bytes([number]) * 20 for number in (0xA3, 0x9F, 0xA0, 0xA6, 0xA1)]
amounts = st.one_of(st.integers(0, 20), st.integers(0, 10**22), st.just(10**18))
pools = st.one_of(st.integers(0, 10**23), st.integers(0, 100))
gifts = st.lists(st.tuples(st.sampled_from(PROJECTS), amounts), max_size=15)
first_epochs = st.integers(1, 3)


def rows_of(gifts: list[tuple[bytes, int]], uq: str = "1") -> list[AllocationRow]:
    return [AllocationRow(project, amount, Decimal(uq)) for project, amount in gifts]


@given(epoch=first_epochs, gifts=gifts, pool=pools, listed=st.permutations(PROJECTS))
def test_threshold_rewards__any_gifts__equal_the_naive_ones(
    epoch: int, gifts: list[tuple[bytes, int]], pool: int, listed: list[bytes]
) -> None:
    result = threshold_project_rewards(rows_of(gifts), listed, pool, rules_for(epoch))

    projects, rewards, threshold = naive.by_threshold(epoch, gifts, listed, pool)
    assert [(p.project, p.allocated, p.matched) for p in result.projects] == projects
    assert (result.rewards_sum, result.threshold) == (rewards, threshold)
    assert result.total_allocated == sum(amount for _, amount in gifts)


@given(epoch=first_epochs, gifts=gifts, pool=pools, order=st.randoms(use_true_random=False))
def test_threshold_rewards__rows_in_any_order__are_the_same(
    epoch: int, gifts: list[tuple[bytes, int]], pool: int, order
) -> None:
    shuffled = list(gifts)
    order.shuffle(shuffled)
    rules = rules_for(epoch)

    assert threshold_project_rewards(rows_of(shuffled), PROJECTS, pool, rules) == (
        threshold_project_rewards(rows_of(gifts), PROJECTS, pool, rules)
    )


@given(epoch=first_epochs, gifts=gifts, pool=pools)
def test_threshold_rewards__any_gifts__match_at_most_the_pool_and_none_at_the_threshold(
    epoch: int, gifts: list[tuple[bytes, int]], pool: int
) -> None:
    result = threshold_project_rewards(rows_of(gifts), PROJECTS, pool, rules_for(epoch))

    matched = sum(p.matched for p in result.projects)
    above = [p for p in result.projects if p.allocated > result.threshold]
    assert pool - len(PROJECTS) < matched <= pool if above else matched == 0
    assert all(p.matched == 0 for p in result.projects if p.allocated <= result.threshold)
    assert [p.allocated for p in result.projects] == sorted(
        (p.allocated for p in result.projects), reverse=True
    )


def test_threshold_rewards__project_at_the_threshold__is_not_matched() -> None:
    gifts = [(PROJECTS[0], 5), (PROJECTS[1], 10), (PROJECTS[2], 15)]

    result = threshold_project_rewards(rows_of(gifts), PROJECTS[:3], 100, rules_for(3))

    assert result.threshold == 10
    assert result.projects == (
        ProjectResult(PROJECTS[2], 15, 100),
        ProjectResult(PROJECTS[1], 10, 0),
        ProjectResult(PROJECTS[0], 5, 0),
    )
    assert result.rewards_sum == 115


def test_threshold_rewards__gift_outside_the_list__counts_in_the_total() -> None:
    gifts = [(PROJECTS[0], 6), (PROJECTS[1], 30), (PROJECTS[1], 4)]

    result = threshold_project_rewards(rows_of(gifts), PROJECTS[:1], 100, rules_for(3))

    assert (result.total_allocated, result.threshold) == (40, 40)
    assert result.projects == (ProjectResult(PROJECTS[0], 6, 0),)


def test_threshold_rewards__nobody_gave__has_no_match() -> None:
    result = threshold_project_rewards([], PROJECTS[:2], 100, rules_for(1))

    assert result.projects == tuple(ProjectResult(p, 0, 0) for p in PROJECTS[:2])
    assert (result.rewards_sum, result.total_allocated, result.threshold) == (0, 0, 0)


@given(
    gifts=st.lists(
        st.tuples(
            st.sampled_from([*PROJECTS, bytes(20)]),
            amounts,
            st.sampled_from(["0.0", "0.01", "1.0"]),
        ),
        max_size=12,
    ),
    pool=pools,
    listed=st.permutations(PROJECTS),
)
def test_plain_quadratic__any_gifts__equals_the_naive_one(
    gifts: list[tuple[bytes, int, str]], pool: int, listed: list[bytes]
) -> None:
    rows = [(project, amount, Decimal(uq)) for project, amount, uq in gifts]
    ascending = sorted(rows, key=lambda row: eip55(row[0]))
    weights, _ = naive.grouped(ascending)
    total, rewards = Decimal(0), Decimal(0)
    for weight in weights.values():
        total += weight
    matches = {}
    for project, weight in weights.items():
        matches[project] = weight / total * pool if total else Decimal(0)
        rewards += weight + matches[project]
    expected = [ProjectResult(p, int(weights.get(p, 0)), int(matches.get(p, 0))) for p in listed]

    result = plain_quadratic_funding(
        [AllocationRow(project, amount, uq) for project, amount, uq in rows], listed, pool
    )

    assert list(result.projects) == sorted(expected, key=lambda p: -p.allocated)
    assert result.total_allocated == total
    assert (result.rewards_sum, result.threshold) == (int(rewards), None)


@given(epoch=st.integers(-2, 12), total=st.integers(0, 10**24), projects=st.integers(0, 60))
def test_threshold__any_epoch__equals_the_naive_one(epoch: int, total: int, projects: int) -> None:
    assert allocation_threshold(total, projects, rules_for(epoch)) == naive.threshold(
        epoch, total, projects
    )


@given(epoch=st.integers(1, 12), sums=st.lists(amounts, max_size=8))
def test_below_threshold__any_sums__are_strictly_below(epoch: int, sums: list[int]) -> None:
    threshold = naive.threshold(epoch, sum(sums), len(sums))

    assert allocations_below_threshold(sums, rules_for(epoch)) == sum(
        amount for amount in sums if threshold is not None and amount < threshold
    )


@pytest.mark.parametrize(("epoch", "below"), [(1, 0), (2, 0), (3, 5), (4, 0)])
def test_below_threshold__project_exactly_there__is_not_below(epoch: int, below: int) -> None:
    # Thresholds 5, 5 and 10.
    assert allocations_below_threshold([5, 10, 15], rules_for(epoch)) == below
