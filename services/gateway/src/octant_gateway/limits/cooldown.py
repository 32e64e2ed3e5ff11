"""Requests that make a service ask outside systems: not the same one again and again."""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from octant_contracts.errors import Refusal

REMEMBERED = 20_000
# Refusals that come from outside, or after somebody outside was asked.
ASKED_OUTSIDE = frozenset(
    ("UpstreamNotFound", "UpstreamFailed", "UpstreamTimeout", "InvalidMultisigAddress")
)

A = TypeVar("A")
Ask = Callable[[], Awaitable[A]]
Key = tuple[Hashable, ...]


class CoolDowns:
    """`seconds`: 0 for none. What is asked is known by a key that begins with the user."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._ends: OrderedDict[Key, float] = OrderedDict()
        self._under_way: dict[Key, asyncio.Future[Any]] = {}

    async def once(self, key: Key, ask: Ask[A]) -> A:
        """`ask()`. Refusal CoolingDown while the last one is under way or just over.

        One that asked nobody outside does not count.
        """
        self._require_cool(key)
        self._begin(key)
        try:
            answer = await ask()
        except Refusal as refusal:
            if refusal.code in ASKED_OUTSIDE:
                self._begin(key)
            else:
                self._ends.pop(key, None)
            raise
        self._begin(key)
        return answer

    async def shared(self, key: Key, ask: Ask[A]) -> A:
        """`ask()`, or what the one under way brings. Refusal CoolingDown when it has just failed
        outside."""
        self._require_cool(key)
        if key not in self._under_way:
            self._under_way[key] = asyncio.ensure_future(self._noting_failure(key, ask))
        # Who gives up waiting takes it from nobody else.
        answer: A = await asyncio.shield(self._under_way[key])
        return answer

    async def _noting_failure(self, key: Key, ask: Ask[A]) -> A:
        try:
            return await ask()
        except Refusal as refusal:
            if refusal.code in ASKED_OUTSIDE:
                self._begin(key)
            raise
        finally:
            del self._under_way[key]

    def _require_cool(self, key: Key) -> None:
        left = self._ends.get(key, 0.0) - self._clock()
        if left > 0:
            raise Refusal("CoolingDown", user=key[0], retry_after=math.ceil(left))

    def _begin(self, key: Key) -> None:
        self._ends[key] = self._clock() + self._seconds
        self._ends.move_to_end(key)
        if len(self._ends) > REMEMBERED:
            self._ends.popitem(last=False)
