"""Vector files about proceeds, budgets, matching, funding, leverage, leftover and the tree."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from octant_protocol.address import eip55, parse_address
from octant_protocol.deposits import ratio_text
from octant_protocol.estimates import estimate_epoch_budget
from octant_protocol.funding import capped_quadratic_funding
from octant_protocol.historical import (
    allocation_threshold,
    allocations_below_threshold,
    plain_quadratic_funding,
    threshold_project_rewards,
)
from octant_protocol.leverage import individual_leverage, total_leverage
from octant_protocol.matching import matched_rewards
from octant_protocol.merkle import build_tree, leaf_hash
from octant_protocol.numeric import plain_text
from octant_protocol.proceeds import (
    aggregate_staking_proceeds,
    estimate_staking_proceeds,
    split_proceeds,
    user_budget,
)
from octant_protocol.replay.parsing import (
    addresses,
    allocation_row,
    hex_text,
    optional_wei,
    user_key,
    wei,
    wei_text,
)
from octant_protocol.rules import EPOCH_4, MatchingPercents, rules_for
from octant_protocol.settlement import leftover, unused_matched_rewards

Case = dict[str, Any]


def _octant_rewards(case: Case) -> Case:
    split = split_proceeds(
        wei(case["staking_proceeds"]),
        wei(case["total_effective_deposit"]),
        rules_for(case["epoch_rules"]),
    )
    return {
        "locked_ratio": ratio_text(split.locked_ratio),
        "operational_cost": wei_text(split.operational_cost),
        "total_rewards": wei_text(split.total_rewards),
        "vanilla_individual_rewards": wei_text(split.vanilla_individual_rewards),
        "individual_rewards_equilibrium": wei_text(split.individual_rewards_equilibrium),
        "ppf": wei_text(split.ppf),
        "community_fund": wei_text(split.community_fund),
    }


def _user_budget(case: Case) -> Case:
    total = case["total_effective_deposit"]
    budget = user_budget(
        wei(case["user_effective_deposit"]),
        0 if total is None else wei(total),
        wei(case["vanilla_individual_rewards"]),
        optional_wei(case["ppf"]),
        rules_for(case["epoch_rules"]),
    )
    return {"budget": str(budget)}


def _matched_rewards(case: Case) -> Case:
    percents = MatchingPercents(
        tr=Decimal(case["tr_percent"]),
        ire=Decimal(case["ire_percent"]),
        mrp=Decimal(case["matched_rewards_percent"]),
    )
    ratio = case["locked_ratio"]
    result = matched_rewards(
        proceeds=optional_wei(case["staking_proceeds"]) or 0,
        locked_ratio=Decimal(0 if ratio is None else ratio),
        patrons_rewards=wei(case["patrons_rewards"]),
        rules=rules_for(case["epoch"]).with_percents(percents),
        total_rewards=optional_wei(case["total_rewards"]),
        vanilla_individual_rewards=optional_wei(case["vanilla_individual_rewards"]),
    )
    return {
        "matched_rewards": str(result.matched),
        "staking_matched_reserved_for_v2": str(result.reserved_for_v2),
    }


def _capped_quadratic_funding(case: Case) -> Case:
    table = addresses(case, "projects", "unlisted_projects")
    matched = wei(case["matched_rewards"])
    rows = [
        allocation_row(table, project, amount, uq, user)
        for user, project, amount, uq in case["allocations"]
    ]
    result = capped_quadratic_funding(
        rows, addresses(case, "projects"), matched, Decimal(case["cap_percent"])
    )
    allocated = int(result.allocations_total)
    return {
        "projects": [[str(p.allocated), str(p.matched)] for p in result.projects],
        "allocations_total": plain_text(result.allocations_total),
        "matched_total": plain_text(result.matched_total),
        "allocations_total_int": str(allocated),
        "matched_total_int": str(result.used),
        "donated_int": str(result.donated),
        "total_leverage": total_leverage(matched, allocated),
    }


def _leverage(case: Case) -> Case:
    matched = wei(case["matched_rewards"])
    if case["kind"] == "total":
        return {"leverage": total_leverage(matched, wei(case["total_allocated"]))}
    if case["kind"] != "individual":
        raise ValueError(f"unknown kind {case['kind']!r}")
    table = addresses(case, "projects", "unlisted_projects")
    existing = [
        allocation_row(table, project, amount, uq, user)
        for user, project, amount, uq in case["existing_allocations"]
    ]
    new = [
        allocation_row(table, project, amount, uq, case["user"])
        for project, amount, uq in case["new_allocations"]
    ]
    leverage, after = individual_leverage(
        existing, user_key(case["user"]), new, addresses(case, "projects"), matched
    )
    return {
        "leverage": leverage,
        "matched_after": [str(p.matched) for p in after.projects],
    }


def _leftover(case: Case) -> Case:
    rules = rules_for(case["epoch_rules"])
    proceeds = optional_wei(case["staking_proceeds"]) or 0
    cost = optional_wei(case["operational_cost"]) or 0
    fund = optional_wei(case["community_fund"])
    ppf = optional_wei(case["ppf"])
    withdrawals = optional_wei(case["total_withdrawals"]) or 0
    rest = leftover(
        proceeds=proceeds,
        operational_cost=cost,
        community_fund=fund,
        ppf=ppf,
        total_withdrawals=withdrawals,
        matched=optional_wei(case["total_matched_rewards"]),
        used=optional_wei(case["used_matched_rewards"]),
        rules=rules,
    )
    unused = unused_matched_rewards(
        leftover=rest,
        proceeds=proceeds,
        operational_cost=cost,
        community_fund=fund,
        ppf=ppf,
        total_withdrawals=withdrawals,
        rules=rules,
    )
    return {"leftover": str(rest), "unused_matched_rewards_extracted": str(unused)}


def _merkle_tree(case: Case) -> Case:
    if case.get("leaf_encoding", ["address", "uint256"]) != ["address", "uint256"]:
        raise ValueError(f"unknown leaf encoding {case['leaf_encoding']!r}")
    leaves = [(parse_address(address), wei(amount)) for address, amount in case["leaves"]]
    tree = build_tree(leaves)
    proofs = [[hex_text(node) for node in tree.proof(leaf)] for leaf in range(len(leaves))]
    by_address: dict[str, list[str]] = {}
    for (address, _), proof in zip(leaves, proofs, strict=True):
        by_address.setdefault(eip55(address), proof)
    return {
        "root": hex_text(tree.root),
        "leaf_hashes": [hex_text(leaf_hash(address, amount)) for address, amount in leaves],
        "tree": [hex_text(node) for node in tree.nodes],
        "tree_indices": list(tree.leaf_indices),
        "proofs": proofs,
        "proofs_by_index": {str(leaf): proof for leaf, proof in enumerate(proofs)},
        "first_proof_by_address": by_address,
        "rewards_sum": str(sum(amount for _, amount in leaves)),
    }


def _staking_proceeds(case: Case) -> Case:
    if case["kind"] == "estimate":
        return {"staking_proceeds": str(estimate_staking_proceeds(case["epoch_duration_sec"]))}
    if case["kind"] != "aggregate":
        raise ValueError(f"unknown kind {case['kind']!r}")
    result = aggregate_staking_proceeds(
        target=parse_address(case["withdrawals_target"]),
        normal=case["normal"],
        internal=case["internal"],
        withdrawals=case["withdrawals"],
        block_rewards_eth=case["block_rewards_eth"],
    )
    return {
        "mev": str(result.mev),
        "withdrawals": str(result.withdrawals),
        "staking_proceeds": str(result.staking_proceeds),
    }


def _estimated_epoch_budget(case: Case) -> Case:
    proceeds = estimate_staking_proceeds(case["epoch_duration"])
    estimate = estimate_epoch_budget(
        start=case["epoch_start"],
        duration=case["epoch_duration"],
        remaining=case["epoch_remaining"],
        lock_duration=case["lock_duration"],
        amount=wei(case["glm_amount"]),
        total_effective_deposit=wei(case["total_effective_deposit"]),
        proceeds=proceeds,
        rules=EPOCH_4,
    )
    return {
        "user_effective_deposit": str(estimate.effective_deposit),
        "staking_proceeds": str(proceeds),
        "vanilla_individual_rewards": str(estimate.split.vanilla_individual_rewards),
        "ppf": wei_text(estimate.split.ppf),
        "budget": str(estimate.budget),
    }


def _threshold(case: Case) -> Case:
    rules = rules_for(case["epoch"])
    threshold = allocation_threshold(wei(case["total_allocated"]), case["projects_count"], rules)
    result: Case = {"threshold": wei_text(threshold)}
    if case["allocated_per_project"] is not None:
        sums = [wei(amount) for amount in case["allocated_per_project"]]
        result["allocations_below_threshold"] = str(allocations_below_threshold(sums, rules))
    return result


def _historical_project_rewards(case: Case) -> Case:
    projects = addresses(case, "projects")
    matched = wei(case["matched_rewards"])
    table = addresses(case, "projects", "unlisted_projects")
    rows = [allocation_row(table, *allocation) for allocation in case["allocations"]]
    if case["kind"] == "threshold":
        result = threshold_project_rewards(rows, projects, matched, rules_for(case["epoch_rules"]))
        leverage = total_leverage(matched, int(result.total_allocated))
    elif case["kind"] == "plain_qf":
        result, leverage = plain_quadratic_funding(rows, projects, matched), None
    else:
        raise ValueError(f"unknown kind {case['kind']!r}")
    return {
        "rewards": [
            {
                "address": eip55(reward.project),
                "allocated": str(reward.allocated),
                "matched": str(reward.matched),
            }
            for reward in result.projects
        ],
        "rewards_sum": str(result.rewards_sum),
        "total_allocated": plain_text(result.total_allocated),
        "threshold": wei_text(result.threshold),
        "leverage": leverage,
    }


BY_FILE: dict[str, Callable[[Case], Case]] = {
    "octant_rewards": _octant_rewards,
    "user_budget": _user_budget,
    "matched_rewards": _matched_rewards,
    "capped_quadratic_funding": _capped_quadratic_funding,
    "leverage": _leverage,
    "leftover": _leftover,
    "merkle_tree": _merkle_tree,
    "staking_proceeds": _staking_proceeds,
    "estimated_epoch_budget": _estimated_epoch_budget,
    "threshold": _threshold,
    "historical_project_rewards": _historical_project_rewards,
}
