"""Proceeds, budgets, matching, funding, leverage and settlement: worked cases and invariants."""

import math
from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from octant_protocol.deposits import locked_ratio
from octant_protocol.funding import AllocationRow, capped_quadratic_funding
from octant_protocol.historical import allocation_threshold
from octant_protocol.leverage import ProjectNotListed, individual_leverage, total_leverage
from octant_protocol.matching import LockedRatioTooHigh, matched_rewards
from octant_protocol.numeric import half_as_double, scaled_integer
from octant_protocol.proceeds import (
    aggregate_staking_proceeds,
    estimate_staking_proceeds,
    split_proceeds,
    user_budget,
)
from octant_protocol.rules import (
    EPOCH_3,
    EPOCH_4,
    EPOCH_11,
    MatchingPercents,
    live_rules_for,
    rules_for,
    rules_named,
)
from octant_protocol.settlement import (
    claimed_rewards,
    donated_to_projects,
    leftover,
    reward_leaves,
    total_withdrawals,
    unspent,
    unused_matched_rewards,
)

ONE = Decimal("1.0")
PROJECTS = [bytes([number]) * 20 for number in range(1, 7)]
TARGET = bytes.fromhex("ba1951df0c0a52af23857c5ab48b4c43a57e7ed1")
P = 402410958904110000000
TED = 100022700000000000099999994


def rows(*gifts: tuple[int, int], uq: Decimal = ONE) -> list[AllocationRow]:
    """Rows of (project number from 0, wei), each from its own user."""
    return [
        AllocationRow(PROJECTS[project], amount, uq, user.to_bytes(20, "big"))
        for user, (project, amount) in enumerate(gifts)
    ]


@pytest.mark.parametrize(
    ("epoch", "name"),
    [
        (-1, "epoch-3"),
        (0, "epoch-3"),
        (1, "epoch-1"),
        (2, "epoch-2"),
        (3, "epoch-3"),
        (4, "epoch-4"),
        (10, "epoch-4"),
        (11, "epoch-11"),
        (10**9, "epoch-11"),
    ],
)
def test_rules_for__epoch__gives_its_own_set(epoch: int, name: str) -> None:
    assert rules_for(epoch).name == name
    assert rules_named(name) is rules_for(epoch)


@pytest.mark.parametrize(("epoch", "name"), [(1, "epoch-4"), (10, "epoch-4"), (11, "epoch-11")])
def test_live_rules_for__early_epochs__are_the_current_ones(epoch: int, name: str) -> None:
    assert live_rules_for(epoch).name == name


@pytest.mark.parametrize(
    ("seconds", "wei"),
    [
        (-5, 0),
        (0, 0),
        (1, 120497209538305),
        (600, 72298325722983248),
        (1000, 120497209538305408),
        (86400, 10410958904109586432),
        (6220800, 749589041095890305024),
        (7776000, 936986301369862848512),
        (7890000, 950722983257229623296),
    ],
)
def test_estimate__documented_durations__match_to_the_wei(seconds: int, wei: int) -> None:
    assert estimate_staking_proceeds(seconds) == wei


@pytest.mark.parametrize(
    ("epoch", "total", "vanilla", "cost", "ppf", "fund"),
    [
        (1, 321928767123288000000, 101814368807786772948, 80482191780822000000, None, None),
        (2, 127267961009733466185, 40250230619178123337, 100602739726027500000, None, None),
        (
            4,
            281687671232877000000,
            40250230619178123337,
            100602739726027500000,
            100593604997260376663,
            20120547945205500000,
        ),
    ],
)
def test_split__documented_epochs__match_to_the_wei(
    epoch: int, total: int, vanilla: int, cost: int, ppf: int | None, fund: int | None
) -> None:
    split = split_proceeds(P, TED, rules_for(epoch))

    assert split.total_rewards == total
    assert split.vanilla_individual_rewards == vanilla
    assert split.operational_cost == cost
    assert split.ppf == ppf
    assert split.community_fund == fund


