"""Sablier streams as lock- and unlock-like events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from octant_protocol.deposits import DepositEvent

SUPPRESSED_STREAMS_MAINNET = frozenset([*range(1299, 1328), *range(1329, 1670), *range(1673, 1908)])
SUPPRESSED_STREAMS_ELSEWHERE = frozenset({190, 191, 194, 195, 211, 213})


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAction:
    """One action of a stream, amounts in wei of GLM, `recipient` the indexer's addressB."""

    category: str
    timestamp: int
    amount_a: int | None
    amount_b: int | None
    recipient: bytes
    transaction_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """A lock or unlock; `deposit_before` is the stream's own balance."""

    kind: Literal["Locked", "Unlocked"]
    category: str
    user: bytes
    timestamp: int
    amount: int
    deposit_before: int
    transaction_hash: str

    def as_deposit_event(self) -> DepositEvent:
        """The event for a user's balance line."""
        return DepositEvent(self.kind, self.timestamp, self.amount, "Sablier", self.deposit_before)


def stream_events(
    actions: Sequence[StreamAction],
    *,
    from_timestamp: int | None = None,
    to_timestamp: int | None = None,
) -> list[StreamEvent]:
    """Events of one stream within the bounds (both inclusive, None = open): locks, then unlocks.

    The balance runs over all actions, also those outside the bounds; other categories are
    ignored. Source: mapping of stream actions.
    """
    locks: list[StreamEvent] = []
    unlocks: list[StreamEvent] = []
    balance = 0
    for action in actions:
        before = balance
        kind: Literal["Locked", "Unlocked"]
        match action.category:
            case "Create":
                kind, amount = "Locked", _amount(action.amount_a)
                balance += amount
            case "Withdraw":
                kind, amount = "Unlocked", _amount(action.amount_b)
                balance -= amount
            case "Cancel":
                kind, amount = "Unlocked", _amount(action.amount_a)
                balance = _amount(action.amount_b)
            case _:
                continue
        # A lower bound of 0 is no bound, and neither excludes anything.
        if from_timestamp and action.timestamp < from_timestamp:
            continue
        if to_timestamp is not None and action.timestamp > to_timestamp:
            continue
        (locks if kind == "Locked" else unlocks).append(
            StreamEvent(
                kind=kind,
                category=action.category,
                user=action.recipient,
                timestamp=action.timestamp,
                amount=amount,
                deposit_before=before,
                transaction_hash=action.transaction_hash,
            )
        )
    return locks + unlocks


def all_stream_events(
    streams: Iterable[Sequence[StreamAction]],
    *,
    from_timestamp: int | None = None,
    to_timestamp: int | None = None,
) -> list[StreamEvent]:
    """Events of many streams, stream by stream."""
    return [
        event
        for actions in streams
        for event in stream_events(
            actions, from_timestamp=from_timestamp, to_timestamp=to_timestamp
        )
    ]


def is_suppressed(stream_id: str, suppressed: frozenset[int]) -> bool:
    """Whether a stream `contract-chain-token` is one of the incorrectly cancelled ones."""
    token = stream_id.rpartition("-")[2]
    return token.isdecimal() and int(token) in suppressed


def _amount(value: int | None) -> int:
    if value is None:
        raise ValueError("a stream action lacks its amount")
    return value
