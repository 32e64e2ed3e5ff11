"""Statistics before the snapshot: the documented numbers, one test per state."""

from octant_contracts.calls import EpochInfo
from octant_contracts.values import Wei
from octant_epochs.info import model
from octant_protocol.calendar import EpochBounds, EpochProps

START = 1_700_000_000
DAYS_90 = 7_776_000


def numbers(info: EpochInfo) -> dict[str, int | None]:
    return {
        "proceeds": info.staking_proceeds,
        "total": info.total_rewards,
        "vanilla": info.vanilla_individual_rewards,
        "cost": info.operational_cost,
        "ppf": info.ppf,
        "fund": info.community_fund,
    }


def assert_nothing_of_a_snapshot(info: EpochInfo) -> None:
    assert info.total_withdrawals is None
    assert info.patrons_rewards is None
    assert info.matched_rewards is None
    assert info.leftover is None
    assert info.donated_to_projects is None
    assert info.staking_matched_reserved_for_v2 == Wei(0)


def test_info__of_a_future_epoch__uses_the_newest_props_and_the_locked_glm() -> None:
    props = [
        EpochProps(0, 1, 3, START, 600, 100),
        EpochProps(1, 4, 0, START + 1800, DAYS_90, 100),
    ]

    info = model.future(2_000_000_000, props, 100022700000000000099999994)

    assert (info.epoch, info.total_effective_deposit) == (
        2_000_000_000,
        100022700000000000099999994,
    )
    assert numbers(info) == {
        "proceeds": 936986301369862848512,
        "total": 655890410958903993958,
        "vanilla": 93719899726027380831,
        "cost": 234246575342465712128,
        "ppf": 234225305753424616148,
        "fund": 46849315068493142425,
    }
    assert_nothing_of_a_snapshot(info)


def test_info__of_the_current_epoch__estimates_the_whole_of_it() -> None:
    span = EpochBounds(2, START, START + DAYS_90, 100)

    info = model.current(span, 5999871399176954732510292)

    assert numbers(info) == {
        "proceeds": 936986301369862848512,
        "total": 655890410958903993958,
        "vanilla": 5621797311009638785,
        "cost": 234246575342465712128,
        "ppf": 322323408168442358194,
        "fund": 46849315068493142425,
    }
    assert_nothing_of_a_snapshot(info)


def test_info__before_the_snapshot__splits_the_proceeds_that_came_in() -> None:
    info = model.from_totals(9, 412042049081445321216, 94755727584613854218098688)

    assert numbers(info) == {
        "proceeds": 412042049081445321216,
        "total": 288429434357011724851,
        "vanilla": 39043344156167524035,
        "cost": 103010512270361330304,
        "ppf": 105171373022338338390,
        "fund": 20602102454072266060,
    }
    assert_nothing_of_a_snapshot(info)


def test_info__nobody_locked__has_no_vanilla_rewards() -> None:
    info = model.from_totals(1, 412042049081445321216, 0)

    assert (info.vanilla_individual_rewards, info.ppf) == (0, 144214717178505862425)


def test_info__ratio_at_the_equilibrium__has_a_ppf_of_zero_not_null() -> None:
    info = model.from_totals(5, 402410958904110000000, 350000000 * 10**18)

    assert (info.vanilla_individual_rewards, info.ppf) == (140843835616438500000, 0)
