"""Published figures of mainnet epochs, each recomputed from what was published beside it."""

from collections.abc import Callable, Iterator
from typing import Any

from octant_protocol.deposits import locked_ratio
from octant_protocol.matching import matched_rewards
from octant_protocol.proceeds import (
    community_fund,
    operational_cost,
    ppf,
    total_rewards,
    vanilla_individual_rewards,
)
from octant_protocol.replay.parsing import optional_wei, wei, wei_text
from octant_protocol.rules import rules_for
from octant_protocol.settlement import leftover

Case = dict[str, Any]

COMPUTED = (
    "operationalCost",
    "totalRewards",
    "vanillaIndividualRewards",
    "ppf",
    "communityFund",
    "matchedRewards",
    "leftover",
)


def checks(document: Case) -> Iterator[tuple[str, Callable[[], object], Case]]:
    """One check per epoch: the computed fields that are published and not excepted."""
    excepted = {(entry["epoch"], entry["field"]) for entry in document["exceptions"]}
    for published in document["epochs"]:
        epoch = published["epoch"]
        expected = {
            name: published[name]
            for name in COMPUTED
            if published.get(name) is not None
            and (epoch, name) not in excepted
            and _computable(name, published)
        }
        yield (
            f"epoch {epoch}",
            lambda published=published: _figures(published),  # type: ignore[misc]
            {"expected": expected},
        )


def _computable(name: str, published: Case) -> bool:
    """Whether what a figure depends on is published; the used match of later epochs never is."""
    if name == "matchedRewards":
        return published.get("patronsRewards") is not None
    if name == "leftover":
        later = rules_for(published["epoch"]).leftover == "with_funds_and_unmatched"
        return not later and published.get("totalWithdrawals") is not None
    return True


def _figures(published: Case) -> Case:
    rules = rules_for(published["epoch"])
    proceeds = wei(published["stakingProceeds"])
    ratio = locked_ratio(wei(published["totalEffectiveDeposit"]))

    # Each figure is taken from the published values it depends on, not from our own.
    def known(name: str, computed: int) -> int:
        value = optional_wei(published.get(name))
        return computed if value is None else value

    cost = operational_cost(proceeds, rules)
    total = total_rewards(proceeds, ratio, known("operationalCost", cost), rules)
    vanilla = vanilla_individual_rewards(proceeds, ratio, known("totalRewards", total), rules)
    known_vanilla = known("vanillaIndividualRewards", vanilla)
    promotion = ppf(proceeds, ratio, known_vanilla, rules)
    fund = community_fund(proceeds, rules)
    figures = {
        "operationalCost": str(cost),
        "totalRewards": str(total),
        "vanillaIndividualRewards": str(vanilla),
        "ppf": wei_text(promotion),
        "communityFund": wei_text(fund),
    }
    if _computable("matchedRewards", published):
        pool = matched_rewards(
            proceeds=proceeds,
            locked_ratio=ratio,
            patrons_rewards=wei(published["patronsRewards"]),
            rules=rules,
            total_rewards=known("totalRewards", total),
            vanilla_individual_rewards=known_vanilla,
        )
        figures["matchedRewards"] = str(pool.matched)
    if _computable("leftover", published):
        rest = leftover(
            proceeds=proceeds,
            operational_cost=known("operationalCost", cost),
            community_fund=None if fund is None else known("communityFund", fund),
            ppf=None if promotion is None else known("ppf", promotion),
            total_withdrawals=wei(published["totalWithdrawals"]),
            matched=None,
            used=None,
            rules=rules,
        )
        figures["leftover"] = str(rest)
    return figures
