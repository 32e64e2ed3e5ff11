"""The finalized snapshot: patrons, matched pool, project and user rewards, leftover, tree."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from octant_protocol.address import eip55
from octant_protocol.funding import (
    AllocationRow,
    FundingResult,
    ProjectResult,
    capped_quadratic_funding,
)
from octant_protocol.matching import MatchedRewards, matched_rewards
from octant_protocol.merkle import MerkleTree, build_tree
from octant_protocol.rules import Rules
from octant_protocol.settlement import claimed_rewards, leftover, reward_leaves, total_withdrawals


@dataclass(frozen=True, slots=True)
class PatronEvent:
    """A switch of patron mode at a Unix second."""

    user: bytes
    enabled: bool
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingAmounts:
    """What finalization reads of the pending snapshot, wei; None counts as 0."""

    proceeds: int
    locked_ratio: Decimal
    operational_cost: int
    ppf: int | None
    community_fund: int | None
    total_rewards: int | None = None
    vanilla_individual_rewards: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalization:
    """Result of an epoch. `claims` are above zero, `rewarded` the listed projects with gifts."""

    patrons_rewards: int
    matched: MatchedRewards
    funding: FundingResult
    claims: dict[bytes, int]
    rewarded: tuple[ProjectResult, ...]
    total_withdrawals: int
    leftover: int
    leaves: list[tuple[bytes, int]]
    tree: MerkleTree | None


def patrons_at(events: Iterable[PatronEvent], instant: int) -> frozenset[bytes]:
    """Users whose newest event up to `instant` (inclusive) enables patron mode.

    Of an enabling and a disabling event in one second the enabling one wins.
    Source: patrons' rewards.
    """
    newest: dict[bytes, tuple[int, bool]] = {}
    for event in events:
        if event.at <= instant:
            state = (event.at, event.enabled)
            newest[event.user] = max(newest.get(event.user, state), state)
    return frozenset(user for user, (_, enabled) in newest.items() if enabled)


def finalize(
    *,
    pending: PendingAmounts,
    budgets: Mapping[bytes, int],
    patrons: Iterable[bytes],
    rows: Sequence[AllocationRow],
    projects: Sequence[bytes],
    rules: Rules,
) -> Finalization:
    """Settle an epoch from its live allocation rows (with `user`) in summation order.

    A user without a budget claims nothing, the donation still counts. Raises
    `LockedRatioTooHigh` where the rule set refuses. Source: finalized snapshot.
    """
    patrons_rewards = sum(budgets.get(user, 0) for user in frozenset(patrons))
    pool = matched_rewards(
        proceeds=pending.proceeds,
        locked_ratio=pending.locked_ratio,
        patrons_rewards=patrons_rewards,
        rules=rules,
        total_rewards=pending.total_rewards,
        vanilla_individual_rewards=pending.vanilla_individual_rewards,
    )
    funding = capped_quadratic_funding(rows, projects, pool.matched, rules)
    claims = _claims(budgets, rows)
    withdrawals = total_withdrawals(sum(claims.values()), funding)
    rewarded = tuple(result for result in funding.projects if result.allocated > 0)
    leaves = reward_leaves(
        claims.items(), ((result.project, result.allocated + result.matched) for result in rewarded)
    )
    return Finalization(
        patrons_rewards=patrons_rewards,
        matched=pool,
        funding=funding,
        claims=claims,
        rewarded=rewarded,
        total_withdrawals=withdrawals,
        leftover=leftover(
            proceeds=pending.proceeds,
            operational_cost=pending.operational_cost,
            community_fund=pending.community_fund,
            ppf=pending.ppf,
            total_withdrawals=withdrawals,
            matched=pool.matched,
            used=funding.used,
            rules=rules,
        ),
        leaves=leaves,
        tree=build_tree(leaves) if leaves else None,
    )


def _claims(budgets: Mapping[bytes, int], rows: Iterable[AllocationRow]) -> dict[bytes, int]:
    given: dict[bytes, int] = {}
    for row in rows:
        given[row.user] = given.get(row.user, 0) + row.amount
    claims = {
        user: claimed_rewards(budgets.get(user, 0), allocated) for user, allocated in given.items()
    }
    return {user: claim for user, claim in claims.items() if claim}


def unused_budgets(
    budgets: Mapping[bytes, int], donors: Iterable[bytes], patrons: Iterable[bytes]
) -> list[tuple[bytes, int]]:
    """Budgets of users with neither a live allocation row nor patron mode, by EIP-55 text.

    Source: unused rewards.
    """
    busy = frozenset(donors) | frozenset(patrons)
    return sorted(
        ((user, budget) for user, budget in budgets.items() if user not in busy),
        key=lambda item: eip55(item[0]),
    )
