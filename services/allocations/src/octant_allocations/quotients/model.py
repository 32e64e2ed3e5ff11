"""Uniqueness quotients: weights between 0.0 and 1.0."""

import re
from decimal import Decimal

_SCORE = re.compile(r"0(?:\.[0-9]{1,18})?|1(?:\.0{1,18})?")


def parse_score(text: str) -> Decimal:
    """A score from plain decimal text, at least one and no superfluous decimals.

    ValueError for anything that is not between 0 and 1.
    """
    if not _SCORE.fullmatch(text):
        raise ValueError('a score is decimal text from "0.0" to "1.0"')
    whole, _, fraction = text.partition(".")
    return Decimal(f"{whole}.{fraction.rstrip('0') or '0'}")
