"""Uniqueness quotients: weights between 0.0 and 1.0."""

import re
from decimal import Decimal

import msgspec
from octant_contracts.values import Address, Timestamp

from octant_allocations.antisybil.model import Lists, Record, adjusted_score

_SCORE = re.compile(r"0(?:\.[0-9]{1,2}0{0,16})?|1(?:\.0{1,18})?")


def parse_score(text: str) -> Decimal:
    """A score from plain decimal text, at least one and no superfluous decimals.

    ValueError for anything that is not between 0 and 1, or that clients, who show hundredths
    and compute them with doubles, cannot show.
    """
    if not _SCORE.fullmatch(text):
        raise ValueError('a score is decimal text from "0.0" to "1.0", in hundredths')
    if not (float(text) * 100).is_integer():
        raise ValueError("100 times the score, as doubles, is not a whole number")
    whole, _, fraction = text.partition(".")
    return Decimal(f"{whole}.{fraction.rstrip('0') or '0'}")


class Scale(msgspec.Struct, frozen=True, kw_only=True):
    """Which weight an antisybil score gets."""

    lists: Lists
    threshold: float
    highest: Decimal
    low: Decimal
    nothing: Decimal


def uniqueness_quotient(
    scale: Scale, user: Address, record: Record | None, now: Timestamp
) -> Decimal:
    """What the user's allocations weigh, by what is known of the user at `now`."""
    if user in scale.lists.timeouts:
        return scale.nothing
    if adjusted_score(user, record, scale.lists, now) >= scale.threshold:
        return scale.highest
    return scale.low
