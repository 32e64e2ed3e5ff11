"""Digests that two services compute over the same rows, and compare before they freeze."""

from collections.abc import Iterable
from decimal import Decimal

from octant_protocol.digests import digest_rows

from octant_contracts.values import Address


def facts_digest(facts: Iterable[tuple[int, int, str, Address, int, int]]) -> str:
    """Rows (block number, log index, "Locked" | "Unlocked", user, wei, block time), chain order."""
    return digest_rows((b, i, k, bytes(u), a, t) for b, i, k, u, a, t in facts)


def deposits_digest(deposits: Iterable[tuple[Address, int, int]]) -> str:
    """Rows (user, effective deposit, end balance), ascending address bytes."""
    return digest_rows((bytes(u), e, b) for u, e, b in deposits)


def budgets_digest(budgets: Iterable[tuple[Address, int]]) -> str:
    """Rows (user, budget), in code-point order of the EIP-55 text."""
    return digest_rows((bytes(u), b) for u, b in budgets)


def allocations_digest(rows: Iterable[tuple[int, Address, Address, int, Decimal, int]]) -> str:
    """Rows (sequence, user, project, wei, UQ, nonce), by sequence, then place in the request."""
    return digest_rows((s, bytes(u), bytes(p), a, f"{q:f}", n) for s, u, p, a, q, n in rows)


def patrons_digest(patrons: Iterable[Address]) -> str:
    """Patrons of the epoch, ascending address bytes."""
    return digest_rows((bytes(p),) for p in patrons)