@pytest.mark.parametrize(
    ("total_deposit", "vanilla", "ppf", "matched"),
    [
        (349999999 * 10**18, 140843835214027541095, 402410958905, 140843835616438500000),
        (350000000 * 10**18, 140843835616438500000, 0, 140843835616438500000),
        (700000000 * 10**18, 281687671232877000000, 0, 0),
    ],
)
def test_split__ratio_around_the_bounds__switches_exactly(
    total_deposit: int, vanilla: int, ppf: int, matched: int
) -> None:
    split = split_proceeds(P, total_deposit, EPOCH_4)
    pool = matched_rewards(
        proceeds=P, locked_ratio=split.locked_ratio, patrons_rewards=0, rules=EPOCH_4
    )

    assert (split.vanilla_individual_rewards, split.ppf, pool.matched) == (vanilla, ppf, matched)


@pytest.mark.parametrize(
    ("epoch", "ppf", "budget"),
    [(1, None, 1526868989237987), (4, 39029466808651717175, 1819523568520052)],
)
def test_user_budget__documented_deposit__matches_to_the_wei(
    epoch: int, ppf: int | None, budget: int
) -> None:
    vanilla = 101814368807786782825

    assert user_budget(1500000055377000000000, TED, vanilla, ppf, rules_for(epoch)) == budget


def test_user_budget__no_total_deposit__is_zero() -> None:
    assert user_budget(1, 0, 10**18, 10**18, EPOCH_4) == 0


def test_user_budget__missing_ppf__counts_as_zero() -> None:
    assert user_budget(1, 3, 10**18, None, EPOCH_4) == user_budget(1, 3, 10**18, 0, EPOCH_4)


def _transaction(number: int, value: int, **changes: str) -> dict[str, str]:
    row = {
        "hash": f"0x{number}",
        "to": "0x" + TARGET.hex(),
        "value": str(value),
        "isError": "0",
        "functionName": "",
    }
    return row | changes


def test_aggregate__documented_transactions__count_once_and_without_calls() -> None:
    result = aggregate_staking_proceeds(
        target=TARGET,
        normal=[
            _transaction(1, 63731797601781525),
            _transaction(1, 63731797601781525),
            _transaction(2, 52289789573601810),
            _transaction(3, 7, isError="1"),
            _transaction(4, 7, functionName="execTransaction(address to)"),
            _transaction(5, 7, to="0x" + "00" * 20),
        ],
        internal=[
            _transaction(6, 3081369209350255),
            _transaction(7, 289676626681230680),
            _transaction(2, 9),
        ],
        withdrawals=[
            {"withdrawalIndex": "1", "amount": "32000000123"},
            {"withdrawalIndex": "2", "amount": "20000"},
            {"withdrawalIndex": "2", "amount": "20000"},
        ],
        block_rewards_eth=0.077902794919848902,
    )

    assert result.mev == 408779583065964270
    assert result.withdrawals == 20123000000000
    assert result.staking_proceeds == result.mev + result.withdrawals + 77902794919848900


def test_aggregate__failed_transaction__does_not_hide_its_repetition() -> None:
    result = aggregate_staking_proceeds(
        target=TARGET,
        normal=[_transaction(1, 5, isError="1"), _transaction(1, 5)],
        internal=[],
        withdrawals=[],
        block_rewards_eth=0.0,
    )

    assert result.staking_proceeds == 5


@pytest.mark.parametrize(
    ("value", "wei"), [(1e-18, 1), (17.0, 17 * 10**18), (1e-19, 0), (0.1, 10**17)]
)
def test_scaled_integer__doubles__are_exact(value: float, wei: int) -> None:
    assert scaled_integer(value, 18) == wei


