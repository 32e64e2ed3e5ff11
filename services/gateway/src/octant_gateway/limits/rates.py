"""How often an address may ask: a bucket of tokens for each, one for reads and one for writes.

A bucket holds what is allowed in a minute and fills evenly, so that bursts pass and steady
flooding does not. Kept in memory, in every process for itself.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

import msgspec
from octant_contracts.errors import Refusal

from octant_gateway.edge import RATE_HEADERS, App, Message, Receive, Send, refuse
from octant_gateway.limits.addresses import client_address

MINUTE = 60.0
WHOLE = 1 - 1e-6  # who waited as long as we said is not refused for what rounding took away
REMEMBERED = 20_000  # addresses; whoever has not asked for longest is forgotten
UNLIMITED = frozenset(("/info/healthcheck",))
# Sent with POST, but they change nothing; the dApp asks at every touch of a slider.
CALCULATIONS = ("/allocations/leverage/", "/rewards/estimated_budget")


class Standing(msgspec.Struct, frozen=True):
    """After a request: how many more are left, and in how many seconds the bucket is full."""

    remaining: int
    reset: int


class Rate:
    """`per_minute`: 0 for no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self.limit = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, as of

    def take(self, address: str) -> Standing | None:
        """One token of the address' bucket. Refusal TooManyRequests without one."""
        if not self.limit:
            return None
        key, now, per_second = network_of(address), self._clock(), self.limit / MINUTE
        tokens, since = self._buckets.pop(key, (float(self.limit), now))
        tokens = min(float(self.limit), tokens + max(0.0, now - since) * per_second)
        granted = tokens >= WHOLE
        if granted:
            tokens = max(0.0, tokens - 1)
        self._buckets[key] = tokens, now
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        if not granted:
            wait = max(1, math.ceil((1 - tokens) / per_second))
            raise Refusal("TooManyRequests", retry_after=wait)
        return Standing(int(tokens), math.ceil((self.limit - tokens) / per_second))


class Rates:
    def __init__(self, reads: int, writes: int, clock: Callable[[], float]) -> None:
        self.reads = Rate(reads, clock)
        self.writes = Rate(writes, clock)


@lru_cache(4096)
def network_of(address: str) -> str:
    """One IPv6 connection has 2^64 addresses; they count as one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), 64), strict=False))


def limited(app: App, rates: Rates) -> App:
    """`app` behind the limits. What a cache in front of it answers takes no tokens."""

    async def respond(scope: Message, receive: Receive, send: Send) -> None:
        rate = _rate_of(scope, rates)
        if rate is None:
            await app(scope, receive, send)
            return
        try:
            standing = rate.take(client_address(scope))
        except Refusal as refusal:
            wait = int(refusal.details["retry_after"])
            scope[RATE_HEADERS] = _headers(rate, Standing(0, wait))
            await refuse(send, refusal)
            return
        if standing is not None:
            scope[RATE_HEADERS] = _headers(rate, standing)
        await app(scope, receive, send)

    return respond


def _rate_of(scope: Message, rates: Rates) -> Rate | None:
    if scope["type"] != "http" or scope["method"] == "OPTIONS" or scope["path"] in UNLIMITED:
        return None
    reads = scope["method"] in ("GET", "HEAD") or scope["path"].startswith(CALCULATIONS)
    return rates.reads if reads else rates.writes


def _headers(rate: Rate, standing: Standing) -> list[tuple[bytes, bytes]]:
    return [
        (b"ratelimit-limit", b"%d" % rate.limit),
        (b"ratelimit-remaining", b"%d" % standing.remaining),
        (b"ratelimit-reset", b"%d" % standing.reset),
    ]
