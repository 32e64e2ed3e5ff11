"""How a call is declared, and the requests and answers that several services share."""

from typing import Generic, TypeVar

import msgspec

from octant_contracts.events import (
    BlockAdvanced,
    EpochStarted,
    EstimatesChanged,
    Event,
    FactsReverted,
    FinalizedSnapshotTaken,
    PendingSnapshotTaken,
)
from octant_contracts.values import Address, EpochNumber, Timestamp

Q = TypeVar("Q")
A = TypeVar("A")

PAGE = 1000  # rows per page: about 150 KB of JSON at most

# What moves chain time, and with it windows and epochs, and all that live estimates depend on.
CALENDAR: tuple[type[Event], ...] = (BlockAdvanced, FactsReverted, EpochStarted)
LIVE: tuple[type[Event], ...] = (
    BlockAdvanced,
    FactsReverted,
    PendingSnapshotTaken,
    EstimatesChanged,
    FinalizedSnapshotTaken,
)


class Call(Generic[Q, A]):
    """One operation of a service.

    `timeout` is the default deadline in seconds; `asks` names the services it asks in turn, so
    that their answers include the caller's own writes too.

    `invalidated_by`: every event after which the answer may be another one; without any the answer
    must not be cached, as those about what one person did: they are read right after a write, maybe
    by another gateway, to which it was not announced yet. `final`: once the request's epoch is
    finalized the answer never changes.
    """

    __slots__ = (
        "answer",
        "asks",
        "final",
        "invalidated_by",
        "name",
        "request",
        "service",
        "subject",
        "timeout",
        "writes",
    )

    def __init__(
        self,
        service: str,
        name: str,
        request: type[Q],
        answer: type[A],
        *,
        writes: bool = False,
        timeout: float = 5.0,
        asks: tuple[str, ...] = (),
        invalidated_by: tuple[type[Event], ...] = (),
        final: bool = False,
    ) -> None:
        self.asks = asks
        self.invalidated_by = invalidated_by
        self.final = final
        self.service = service
        self.name = name
        self.request = request
        self.answer = answer
        self.writes = writes
        self.timeout = timeout
        self.subject = f"octant.calls.{service}.v1.{name}"

    def __repr__(self) -> str:
        return f"Call({self.service}.{self.name})"


class Nothing(msgspec.Struct, frozen=True):
    """The empty request."""


class OfEpoch(msgspec.Struct, frozen=True):
    epoch: EpochNumber


class OfUser(msgspec.Struct, frozen=True):
    user: Address


class OfUserEpoch(msgspec.Struct, frozen=True):
    user: Address
    epoch: EpochNumber


class PageOfEpoch(msgspec.Struct, frozen=True):
    epoch: EpochNumber
    cursor: int = 0


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How far a service's view of the chain has come; zeros before the first block."""

    head_number: int
    head_timestamp: Timestamp
    current_epoch: EpochNumber
