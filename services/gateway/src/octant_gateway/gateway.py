"""What every operation works with: the settings, and the services behind the gateway."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from nats.errors import MaxPayloadError
from octant_chassis.calls import Caller, EventToken, Reply
from octant_contracts.calls import (
    ALLOCATIONS_STATUS,
    CHAIN_STATUS,
    EPOCHS_STATUS,
    REWARDS_STATUS,
    Call,
    Nothing,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import decode, encode

from octant_gateway.cache.heard import Heard
from octant_gateway.cache.reading import Reading, reading
from octant_gateway.limits.cooldown import CoolDowns
from octant_gateway.limits.rates import Rates
from octant_gateway.settings import GatewaySettings
from octant_gateway.writes import Writes

Q = TypeVar("Q")
A = TypeVar("A")

STATUS_CALLS: tuple[Call[Nothing, Any], ...] = (
    CHAIN_STATUS,
    EPOCHS_STATUS,
    REWARDS_STATUS,
    ALLOCATIONS_STATUS,
)

# A refusal quotes what it refuses, escaped (at most three times as long), and a bus message
# holds 1 MB: the largest request that can be answered, too.
MAX_MESSAGE_BYTES = 256 * 1024


class Gateway:
    """Asks services with the tokens of our own writes; holds no truth itself."""

    def __init__(
        self,
        settings: GatewaySettings,
        caller: Caller,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.rates = Rates(settings.rate_limit_reads, settings.rate_limit_writes, clock)
        self.cool_downs = CoolDowns(settings.cool_down_seconds, clock)
        self._caller = caller
        self._clock = clock
        self._writes = Writes(clock)
        self.heard = Heard(clock)
        self.away: set[str] = set()
        """Services that did not answer when they were last asked."""
        self.on_wrote: Callable[[str], None] = lambda service: None
        """Told which service a write was just answered by."""
        self._answered: dict[str, float] = {}

    async def raw(self, call: Call[Q, A], request: Q) -> bytes:
        """The answer's JSON as the service wrote it; Refusal as the service raised it."""
        own = self._writes.outstanding(call.service)
        passed_on = [t for service in call.asks for t in self._writes.outstanding(service)]
        after = (*own, *passed_on)
        noted = reading.get()
        if noted is None:
            reply = await self._ask(call, request, after)
        else:
            noted.note(call, request)
            reply = await self._ask_to_keep(call, request, after, noted)
        self._writes.applied(call.service, own)
        if reply.wrote:
            self._writes.remember(reply.wrote)
            self.on_wrote(call.service)
        return reply.data

    async def _ask_to_keep(
        self, call: Call[Q, A], request: Q, after: tuple[EventToken, ...], noted: Reading
    ) -> Reply:
        """As `_ask`; the answer includes all we heard, or is not to be kept."""
        needed = self.heard.needed(call)
        if needed:
            try:
                reply = await self._ask(call, request, (*after, *needed))
            except Refusal as refusal:
                if refusal.code != "NotLoadedYet":
                    raise
                self.heard.is_behind(call.service)
                needed = None
            else:
                self.heard.applied(call.service, needed)
                return reply
        if needed is None:
            noted.keepable = False
        return await self._ask(call, request, after)

    async def _ask(self, call: Call[Q, A], request: Q, after: tuple[EventToken, ...]) -> Reply:
        try:
            reply = await self._caller.ask_raw(call, request, after=after)
        except Refusal as refusal:
            if refusal.code == "ServiceUnavailable":
                self.away.add(call.service)
            else:
                self._has_answered(call.service)
            raise
        except MaxPayloadError:
            raise Refusal("BodyTooLarge", limit=MAX_MESSAGE_BYTES) from None
        self._has_answered(call.service)
        return reply

    def _has_answered(self, service: str) -> None:
        self._answered[service] = self._clock()
        self.away.discard(service)

    async def ask(self, call: Call[Q, A], request: Q) -> A:
        """The decoded answer."""
        return decode(await self.raw(call, request), call.answer)

    async def submit(self, call: Call[Q, A], request: Q) -> bytes:
        """`raw` for what a client composed freely: too much for one message is refused."""
        if len(encode(request)) > MAX_MESSAGE_BYTES:
            raise Refusal("BodyTooLarge", limit=MAX_MESSAGE_BYTES)
        return await self.raw(call, request)

    async def probe(self, call: Call[Nothing, A], timeout: float = 1.0) -> A | None:
        """The status a service tells within `timeout` seconds, or None. Waits for no write."""
        try:
            status = await self._caller.ask(call, Nothing(), timeout=timeout)
        except (Refusal, msgspec.ValidationError):
            self.away.add(call.service)
            return None
        self._has_answered(call.service)
        return status

    def silence(self, service: str) -> float | None:
        """Seconds since the service last answered; None: never."""
        answered = self._answered.get(service)
        return None if answered is None else self._clock() - answered