def test_matched_rewards__patrons__join_the_pool_or_replace_it() -> None:
    common = {"proceeds": 10**6, "locked_ratio": Decimal("0.5"), "patrons_rewards": 150000}

    before = matched_rewards(**common, rules=rules_for(10))
    after = matched_rewards(**common, rules=rules_for(11))

    assert (before.matched, before.reserved_for_v2) == (350000, 0)
    assert (after.matched, after.reserved_for_v2) == (150000, 200000)


def test_matched_rewards__ratio_above_the_share__is_refused_before_epoch_11() -> None:
    common = {"proceeds": 10**18, "locked_ratio": Decimal("0.71"), "patrons_rewards": 7}

    with pytest.raises(LockedRatioTooHigh, match="locked ratio is greater than TR percent"):
        matched_rewards(**common, rules=EPOCH_4)
    pool = matched_rewards(**common, rules=EPOCH_11)
    assert (pool.matched, pool.reserved_for_v2) == (7, 0)


def test_matched_rewards__configured_percents__replace_the_defaults() -> None:
    rules = EPOCH_4.with_percents(MatchingPercents(mrp=Decimal("0.1")))

    pool = matched_rewards(
        proceeds=1000, locked_ratio=Decimal("0.1"), patrons_rewards=1, rules=rules
    )

    assert pool.matched == 101


def test_matched_rewards__oldest_rules_without_totals__raise() -> None:
    with pytest.raises(ValueError, match="epoch-1"):
        matched_rewards(proceeds=1, locked_ratio=Decimal(0), patrons_rewards=0, rules=rules_for(1))


def test_funding__one_donor__is_capped() -> None:
    result = capped_quadratic_funding(rows((0, 1000)), PROJECTS[:1], 35000, EPOCH_4)

    assert result.projects[0].matched == 7000


def test_funding__six_projects_one_donor_each__match_to_the_wei() -> None:
    gifts = rows(*((number, 1000 * (number + 1)) for number in range(6)))

    result = capped_quadratic_funding(gifts, PROJECTS, 35000, EPOCH_4)

    assert [p.matched for p in result.projects] == [1666, 3333, 5000, 6666, 7000, 7000]
    assert result.matched_total == Decimal("30666.66666666666665726756766")


def test_funding__six_projects_two_donors_each__match_to_the_wei() -> None:
    gifts = rows(*((number, 1000 * (number + 1)) for number in range(6) for _ in range(2)))

    result = capped_quadratic_funding(gifts, PROJECTS, 100000, EPOCH_4)

    assert [p.matched for p in result.projects] == [4761, 9523, 14285, 19047, 20000, 20000]


def test_funding__unlisted_project__counts_in_the_totals_only() -> None:
    result = capped_quadratic_funding(rows((0, 10), (1, 10)), PROJECTS[:1], 100, EPOCH_4)

    assert len(result.projects) == 1
    assert (result.allocations_total, result.used, result.donated) == (20, 40, 60)


def test_funding__hostile_ambient_context__is_unaffected() -> None:
    gifts = rows(*((number, 10**17 + number) for number in range(6)))
    usual = capped_quadratic_funding(gifts, PROJECTS, 10**20, EPOCH_4)

    with localcontext() as context:
        context.prec = 2
        assert capped_quadratic_funding(gifts, PROJECTS, 10**20, EPOCH_4) == usual


_GIFTS = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.integers(0, 10**22),
        st.sampled_from(["0.0", "0.01", "0.2", "1.0"]),
    ),
    max_size=40,
)


def _drawn_rows(gifts: list[tuple[int, int, str]]) -> list[AllocationRow]:
    return [
        AllocationRow(PROJECTS[project], amount, Decimal(uq), bytes([user % 5]) * 20)
        for user, (project, amount, uq) in enumerate(gifts)
    ]


