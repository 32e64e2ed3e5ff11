"""What an answer was made of: noted while it is made, compared with what is announced.

A tag is what an answer depends on, in a form that an event can be compared with: the event's kind
and the fields that both have, or a service whose writes show at once.
"""

from collections.abc import Iterator
from contextvars import ContextVar
from itertools import product
from typing import Any

from octant_contracts.calls import Call
from octant_contracts.events import CONCERNS, Event

Tag = tuple[Any, ...]
SERVICE = "service"


def tags_of_answer(call: Call[Any, Any], request: Any) -> Iterator[Tag]:
    for service in (call.service, *call.asks):
        yield (SERVICE, service)
    for kind in call.invalidated_by:
        yield (kind, *(getattr(request, field, None) for field in CONCERNS.get(kind, ())))


def tags_of_event(event: Event) -> set[Tag]:
    """An answer about everybody has None where the event has a user."""
    kind = type(event)
    values = [(getattr(event, field), None) for field in CONCERNS.get(kind, ())]
    return {(kind, *combination) for combination in product(*values)}


class Reading:
    """The calls that one answer needed; `keepable`: all of them were up to date."""

    def __init__(self) -> None:
        self.calls: set[Call[Any, Any]] = set()
        self.tags: set[Tag] = set()
        self.keepable = True

    def note(self, call: Call[Any, Any], request: Any) -> None:
        self.calls.add(call)
        self.tags.update(tags_of_answer(call, request))


reading: ContextVar[Reading | None] = ContextVar("reading", default=None)
"""Of the answer that is being made for the cache, None elsewhere."""
