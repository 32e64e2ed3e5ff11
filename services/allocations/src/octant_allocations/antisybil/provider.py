"""The score provider: an outside system that tells how likely a user is one person."""

import asyncio
import math
from collections.abc import Sequence
from typing import Protocol

import msgspec
from octant_contracts.errors import Refusal
from octant_contracts.values import Address

from octant_allocations.antisybil.model import Stamp


class Passport(msgspec.Struct, frozen=True):
    """What the provider knows about a user: the score, and the stamps it is made of."""

    score: float
    stamps: Sequence[Stamp]


class ScoreProvider(Protocol):
    async def passport(self, user: Address) -> Passport:
        """Asked anew. Any failure is the Refusal UpstreamTimeout."""


class NotConfigured:
    """Stands where no provider is."""

    async def passport(self, user: Address) -> Passport:
        raise Refusal("ServiceUnavailable", service="score provider")


NOT_CONFIGURED: ScoreProvider = NotConfigured()


async def fetch(provider: ScoreProvider, user: Address, timeout: float) -> Passport:
    """The provider's answer within `timeout` seconds. Refusal UpstreamTimeout without one."""
    try:
        async with asyncio.timeout(timeout):
            passport = await provider.passport(user)
    except TimeoutError:
        raise Refusal("UpstreamTimeout") from None
    if not math.isfinite(passport.score):
        raise Refusal("UpstreamTimeout")
    return passport
