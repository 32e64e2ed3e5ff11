"""What an antisybil score is worth: stamps that do not count, guests, time-outs."""

from collections.abc import Iterable

import msgspec
from octant_contracts.values import Address, Timestamp

# Bought, not earned: taken off again.
STAKING_WEIGHTS = {
    "SelfStakingBronze": 0.897,
    "SelfStakingSilver": 2.066,
    "SelfStakingGold": 2.7,
    "BeginnerCommunityStaker": 0.673,
    "ExperiencedCommunityStaker": 2.161,
    "TrustedCitizen": 4.009,
}
GUEST_STAMPS = frozenset(
    (
        "AllowList#OctantFinal",
        "AllowList#OctantEpochOne",
        "AllowList#OctantEpochTwo",
        "AllowList#OctantEpochThree",
    )
)
GUEST_BONUS = 21.0


class Stamp(msgspec.Struct, frozen=True):
    """All that is kept of a stamp: it may name people."""

    provider: str
    expires_at: Timestamp


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The newest answer of the score provider about a user; `score` as it was given."""

    score: float
    stamps: list[Stamp]
    expires_at: Timestamp


class Lists(msgspec.Struct, frozen=True, kw_only=True):
    """Guests get a bonus, those in time-out count for nothing."""

    guests: frozenset[Address]
    timeouts: frozenset[Address]


def make_record(score: float, stamps: Iterable[Stamp], now: Timestamp) -> Record:
    """Of an answer that came at `now`: valid stamps are kept, the earliest end is the record's."""
    kept = [stamp for stamp in stamps if stamp.expires_at >= now]
    return Record(
        score=score,
        stamps=kept,
        expires_at=min((stamp.expires_at for stamp in kept), default=now),
    )


def adjusted_score(user: Address, record: Record | None, lists: Lists, now: Timestamp) -> float:
    """The score that counts. May be negative."""
    is_guest = user in lists.guests
    if record is None:
        return GUEST_BONUS if is_guest else 0.0
    if user in lists.timeouts:
        return 0.0
    staked = 0.0
    for stamp in record.stamps:  # one after the other: newer Pythons' `sum` rounds differently
        if stamp.expires_at >= now:
            staked += STAKING_WEIGHTS.get(stamp.provider, 0.0)
    score = record.score - staked
    has_guest_stamp = any(
        stamp.provider in GUEST_STAMPS and stamp.expires_at > now for stamp in record.stamps
    )
    return score + GUEST_BONUS if is_guest and not has_guest_stamp else score
