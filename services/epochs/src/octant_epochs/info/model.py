"""The statistics of an epoch that has no snapshot yet, in each of its three states."""

from collections.abc import Sequence

from octant_contracts.calls import EpochInfo
from octant_contracts.values import EpochNumber, Wei
from octant_protocol.calendar import EpochBounds, EpochProps
from octant_protocol.proceeds import estimate_staking_proceeds, split_proceeds
from octant_protocol.rules import live_rules_for


def future(epoch: EpochNumber, props: Sequence[EpochProps], locked_glm: int) -> EpochInfo:
    """As if the newest props applied and today's `locked_glm` (wei) stayed for ever."""
    newest = max(props, key=lambda entry: entry.index)
    return from_totals(epoch, estimate_staking_proceeds(newest.duration), locked_glm)


def current(span: EpochBounds, total_effective_deposit: int) -> EpochInfo:
    """Proceeds estimated over the whole epoch."""
    proceeds = estimate_staking_proceeds(span.end - span.start)
    return from_totals(span.epoch, proceeds, total_effective_deposit)


def from_totals(
    epoch: EpochNumber, staking_proceeds: int, total_effective_deposit: int
) -> EpochInfo:
    """The split of the proceeds (wei); what only a snapshot knows is null."""
    split = split_proceeds(staking_proceeds, total_effective_deposit, live_rules_for(epoch))
    return EpochInfo(
        epoch=epoch,
        staking_proceeds=Wei(staking_proceeds),
        total_effective_deposit=Wei(total_effective_deposit),
        total_rewards=Wei(split.total_rewards),
        vanilla_individual_rewards=Wei(split.vanilla_individual_rewards),
        operational_cost=Wei(split.operational_cost),
        ppf=None if split.ppf is None else Wei(split.ppf),
        community_fund=None if split.community_fund is None else Wei(split.community_fund),
        total_withdrawals=None,
        patrons_rewards=None,
        matched_rewards=None,
        leftover=None,
        donated_to_projects=None,
        staking_matched_reserved_for_v2=Wei(0),
    )
