"""The matched pool of an epoch and the part of the staking rewards reserved for v2."""

from dataclasses import dataclass
from decimal import Decimal

from octant_protocol.numeric import add, multiply, subtract
from octant_protocol.rules import MatchingPercents, Rules


class LockedRatioTooHigh(ValueError):
    """The rule set has no matched pool for a locked ratio above the total rewards share."""

    def __init__(self) -> None:
        super().__init__(
            "Can't calculate matched rewards when locked ratio is greater than TR percent"
        )


@dataclass(frozen=True, slots=True)
class MatchedRewards:
    """Pool of the quadratic funding and the reserved staking part, wei."""

    matched: int
    reserved_for_v2: int


def matched_rewards(
    *,
    proceeds: int,
    locked_ratio: Decimal,
    patrons_rewards: int,
    rules: Rules,
    total_rewards: int | None = None,
    vanilla_individual_rewards: int | None = None,
) -> MatchedRewards:
    """The matched pool, wei; `patrons_rewards` is the exact sum of the patrons' budgets.

    The oldest rule sets need `total_rewards` and `vanilla_individual_rewards` (`ValueError`
    without them) and ignore proceeds and ratio. Raises `LockedRatioTooHigh` where the rule set
    refuses. Source: matched rewards.
    """
    if rules.matching == "rest_of_total":
        if total_rewards is None or vanilla_individual_rewards is None:
            raise ValueError(f"rule set {rules.name} needs the total and individual rewards")
        return MatchedRewards(total_rewards - vanilla_individual_rewards + patrons_rewards, 0)

    percents = rules.percents
    staking = _staking_part(proceeds, locked_ratio, percents)
    if rules.matching == "patrons_only":
        return MatchedRewards(patrons_rewards, 0 if staking is None else int(staking))
    if staking is not None:
        return MatchedRewards(int(add(staking, Decimal(patrons_rewards))), 0)
    if locked_ratio == percents.tr:
        return MatchedRewards(patrons_rewards, 0)
    raise LockedRatioTooHigh


def _staking_part(proceeds: int, ratio: Decimal, percents: MatchingPercents) -> Decimal | None:
    """The untruncated share of the proceeds, None from the total rewards share on."""
    if ratio < percents.ire:
        return multiply(percents.mrp, Decimal(proceeds))
    if ratio < percents.tr:
        return multiply(subtract(percents.tr, ratio), Decimal(proceeds))
    return None
