"""Vector files that run a whole pending snapshot or a budget estimator."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Literal

from octant_protocol.address import eip55, parse_address
from octant_protocol.deposits import (
    GRACE_PERIOD_ELSEWHERE,
    DepositEvent,
    EffectiveDeposit,
    order_events,
    ratio_text,
)
from octant_protocol.estimates import (
    CurrentEpoch,
    estimate_budget_by_days,
    estimate_future_budget,
    matched_funding,
)
from octant_protocol.pending import PendingSnapshot, deposits_of_all, pending_snapshot
from octant_protocol.proceeds import estimate_staking_proceeds
from octant_protocol.replay.deposit_cases import stream_action
from octant_protocol.replay.parsing import optional_wei, wei, wei_text
from octant_protocol.rules import Rules, live_rules_for
from octant_protocol.sablier import SUPPRESSED_STREAMS_ELSEWHERE, is_suppressed, stream_events

Case = dict[str, Any]

_NO_SNAPSHOT = (
    "No snapshot has been taken. Try calling /snapshot/pending or /snapshot/finalized endpoint"
)


def _octant_events(
    items: Iterable[Case], kind: Literal["Locked", "Unlocked"], start: int, end: int
) -> dict[bytes, list[DepositEvent]]:
    events: defaultdict[bytes, list[DepositEvent]] = defaultdict(list)
    for item in items:
        timestamp = int(item["timestamp"])
        if start <= timestamp < end:
            event = DepositEvent(kind, timestamp, int(item["amount"]), "Octant")
            events[parse_address(item["user"])].append(event)
    return events


def _sablier_events(
    streams: Iterable[Case], start: int, end: int
) -> dict[bytes, list[DepositEvent]]:
    events: defaultdict[bytes, list[DepositEvent]] = defaultdict(list)
    for stream in streams:
        if is_suppressed(str(stream.get("id", "")), SUPPRESSED_STREAMS_ELSEWHERE):
            continue
        actions = [stream_action(item) for item in stream["actions"]]
        for event in stream_events(actions, from_timestamp=start, to_timestamp=end):
            events[event.user].append(event.as_deposit_event())
    return events


def _all_deposits(
    case: Case, opening: dict[bytes, int], start: int, end: int, rules: Rules
) -> dict[bytes, EffectiveDeposit]:
    locks = _octant_events(case["locks"], "Locked", start, end)
    unlocks = _octant_events(case["unlocks"], "Unlocked", start, end)
    sablier = _sablier_events(case.get("sablier_streams", ()), start, end)
    return deposits_of_all(
        start=start,
        end=end,
        opening=opening,
        events={
            user: order_events(
                sablier=sablier.get(user, ()),
                locks=locks.get(user, ()),
                unlocks=unlocks.get(user, ()),
            )
            for user in {**locks, **unlocks, **sablier}
        },
        grace_period=case.get("sablier_unlock_grace_period", GRACE_PERIOD_ELSEWHERE),
        rules=rules,
    )


def _pending_snapshot(case: Case) -> Case:
    rules = live_rules_for(case["epoch"])
    start = case["epoch_start"]
    opening = {
        parse_address(user): wei(balance) for user, _, balance in case["previous_epoch_deposits"]
    }

    def at(end: int) -> PendingSnapshot:
        return pending_snapshot(
            proceeds=wei(case["staking_proceeds"]),
            deposits=_all_deposits(case, opening, start, end, rules),
            rules=rules,
        )

    stored = at(start + case["epoch_duration"])
    simulated = at(case["simulate_at"])
    split = stored.split
    text = ratio_text(split.locked_ratio)
    return {
        "simulate_response": _simulation(simulated)
        | {
            "same_rows_as_snapshot": simulated.deposits == stored.deposits
            and simulated.budgets == stored.budgets
        },
        "pending_snapshot_row": {
            "epoch": case["epoch"],
            "eth_proceeds": case["staking_proceeds"],
            "total_effective_deposit": str(stored.total_effective_deposit),
            "locked_ratio": text,
            "total_rewards": str(split.total_rewards),
            "vanilla_individual_rewards": str(split.vanilla_individual_rewards),
            "operational_cost": str(split.operational_cost),
            "ppf": wei_text(split.ppf),
            "community_fund": wei_text(split.community_fund),
        },
        "deposit_rows": sorted(
            [eip55(user), str(deposit.effective), str(deposit.end_balance)]
            for user, deposit in stored.deposits.items()
        ),
        "budget_rows": sorted(
            [eip55(user), str(budget)] for user, budget in stored.budgets.items()
        ),
        "budgets_response_sum": str(sum(stored.budgets.values())),
        "locked_ratio_response": {"lockedRatio": str(Decimal(text))},
        "total_effective_response": {"totalEffective": str(stored.total_effective_deposit)},
    }


def _simulation(snapshot: PendingSnapshot) -> Case:
    split = snapshot.split
    return {
        "rewards": {
            "stakingProceeds": str(snapshot.proceeds),
            "lockedRatio": str(split.locked_ratio),
            "totalEffectiveDeposit": str(snapshot.total_effective_deposit),
            "totalRewards": str(split.total_rewards),
            "vanillaIndividualRewards": str(split.vanilla_individual_rewards),
            "operationalCost": str(split.operational_cost),
            "communityFund": wei_text(split.community_fund),
            "ppf": wei_text(split.ppf),
        },
        "userDeposits": _by_user(
            {
                "userAddress": eip55(user),
                "effectiveDeposit": str(deposit.effective),
                "deposit": str(deposit.end_balance),
            }
            for user, deposit in snapshot.deposits.items()
        ),
        "userBudgets": _by_user(
            {"userAddress": eip55(user), "budget": str(budget)}
            for user, budget in snapshot.budgets.items()
        ),
    }


def _by_user(items: Iterable[Case]) -> list[Case]:
    return sorted(items, key=lambda item: str(item["userAddress"]))


def normalise_pending(expected: Case) -> Case:
    """Expected values with insignificant orders sorted and stored nulls of funds as "0"."""
    result = dict(expected)
    for rows in ("deposit_rows", "budget_rows"):
        if rows in result:
            result[rows] = sorted(result[rows])
    if "pending_snapshot_row" in result:
        result["pending_snapshot_row"] = funds_as_text(
            result["pending_snapshot_row"], "ppf", "community_fund"
        )
    simulation = dict(result.get("simulate_response", {}))
    for items in ("userDeposits", "userBudgets"):
        if items in simulation:
            simulation[items] = _by_user(simulation[items])
    if simulation:
        result["simulate_response"] = simulation
    return result


def funds_as_text(row: Case, *names: str) -> Case:
    """A copy in which null under `names` reads "0"; a stored null and "0" are one value."""
    return row | {name: "0" for name in names if name in row and row[name] is None}


def _budget_estimates(case: Case) -> Case:
    rules = live_rules_for(case["current_epoch"])
    start, duration, now = (
        case["current_epoch_start"],
        case["current_epoch_duration"],
        case["now"],
    )
    opening = {parse_address(user): wei(end) for user, end in case["previous_epoch_deposits"]}
    if case["kind"] == "upcoming":
        deposits = _all_deposits(case, opening, start, now, rules)
        snapshot = pending_snapshot(
            proceeds=estimate_staking_proceeds(now - start), deposits=deposits, rules=rules
        )
        budget = snapshot.budgets.get(parse_address(case["user"]), 0)
        return {"status": 200, "body": {"upcomingBudget": str(budget)}}

    body = case["request_body"]
    amount = _body_integer(body, "glmAmount", "glm_amount")
    future_start, future_duration = case["future_epoch_start"], case["future_epoch_duration"]
    balance = wei(case["deposits_contract_glm_balance"])
    if case["kind"] == "by_days":
        deposits = _all_deposits(case, opening, start, start + duration, rules)
        total = sum(deposit.effective for deposit in deposits.values())
        budget = estimate_budget_by_days(
            days=_body_integer(body, "days"),
            amount=amount,
            now=now,
            current=CurrentEpoch(start, duration, total),
            future_start=future_start,
            future_duration=future_duration,
            balance=balance,
            rules=rules,
        )
        return {"status": 200, "body": {"budget": str(budget)}}

    if case["kind"] != "epochs":
        raise ValueError(f"unknown kind {case['kind']!r}")
    matched = optional_wei(case["finalized_matched_rewards"])
    if matched is None:
        return {"status": 500, "body": {"message": _NO_SNAPSHOT}}
    budget = _body_integer(body, "numberOfEpochs", "number_of_epochs") * estimate_future_budget(
        start=future_start,
        duration=future_duration,
        lock_duration=future_duration,
        amount=amount,
        balance=balance,
        rules=rules,
    )
    allocated = optional_wei(case["finalized_allocations_sum"]) or 0
    funding = matched_funding(budget, matched, allocated)
    return {"status": 200, "body": {"budget": str(budget), "matchedFunding": str(funding)}}


def _body_integer(body: Case, *names: str) -> int:
    """An integer of a request body: a JSON number or a decimal text, under one of `names`."""
    value = next(body[name] for name in names if name in body)
    number = Decimal(str(value).strip())
    if number != int(number):
        raise ValueError(f"{value!r} is no integer")
    return int(number)


BY_FILE: dict[str, Callable[[Case], Case]] = {
    "pending_snapshot": _pending_snapshot,
    "budget_estimates": _budget_estimates,
}
