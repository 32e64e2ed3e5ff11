"""May this request be granted? The order of the checks is part of the public behaviour."""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from octant_contracts.calls import AllocateRequest
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, EpochNumber, Timestamp, Wei

from octant_allocations.antisybil.model import Record
from octant_allocations.signing import Verification, require


class OpenWindow(msgspec.Struct, frozen=True, kw_only=True):
    """The epoch whose budgets may be allocated, and the chain's time."""

    epoch: EpochNumber
    now: Timestamp


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a user stands while the user's row is locked; `window` None: closed."""

    window: OpenWindow | None
    next_nonce: int
    epoch_indexed: bool
    patron: bool
    budget: Wei | None
    projects: frozenset[Address]
    frozen_score: Decimal | None
    """The stored uniqueness quotient of the epoch; once stored it stays, 0.0 included."""
    record: Record | None
    """What a quotient that is not frozen yet follows from."""


def decide(request: AllocateRequest, standing: Standing, signed: Verification) -> OpenWindow:
    """The window the request falls into; raises the Refusal of the first check that fails."""
    if standing.window is None:
        raise Refusal("AllocationWindowClosed")
    check(request, standing, standing.window)
    require(signed, request.user, request.signature)
    return standing.window


def check(request: AllocateRequest, standing: Standing, window: OpenWindow) -> None:
    """All that can be told without a signature. Raises the Refusal of the first that fails."""
    if not request.allocations:
        raise Refusal("EmptyAllocations")
    if request.nonce != standing.next_nonce:
        raise wrong_nonce(request, standing.next_nonce)
    if not standing.epoch_indexed:
        raise Refusal("EpochNotIndexed", epoch=window.epoch)
    if standing.patron and standing.budget is not None:
        raise Refusal("NotAllowedInPatronMode", user=request.user)
    if standing.budget is None:
        raise Refusal("BudgetNotFound", user=request.user, epoch=window.epoch)
    if sum(a.amount for a in request.allocations) > standing.budget:
        raise Refusal("RewardsBudgetExceeded")
    if request.user in standing.projects:
        raise Refusal("ProjectAllocationToSelf")
    chosen = [a.project for a in request.allocations]
    if unknown := {p.text for p in chosen} - {p.text for p in standing.projects}:
        raise Refusal("InvalidProjects", projects=f"{{{_quoted(sorted(unknown))}}}")
    if repeated := repeated_projects(chosen):
        raise Refusal("DuplicatedProjects", projects=f"[{_quoted([p.text for p in repeated])}]")


def wrong_nonce(request: AllocateRequest, expected: int) -> Refusal:
    return Refusal("WrongAllocationsNonce", used=int(request.nonce), expected=expected)


def repeated_projects(chosen: Sequence[Address]) -> list[Address]:
    """Every occurrence of a project that is there more than once, in order."""
    counts = Counter(chosen)
    return [project for project in chosen if counts[project] > 1]


def _quoted(texts: Sequence[str]) -> str:
    """As clients know it from Python's literals."""
    return ", ".join(f"'{text}'" for text in texts)
