"""Vector files about deposit events and effective deposits."""

from collections.abc import Callable
from typing import Any

from octant_protocol.address import eip55, parse_address
from octant_protocol.deposits import DepositEvent, effective_deposit, unify
from octant_protocol.replay.parsing import optional_wei, wei
from octant_protocol.rules import rules_for
from octant_protocol.sablier import StreamAction, all_stream_events

Case = dict[str, Any]


def _event(item: Case) -> DepositEvent:
    if item["type"] not in ("Locked", "Unlocked"):
        raise ValueError(f"unknown event type {item['type']!r}")
    if item["source"] not in ("Octant", "Sablier"):
        raise ValueError(f"unknown event source {item['source']!r}")
    return DepositEvent(
        item["type"],
        item["timestamp"],
        wei(item["amount"]),
        item["source"],
        optional_wei(item.get("deposit_before")) or 0,
    )


def _effective_deposit(case: Case) -> Case:
    rules = rules_for(case["epoch_rules"])
    users = []
    total = 0
    for user, items in case["events_by_user"].items():
        events = [_event(item) for item in items]
        deposit = effective_deposit(events, case["epoch_start"], case["epoch_end"], rules)
        total += deposit.effective
        users.append(
            {
                "user": eip55(parse_address(user)),
                "effective_deposit": str(deposit.effective),
                "deposit": str(deposit.end_balance),
            }
        )
    return {"total_effective_deposit": str(total), "users": users}


def _unify_deposit_events(case: Case) -> Case:
    events = [_event(item) for item in case["events"]]
    if not events:
        return {"events": []}
    opening, *rest = events
    unified = unify(
        opening.deposit_before,
        opening.timestamp,
        rest,
        case["sablier_unlock_grace_period"],
    )
    return {
        "events": [
            {
                "type": event.kind,
                "timestamp": event.timestamp,
                "amount": str(event.amount),
                "deposit_before": str(event.deposit_before),
                "deposit_after": str(event.deposit_after),
                "source": event.source,
            }
            for event in unified
        ]
    }


def stream_action(item: Case) -> StreamAction:
    """One action of a raw stream; numbers and times are strings there."""
    return StreamAction(
        category=item["category"],
        timestamp=int(item["timestamp"]),
        amount_a=optional_wei(item.get("amountA")),
        amount_b=optional_wei(item.get("amountB")),
        recipient=parse_address(item["addressB"]),
        transaction_hash=item["hash"],
    )


def _sablier_events(case: Case) -> Case:
    to_timestamp = case["to_timestamp"]
    if to_timestamp is not None and case.get("inclusively"):
        to_timestamp += 1
    events = all_stream_events(
        [[stream_action(item) for item in stream["actions"]] for stream in case["streams"]],
        from_timestamp=case["from_timestamp"],
        to_timestamp=to_timestamp,
    )
    return {
        "events": [
            {
                "typename": event.kind,
                "type": event.category,
                "user": eip55(event.user),
                "timestamp": event.timestamp,
                "amount": str(event.amount),
                "deposit_before": str(event.deposit_before),
                "transaction_hash": event.transaction_hash,
            }
            for event in events
        ]
    }


BY_FILE: dict[str, Callable[[Case], Case]] = {
    "effective_deposit": _effective_deposit,
    "unify_deposit_events": _unify_deposit_events,
    "sablier_events": _sablier_events,
}