@given(gifts=_GIFTS, matched=st.integers(0, 10**24))
def test_funding__shuffled_projects__change_only_the_order(
    gifts: list[tuple[int, int, str]], matched: int
) -> None:
    drawn = _drawn_rows(gifts)

    forward = capped_quadratic_funding(drawn, PROJECTS, matched, EPOCH_4)
    backward = capped_quadratic_funding(drawn, PROJECTS[::-1], matched, EPOCH_4)

    assert forward.projects == backward.projects[::-1]
    assert forward.matched_total == backward.matched_total


@given(gifts=_GIFTS, new=_GIFTS, matched=st.integers(0, 10**24))
def test_individual_leverage__any_allocation__equals_two_separate_fundings(
    gifts: list[tuple[int, int, str]], new: list[tuple[int, int, str]], matched: int
) -> None:
    existing, replacement = _drawn_rows(gifts), _drawn_rows(new)
    user = bytes([1]) * 20

    leverage, after = individual_leverage(existing, user, replacement, PROJECTS, matched)

    others = [row for row in existing if row.user != user]
    assert after == capped_quadratic_funding(others + replacement, PROJECTS, matched, EPOCH_4)
    assert math.isfinite(leverage)
    assert leverage >= 0.0


def test_individual_leverage__unlisted_project__raises() -> None:
    with pytest.raises(ProjectNotListed, match="is not in the project list"):
        individual_leverage([], b"", rows((5, 1)), PROJECTS[:2], 100)


def test_individual_leverage__nothing_given__is_zero() -> None:
    assert individual_leverage([], b"", rows((0, 0)), PROJECTS, 100)[0] == 0.0


@pytest.mark.parametrize(
    ("matched", "allocated", "leverage"), [(300, 100, 3.0), (5, 0, 0.0), (0, 7, 0.0)]
)
def test_total_leverage__sums__divide_as_doubles(
    matched: int, allocated: int, leverage: float
) -> None:
    assert total_leverage(matched, allocated) == leverage


def test_settlement__documented_finalization__matches_to_the_wei() -> None:
    gifts = rows((0, 10**6), (1, 10**6))
    pool = matched_rewards(
        proceeds=10**6, locked_ratio=Decimal("0.5"), patrons_rewards=0, rules=EPOCH_4
    )
    funding = capped_quadratic_funding(gifts, PROJECTS, pool.matched, EPOCH_4)
    withdrawals = total_withdrawals(0, funding)
    rest = leftover(
        proceeds=10**6,
        operational_cost=100000,
        community_fund=50000,
        ppf=25000,
        total_withdrawals=withdrawals,
        matched=pool.matched,
        used=funding.used,
        rules=EPOCH_4,
    )

    assert (pool.matched, funding.used, withdrawals, rest) == (200000, 80000, 2080000, -1122500)


def test_leftover__large_ppf__is_halved_as_a_double() -> None:
    assert half_as_double(189291156356101504049) == 94645578178050752512


def test_leftover__funds_missing__count_as_zero() -> None:
    common = {
        "proceeds": 1000,
        "operational_cost": 250,
        "total_withdrawals": 100,
        "matched": 10,
        "used": 4,
        "rules": EPOCH_4,
    }

    assert leftover(**common, ppf=None, community_fund=None) == leftover(
        **common, ppf=0, community_fund=0
    )


@given(
    epoch=st.integers(1, 12),
    amounts=st.tuples(*(st.integers(0, 10**22) for _ in range(6))),
)
def test_unused_matched_rewards__any_leftover__is_its_inverse(
    epoch: int, amounts: tuple[int, int, int, int, int, int]
) -> None:
    proceeds, cost, fund, ppf, withdrawals, matched = amounts
    used = matched // 3
    rules = rules_for(epoch)
    common = {
        "proceeds": proceeds,
        "operational_cost": cost,
        "community_fund": fund,
        "ppf": ppf,
        "total_withdrawals": withdrawals,
        "rules": rules,
    }
    rest = leftover(**common, matched=matched, used=used)

    unused = unused_matched_rewards(**common, leftover=rest)

    assert unused == (matched - used if epoch >= 4 else 0)
    assert rest - unused == unspent(**common)


