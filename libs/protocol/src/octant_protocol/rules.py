"""Rule sets: the constants and switches of an epoch. A change of rules is a new rule set."""

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

GLM_SUPPLY = 10**27
GLM = 10**18

TotalRewardsRule = Literal["proceeds_minus_cost", "root_of_ratio", "share_of_proceeds"]
VanillaRule = Literal["root_of_ratio_of_total", "ratio_of_proceeds"]
Weighting = Literal["plain", "no_unlock_minimum"]
Matching = Literal["rest_of_total", "by_locked_ratio", "patrons_only"]
Leftover = Literal["cost_only", "with_funds", "with_funds_and_unmatched"]
ProjectRewards = Literal["threshold", "capped_quadratic"]


@dataclass(frozen=True, slots=True)
class MatchingPercents:
    """Shares of the matched pool: total rewards, individual equilibrium, matched part.

    Operators may override them (settings); they must equal the shares of the split.
    """

    tr: Decimal = Decimal("0.7")
    ire: Decimal = Decimal("0.35")
    mrp: Decimal = Decimal("0.35")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One frozen rule set. `name` is what a snapshot records.

    `equilibrium_share` and `community_fund_share` are None where the epoch knew neither
    (no ppf and no community fund then); `threshold_multiplier` is None without a threshold.
    """

    name: str
    operational_cost_share: Decimal = Decimal("0.25")
    total_rewards_rule: TotalRewardsRule = "share_of_proceeds"
    total_rewards_share: Decimal = Decimal("0.7")
    vanilla_rule: VanillaRule = "ratio_of_proceeds"
    equilibrium_share: Decimal | None = Decimal("0.35")
    community_fund_share: Decimal | None = Decimal("0.05")
    ppf_user_share: Decimal = Decimal("0.5")
    weighting: Weighting = "no_unlock_minimum"
    minimum_end_balance: int = 100 * GLM
    minimum_effective_deposit: int = 10 * GLM
    matching: Matching = "by_locked_ratio"
    percents: MatchingPercents = field(default_factory=MatchingPercents)
    leftover: Leftover = "with_funds_and_unmatched"
    project_rewards: ProjectRewards = "capped_quadratic"
    threshold_multiplier: int | None = None
    funding_cap: Decimal = Decimal("0.2")

    def with_percents(self, percents: MatchingPercents) -> "Rules":
        """The same rule set with configured percents."""
        return replace(self, percents=percents)


EPOCH_1 = Rules(
    name="epoch-1",
    operational_cost_share=Decimal("0.20"),
    total_rewards_rule="proceeds_minus_cost",
    vanilla_rule="root_of_ratio_of_total",
    equilibrium_share=None,
    community_fund_share=None,
    weighting="plain",
    matching="rest_of_total",
    leftover="cost_only",
    project_rewards="threshold",
    threshold_multiplier=2,
)
EPOCH_2 = replace(
    EPOCH_1,
    name="epoch-2",
    operational_cost_share=Decimal("0.25"),
    total_rewards_rule="root_of_ratio",
    vanilla_rule="ratio_of_proceeds",
    weighting="no_unlock_minimum",
)
EPOCH_3 = Rules(
    name="epoch-3",
    leftover="with_funds",
    project_rewards="threshold",
    threshold_multiplier=1,
)
EPOCH_4 = Rules(name="epoch-4")
EPOCH_11 = Rules(name="epoch-11", matching="patrons_only")

_HISTORY = ((1, EPOCH_1), (2, EPOCH_2), (3, EPOCH_3), (4, EPOCH_4), (11, EPOCH_11))


def rules_for(epoch: int) -> Rules:
    """The epoch's own rule set; unknown future epochs use the newest.

    Epochs below 1 never existed; the API answers for them with divisor 1 in the threshold and
    the ratio rule in the matched pool, which is the rule set of epoch 3.
    """
    if epoch < 1:
        return EPOCH_3
    return next(rules for first, rules in reversed(_HISTORY) if epoch >= first)


def live_rules_for(epoch: int) -> Rules:
    """The rule set under which an epoch is settled today.

    History is served as stored; whatever is computed now (a fresh chain's epochs 1–3 too)
    follows the newest rules up to the switch of epoch 11.
    """
    return rules_for(max(epoch, 4))


def rules_named(name: str) -> Rules:
    """The rule set a snapshot recorded. Raises `KeyError` for an unknown name."""
    return {rules.name: rules for _, rules in _HISTORY}[name]
