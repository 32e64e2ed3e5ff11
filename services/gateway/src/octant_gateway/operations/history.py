"""/history: what a user did, joined from the services that know a part of it."""

import asyncio
import base64
import heapq
import re
from collections import Counter
from itertools import islice

import msgspec
from octant_contracts.calls import (
    ALLOCATIONS_HISTORY,
    ALLOCATIONS_HISTORY_COUNTS,
    CHAIN_HISTORY,
    CHAIN_HISTORY_COUNTS,
    PAGE,
    Call,
    HistoryCountsRequest,
    HistoryItem,
    HistoryPage,
    HistoryRequest,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Timestamp, encode

from octant_gateway.answers import History
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.parameters import HistoryOfUser

# The services that have a part of the history. No type comes from two of them: within one type
# the order of its service is that of the history.
SOURCES = (
    (CHAIN_HISTORY, CHAIN_HISTORY_COUNTS),
    (ALLOCATIONS_HISTORY, ALLOCATIONS_HISTORY_COUNTS),
)
LONGEST_PAGE = 100
_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9]{1,9})")


async def of_user(gateway: Gateway, of: HistoryOfUser) -> bytes:
    """The items at or before the cursor's second, without as many as it says to skip."""
    start = FIRST if of.cursor is None else decode_cursor(of.cursor)
    limit = min(of.limit, LONGEST_PAGE)
    try:
        passed = await _passed(gateway, of.user_address, start)
        parts = await asyncio.gather(
            *(
                _newest(gateway, source, of.user_address, start.until, skip, limit + 1)
                for (source, _), skip in zip(SOURCES, passed.of_sources, strict=True)
            )
        )
    except Refusal as refusal:
        if refusal.code == "ServiceUnavailable":
            raise Refusal("HistoryUnavailable") from None
        raise
    merged = list(islice(heapq.merge(*parts, key=_order, reverse=True), limit + 1))
    page, following = merged[:limit], merged[limit:]
    return encode(
        History(
            history=page,
            next_cursor=encode_cursor(passed, page, following[0]) if following else None,
        )
    )


class Start(msgspec.Struct, frozen=True):
    """Where a page begins: at the newest item up to `until`, after the first `skipped`."""

    until: Timestamp | None
    skipped: int


FIRST = Start(None, 0)


def decode_cursor(text: str) -> Start:
    """A second, and how many of its items were delivered. Refusal InvalidCursor."""
    try:
        plain = base64.urlsafe_b64decode(text)
    except ValueError:
        raise Refusal("InvalidCursor") from None
    match = _CURSOR.fullmatch(plain.decode("latin-1"))
    # Decoding overlooks what is not of the alphabet.
    if match is None or base64.urlsafe_b64encode(plain).decode() != text:
        raise Refusal("InvalidCursor")
    return Start(int(match[1]), int(match[2]))


class Passed(msgspec.Struct, frozen=True):
    """What lies before a page: how many items of each source, and of each second."""

    of_sources: list[int]
    of_seconds: Counter[Timestamp]


def encode_cursor(passed: Passed, page: list[HistoryItem], following: HistoryItem) -> str:
    """Names the second of the first item to come, and how many of it were delivered."""
    second = following.timestamp
    delivered = passed.of_seconds[int(second)] + sum(item.timestamp == second for item in page)
    return base64.urlsafe_b64encode(f"{second}.{delivered}".encode()).decode()


def _order(item: HistoryItem) -> tuple[int, str]:
    return int(item.timestamp), item.type


async def _passed(gateway: Gateway, user: Address, start: Start) -> Passed:
    """Refusal InvalidCursor when that is further than a page of counts from the second named."""
    passed = Passed([0] * len(SOURCES), Counter())
    if start.until is None or not start.skipped:
        return passed
    request = HistoryCountsRequest(user=user, until=start.until)
    told = await asyncio.gather(*(gateway.ask(counts, request) for _, counts in SOURCES))
    runs = [
        [(count.timestamp, count.type, count.count, source) for count in answer.counts]
        for source, answer in enumerate(told)
    ]
    # A full page is not all there is: what is older than its last run cannot be counted.
    oldest = max((run[-1][:2] for run in runs if len(run) == PAGE), default=None)
    left = start.skipped
    for second, kind, count, source in heapq.merge(*runs, reverse=True):
        if not left or (oldest is not None and (second, kind) < oldest):
            break
        taken = min(count, left)
        passed.of_sources[source] += taken
        passed.of_seconds[second] += taken
        left -= taken
    if left and oldest is not None:
        raise Refusal("InvalidCursor")
    return passed


async def _newest(
    gateway: Gateway,
    source: Call[HistoryRequest, HistoryPage],
    user: Address,
    until: Timestamp | None,
    skip: int,
    count: int,
) -> list[HistoryItem]:
    """At most `count` items, however many answers they take."""
    found: list[HistoryItem] = []
    request = HistoryRequest(user=user, limit=count, until=until, skip=skip)
    while True:
        page = await gateway.ask(source, request)
        found += page.items
        if page.following is None or len(found) >= count:
            return found
        request = HistoryRequest(
            user=user, limit=count - len(found), until=until, after=page.following
        )


OPERATIONS = (
    Operation(
        method="GET",
        path="/history/{user_address}",
        summary="What a user locked, unlocked, withdrew, allocated and gave, newest first",
        tag="history",
        handler=of_user,
        answers={200: History},
        parameters=HistoryOfUser,
        refusals=("InvalidCursor", "HistoryUnavailable"),
    ),
)