@pytest.mark.parametrize(
    ("epoch", "donated"),
    [(2, 1000000000000001000), (3, 1000000000000001000), (5, 1100000000000000990)],
)
def test_donated_to_projects__epochs_own_branch__drops_what_is_below(
    epoch: int, donated: int
) -> None:
    unused = 0 if epoch < 4 else 10

    assert (
        donated_to_projects(
            matched=1000,
            unused=unused,
            allocated_per_project=[10**18, 10**17],
            rules=rules_for(epoch),
        )
        == donated
    )


@pytest.mark.parametrize(
    ("total", "projects", "epoch", "threshold"),
    [
        (10**19 + 1, 24, 1, 208333333333333344),
        (10**18, 5, 3, 2 * 10**17),
        (10**18, 5, 0, 2 * 10**17),
        (10**18, 0, 2, 0),
        (10**18, 5, 4, None),
    ],
)
def test_threshold__totals__divide_as_doubles(
    total: int, projects: int, epoch: int, threshold: int | None
) -> None:
    assert allocation_threshold(total, projects, rules_for(epoch)) == threshold


@pytest.mark.parametrize(("budget", "allocated", "claimed"), [(5, 2, 3), (5, 5, 0), (5, 9, 0)])
def test_claimed_rewards__allocations__leave_the_rest(
    budget: int, allocated: int, claimed: int
) -> None:
    assert claimed_rewards(budget, allocated) == claimed


def test_reward_leaves__project_that_also_claims__gets_one_leaf() -> None:
    lower = bytes.fromhex("fb6916095ca1df60bb79ce92ce3ea74c37c5d359")
    upper = bytes.fromhex("d1220a0cf47c7b9be7a2e6ba89f429762e7b9adb")
    digit = bytes.fromhex("5aaeb6053f3e94c9b9a09f33669435e7ef1beaed")

    leaves = reward_leaves([(lower, 1), (upper, 2)], [(lower, 5), (digit, 3)])

    assert leaves == [(digit, 3), (upper, 2), (lower, 6)]


@given(
    proceeds=st.integers(0, 10**23),
    total_deposit=st.integers(0, 349_999_999 * 10**18),
    patrons=st.integers(0, 10**20),
    epoch=st.sampled_from([3, 4, 10, 11, 12]),
)
def test_split__ratio_below_the_equilibrium__accounts_for_all_proceeds(
    proceeds: int, total_deposit: int, patrons: int, epoch: int
) -> None:
    rules = rules_for(epoch)
    split = split_proceeds(proceeds, total_deposit, rules)
    pool = matched_rewards(
        proceeds=proceeds,
        locked_ratio=locked_ratio(total_deposit),
        patrons_rewards=patrons,
        rules=rules,
    )
    assert split.ppf is not None
    assert split.community_fund is not None
    vanilla = split.vanilla_individual_rewards

    individual = vanilla + split.ppf - patrons
    everything = individual + pool.matched + split.community_fund + split.operational_cost
    assert abs(everything + pool.reserved_for_v2 - proceeds) <= 100
    if rules is EPOCH_11:
        assert pool.matched == patrons
    else:
        assert abs(split.total_rewards - split.ppf - vanilla + patrons - pool.matched) <= 1


@given(
    deposits=st.lists(st.integers(0, 10**24), min_size=1, max_size=30),
    vanilla=st.integers(0, 10**21),
    ppf=st.integers(0, 10**21),
)
def test_user_budget__all_users__share_the_individual_pool(
    deposits: list[int], vanilla: int, ppf: int
) -> None:
    total = sum(deposits)

    budgets = [user_budget(deposit, total, vanilla, ppf, EPOCH_3) for deposit in deposits]

    if total:
        assert abs(sum(budgets) - (vanilla + ppf // 2)) <= 500
    else:
        assert sum(budgets) == 0
