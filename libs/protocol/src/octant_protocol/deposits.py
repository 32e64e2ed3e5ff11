"""Deposit events of an epoch, the Sablier grace period and the time-weighted effective deposit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import chain
from typing import Literal

from octant_protocol.numeric import divide, plain_text
from octant_protocol.rules import GLM_SUPPLY, Rules

GRACE_PERIOD_MAINNET = 86_400
GRACE_PERIOD_ELSEWHERE = 900


@dataclass(frozen=True, slots=True)
class DepositEvent:
    """One lock or unlock of a user; `amount` and balances in wei of GLM."""

    kind: Literal["Locked", "Unlocked"]
    timestamp: int
    amount: int
    source: Literal["Octant", "Sablier"]
    deposit_before: int = 0

    @property
    def deposit_after(self) -> int:
        """Balance once the event has happened; pooled balances may go negative."""
        if self.kind == "Locked":
            return self.deposit_before + self.amount
        return self.deposit_before - self.amount


@dataclass(frozen=True, slots=True)
class EffectiveDeposit:
    """A user's effective deposit and balance at the end of the epoch, wei of GLM."""

    effective: int
    end_balance: int


def order_events(
    *,
    sablier: Iterable[DepositEvent],
    locks: Iterable[DepositEvent],
    unlocks: Iterable[DepositEvent],
    single_user_view: bool = False,
) -> list[DepositEvent]:
    """One user's events of an epoch in time order.

    Within one second the snapshot takes Sablier, locks, unlocks; the per-user estimate takes
    locks, unlocks, Sablier. Source: building the event list of an epoch.
    """
    parts = (locks, unlocks, sablier) if single_user_view else (sablier, locks, unlocks)
    return sorted(chain(*parts), key=lambda event: event.timestamp)


def unify(
    opening: int, start: int, events: Sequence[DepositEvent], grace_period: int
) -> list[DepositEvent]:
    """Octant and Sablier events of one user as one balance line, opening event first.

    `opening` is the balance carried into `start`, `events` are in order (their own
    `deposit_before` is ignored), `grace_period` in seconds. Source: rebalancing and the
    Sablier grace period.
    """
    line = [DepositEvent("Locked", start, 0, "Octant", opening)]
    balance = opening
    for event in events:
        line.append(replace(event, deposit_before=balance))
        balance = line[-1].deposit_after
    return _drop_prompt_relocks(line, grace_period)


def _drop_prompt_relocks(line: list[DepositEvent], grace_period: int) -> list[DepositEvent]:
    """GLM taken from a stream and promptly locked in Octant counts as never having left.

    One forward pass over adjacent pairs; a lock that swallowed an unlock is not compared with
    its predecessor again, and balances of other events stay.
    """
    kept: list[DepositEvent] = []
    rest = iter(line)
    current = next(rest, None)
    while current is not None:
        following = next(rest, None)
        if following is None or not _is_relock(current, following, grace_period):
            kept.append(current)
            current = following
        elif current.amount == following.amount:
            current = next(rest, None)
        else:
            current = replace(
                following,
                amount=following.amount - current.amount,
                deposit_before=current.deposit_before,
            )
    return kept


def _is_relock(unlock: DepositEvent, lock: DepositEvent, grace_period: int) -> bool:
    return (
        unlock.kind == "Unlocked"
        and unlock.source == "Sablier"
        and lock.kind == "Locked"
        and lock.source == "Octant"
        and lock.timestamp - unlock.timestamp < grace_period
        and unlock.amount <= lock.amount
    )


def weighted_amounts(
    events: Sequence[DepositEvent], start: int, end: int, rules: Rules
) -> list[tuple[int, int]]:
    """(amount, seconds) segments of [start, end) in time order, zero durations dropped.

    Under the no-unlock minimum each amount is lowered to the smallest later one.
    """
    if not events:
        return []
    segments = [(events[0].deposit_before, events[0].timestamp - start)]
    previous = events[0]
    for event in events[1:]:
        segments.append((event.deposit_before, event.timestamp - previous.timestamp))
        previous = event
    segments.append((previous.deposit_after, end - previous.timestamp))
    # A balance that lasted zero seconds must not lower the minimum.
    segments = [segment for segment in segments if segment[1] != 0]
    if rules.weighting == "plain" or not segments:
        return segments
    lowest = segments[-1][0]
    for position in range(len(segments) - 1, -1, -1):
        amount, seconds = segments[position]
        lowest = min(lowest, amount)
        segments[position] = (lowest, seconds)
    return segments


def effective_deposit(
    events: Sequence[DepositEvent], start: int, end: int, rules: Rules
) -> EffectiveDeposit:
    """Time-weighted deposit of one user over [start, end) from a unified event line.

    The average is a 28-digit decimal quotient truncated, not a floor division. An end balance
    or an average below the rule set's minimum gives 0. Source: effective deposit of one user.
    """
    end_balance = events[-1].deposit_after if events else 0
    segments = weighted_amounts(events, start, end, rules)
    seconds = sum(weight for _, weight in segments)
    if seconds == 0 or end_balance < rules.minimum_end_balance:
        return EffectiveDeposit(0, end_balance)
    weighted = sum(amount * weight for amount, weight in segments)
    effective = int(divide(Decimal(weighted), Decimal(seconds)))
    if effective < rules.minimum_effective_deposit:
        effective = 0
    return EffectiveDeposit(effective, end_balance)


def locked_ratio(total: int) -> Decimal:
    """Share of the GLM supply that a total effective deposit (wei) is."""
    return divide(Decimal(total), Decimal(GLM_SUPPLY))


def ratio_text(ratio: Decimal) -> str:
    """Plain notation as stored in snapshots, e.g. `0.0000004`."""
    return plain_text(ratio)
