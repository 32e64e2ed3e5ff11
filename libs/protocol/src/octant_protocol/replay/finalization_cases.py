"""The vector file that runs a whole finalization."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from octant_protocol.address import eip55
from octant_protocol.finalization import (
    Finalization,
    PatronEvent,
    PendingAmounts,
    finalize,
    patrons_at,
    unused_budgets,
)
from octant_protocol.funding import AllocationRow
from octant_protocol.leverage import total_leverage
from octant_protocol.replay.parsing import addresses, hex_text, optional_wei, wei
from octant_protocol.replay.snapshot_cases import funds_as_text
from octant_protocol.rules import live_rules_for, rules_for
from octant_protocol.settlement import donated_to_projects, unused_matched_rewards

Case = dict[str, Any]


def _scores(case: Case, users: list[bytes]) -> dict[bytes, Decimal]:
    """The newest uniqueness quotient of each user; a row without a time counts as newest."""
    newest: dict[bytes, tuple[tuple[bool, int], Decimal]] = {}
    for user, score, created in case["uniqueness_quotients"]:
        age = (created is None, created or 0)
        known = newest.get(users[user])
        if known is None or age >= known[0]:
            newest[users[user]] = (age, Decimal(score))
    return {user: score for user, (_, score) in newest.items()}


def _rows(case: Case, users: list[bytes]) -> list[AllocationRow]:
    table = addresses(case, "projects", "unlisted_projects")
    scores = _scores(case, users)
    return [
        AllocationRow(
            table[project], wei(amount), scores.get(users[user], Decimal("0.0")), users[user]
        )
        for user, project, amount in case["allocations"]
    ]


def _sums(rows: list[AllocationRow]) -> list[int]:
    sums: dict[bytes, int] = {}
    for row in rows:
        sums[row.project] = sums.get(row.project, 0) + row.amount
    return list(sums.values())


def finalized_snapshot(case: Case) -> Case:
    """Everything the API shows of one epoch, before and after its finalization."""
    epoch = case["epoch"]
    stored = case["pending_snapshot_row"]
    users = addresses(case, "users")
    budgets = {users[user]: wei(budget) for user, budget in case["budgets"]}
    rows = _rows(case, users)
    instant = case["epoch_start"] + case["epoch_duration"] + case["decision_window"]
    patrons = patrons_at(
        (PatronEvent(users[user], enabled, at) for user, enabled, at in case["patron_events"]),
        instant,
    )
    pending = PendingAmounts(
        proceeds=wei(stored["eth_proceeds"]),
        locked_ratio=Decimal(stored["locked_ratio"]),
        operational_cost=wei(stored["operational_cost"]),
        ppf=optional_wei(stored["ppf"]),
        community_fund=optional_wei(stored["community_fund"]),
    )
    result = finalize(
        pending=pending,
        budgets=budgets,
        patrons=patrons,
        rows=rows,
        projects=addresses(case, "projects"),
        rules=live_rules_for(epoch),
    )
    leverage = total_leverage(result.matched.matched, sum(row.amount for row in rows))
    unused = unused_budgets(budgets, (row.user for row in rows), patrons)
    info = _epoch_info(epoch, stored, result)
    return {
        "projects_estimated": [[str(p.allocated), str(p.matched)] for p in result.funding.projects],
        "leverage_pending": leverage,
        "unused_rewards": {
            "addresses": [eip55(user) for user, _ in unused],
            "value": str(sum(budget for _, budget in unused)),
        },
        "epoch_info_pending": info | {"donatedToProjects": str(result.funding.donated)},
        "epoch_info_finalized": info
        | {"donatedToProjects": str(_finalized_donations(epoch, pending, result, rows))},
        "simulate_response": _simulation(result),
        "finalized_snapshot_row": {
            "epoch": epoch,
            "matched_rewards": str(result.matched.matched),
            "patrons_rewards": str(result.patrons_rewards),
            "leftover": str(result.leftover),
            "withdrawals_merkle_root": _root(result),
            "total_withdrawals": str(result.total_withdrawals),
            "staking_matched_reserved_for_v2": str(result.matched.reserved_for_v2),
        },
        "projects_epoch": sorted(
            [eip55(p.project), str(p.allocated), str(p.matched)] for p in result.rewarded
        ),
        "leverage_finalized": leverage,
        "withdrawals": _withdrawals(case, epoch, result),
    } | _reward_rows(epoch, result)


def _finalized_donations(
    epoch: int, pending: PendingAmounts, result: Finalization, rows: list[AllocationRow]
) -> int:
    own_rules = rules_for(epoch)
    unused = unused_matched_rewards(
        leftover=result.leftover,
        proceeds=pending.proceeds,
        operational_cost=pending.operational_cost,
        community_fund=pending.community_fund,
        ppf=pending.ppf,
        total_withdrawals=result.total_withdrawals,
        rules=own_rules,
    )
    return donated_to_projects(
        matched=result.matched.matched,
        unused=unused,
        allocated_per_project=_sums(rows),
        rules=own_rules,
    )


def _epoch_info(epoch: int, stored: Case, result: Finalization) -> Case:
    return {
        "epoch": epoch,
        "stakingProceeds": stored["eth_proceeds"],
        "totalEffectiveDeposit": stored["total_effective_deposit"],
        "totalRewards": stored["total_rewards"],
        "vanillaIndividualRewards": stored["vanilla_individual_rewards"],
        "operationalCost": stored["operational_cost"],
        "totalWithdrawals": str(result.total_withdrawals),
        "patronsRewards": str(result.patrons_rewards),
        "matchedRewards": str(result.matched.matched),
        "leftover": str(result.leftover),
        "ppf": stored["ppf"] or "0",
        "communityFund": stored["community_fund"] or "0",
        "stakingMatchedReservedForV2": str(result.matched.reserved_for_v2),
    }


def _simulation(result: Finalization) -> Case:
    return {
        "patronsRewards": str(result.patrons_rewards),
        "matchedRewards": str(result.matched.matched),
        "projectsRewards": [
            [eip55(p.project), str(p.allocated + p.matched), str(p.matched)]
            for p in result.rewarded
        ],
        "userRewards": sorted([eip55(user), str(claim)] for user, claim in result.claims.items()),
        "totalWithdrawals": str(result.total_withdrawals),
        "leftover": str(result.leftover),
        "merkleRoot": _root(result),
        "stakingMatchedReservedForV2": str(result.matched.reserved_for_v2),
    }


def _root(result: Finalization) -> str | None:
    return None if result.tree is None else hex_text(result.tree.root)


def _reward_rows(epoch: int, result: Finalization) -> Case:
    total = str(sum(amount for _, amount in result.leaves))
    figures: Case = {
        "reward_rows_count": len(result.rewarded) + len(result.claims),
        "reward_rows_sum": total,
    }
    if result.tree is None:
        return figures | {"merkle_tree_status": 400}
    return figures | {
        "merkle_tree": {
            "epoch": epoch,
            "rewardsSum": total,
            "root": hex_text(result.tree.root),
            "leafEncoding": ["address", "uint256"],
            "leaves_count": len(result.leaves),
        }
    }


def _withdrawals(case: Case, epoch: int, result: Finalization) -> dict[str, list[Case]]:
    entries: dict[str, list[Case]] = {
        eip55(address): [] for address in addresses(case, "users", "projects", "unlisted_projects")
    }
    for number, (address, amount) in enumerate(result.leaves):
        proof = [] if result.tree is None else result.tree.proof(number)
        entries[eip55(address)] = [
            {
                "epoch": epoch,
                "amount": str(amount),
                "proof": [hex_text(node) for node in proof],
                "status": "available",
            }
        ]
    return entries


def normalise_finalized(expected: Case) -> Case:
    """Expected values with the nulls of the two fund fields as "0"."""
    return expected | {
        name: funds_as_text(expected[name], "ppf", "communityFund")
        for name in ("epoch_info_pending", "epoch_info_finalized")
        if name in expected
    }


def crash_case(case: Case) -> Case:
    """A case that once crashed: refused by the rules, or what is missing must read as "0"."""
    result = finalized_snapshot(case)
    repaired = _repaired(case)
    if repaired == case:
        raise ValueError("nothing in the case explains the status 500")
    if result != finalized_snapshot(repaired):
        raise ValueError('what is missing gives another result than "0"')
    return {"simulate_status": 500, "simulate_body": "Internal Server Error"}


def _repaired(case: Case) -> Case:
    """The case with "0" for missing funds and for donors' missing budgets."""
    funded = {user for user, _ in case["budgets"]}
    missing = dict.fromkeys(user for user, _, _ in case["allocations"] if user not in funded)
    return case | {
        "pending_snapshot_row": funds_as_text(
            case["pending_snapshot_row"], "ppf", "community_fund"
        ),
        "budgets": [*case["budgets"], *([user, "0"] for user in missing)],
    }


BY_FILE: dict[str, Callable[[Case], Case]] = {"finalized_snapshot": finalized_snapshot}
