"""Effective deposits as pure functions over the facts of an epoch; no SQL, no bus."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple

from octant_contracts.seals import deposits_digest
from octant_contracts.values import Address, BlockNumber, EpochNumber, Timestamp
from octant_protocol.deposits import (
    GRACE_PERIOD_ELSEWHERE,
    GRACE_PERIOD_MAINNET,
    DepositEvent,
    EffectiveDeposit,
    effective_deposit,
    order_events,
    unify,
)
from octant_protocol.rules import Rules

MAINNET = 1


class Fact(NamedTuple):
    """A lock or an unlock; `amount` in wei of GLM. The cells of a seal's row, in its order."""

    block_number: BlockNumber
    log_index: int
    kind: Literal["Locked", "Unlocked"]
    user: Address
    amount: int
    timestamp: Timestamp


class Deposit(NamedTuple):
    """A user's effective deposit in an epoch and balance at its end, wei of GLM."""

    user: Address
    effective_deposit: int
    end_balance: int


@dataclass(frozen=True, slots=True)
class Everybody:
    """All deposits of an epoch in ascending address bytes; `active` are who moved GLM in it."""

    deposits: list[Deposit]
    active: frozenset[Address]
    total_effective_deposit: int
    digest: str

    def effective_deposit_of(self, user: Address) -> int:
        """0 without a deposit."""
        place = bisect_left(self.deposits, user, key=attrgetter("user"))
        if place < len(self.deposits) and self.deposits[place].user == user:
            return self.deposits[place].effective_deposit
        return 0


@dataclass(frozen=True, slots=True)
class Seal:
    """What both sides of a seal must have alike."""

    start: Timestamp
    end: Timestamp
    count: int
    digest: str

    def __str__(self) -> str:
        return f"{self.count} facts of [{self.start}, {self.end}) with digest {self.digest}"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a settled epoch was settled on, and its total (wei) and number of rows."""

    seal: Seal
    total_effective_deposit: int
    deposits_count: int


class SealMismatch(Exception):
    """Our facts of an epoch are not those that were sealed. Nothing may be settled on them."""

    def __init__(self, epoch: EpochNumber, sealed: Seal, ours: Seal) -> None:
        super().__init__(f"epoch {epoch}: sealed are {sealed}, ours are {ours}")


class SettledFactsChanged(Exception):
    """A reorganisation reached facts of a settled epoch: an operator must look at it."""


def grace_period(chain_id: int) -> int:
    """Seconds in which GLM may move from a stream into Octant without having left."""
    return GRACE_PERIOD_MAINNET if chain_id == MAINNET else GRACE_PERIOD_ELSEWHERE


def deposit_of_user(
    opening: int, facts: Iterable[Fact], start: Timestamp, end: Timestamp, grace: int, rules: Rules
) -> EffectiveDeposit:
    """One user over [start, end): `opening` wei carried in, then `facts` in chain order."""
    locks: list[DepositEvent] = []
    unlocks: list[DepositEvent] = []
    for fact in facts:
        event = DepositEvent(fact.kind, fact.timestamp, fact.amount, "Octant")
        (locks if fact.kind == "Locked" else unlocks).append(event)
    events = order_events(sablier=(), locks=locks, unlocks=unlocks)
    return effective_deposit(unify(opening, start, events, grace), start, end, rules)


def deposits_of_all(
    opening: Mapping[Address, int],
    facts: Iterable[Fact],
    start: Timestamp,
    end: Timestamp,
    grace: int,
    rules: Rules,
) -> Everybody:
    """Everybody over [start, end); `facts` in chain order.

    Users who bring nothing in and move nothing are left out.
    """
    facts_of: defaultdict[Address, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.amount:
            facts_of[fact.user].append(fact)
    users = sorted(facts_of.keys() | {user for user, balance in opening.items() if balance})
    deposits = []
    for user in users:
        result = deposit_of_user(
            opening.get(user, 0), facts_of.get(user, ()), start, end, grace, rules
        )
        deposits.append(Deposit(user, result.effective, result.end_balance))
    return Everybody(
        deposits,
        frozenset(facts_of),
        sum(deposit.effective_deposit for deposit in deposits),
        deposits_digest(deposits),
    )
