"""How far other services have to be before their answers may be kept.

An answer can depend on events of a service that does not give it. It is kept only when the one who
gives it has applied the newest of these events that we heard.
"""

import time
from collections.abc import Callable
from typing import Any

from octant_chassis.calls import EventToken
from octant_contracts.calls import CALLS, Call
from octant_contracts.events import CONSUMES, PRODUCER, Event

PATIENCE = 1.0  # seconds in which a service that is behind is not asked to wait again


def foreign_sources(call: Call[Any, Any]) -> set[str]:
    """Whose events change the answer once the answering service has applied them."""
    sources = {PRODUCER[kind] for kind in call.invalidated_by} - {call.service}
    return sources & set(CONSUMES[call.service])


RELEVANT: frozenset[type[Event]] = frozenset(
    kind
    for call in CALLS
    for kind in call.invalidated_by
    if PRODUCER[kind] in foreign_sources(call)
)


class Heard:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._newest: dict[str, EventToken] = {}
        self._applied: dict[tuple[str, str], EventToken] = {}
        self._behind: dict[str, float] = {}

    def hear(self, event: Event, token: EventToken | None) -> None:
        if token is not None and type(event) in RELEVANT:
            self._newest[token[0]] = token

    def forget(self) -> None:
        """Events may have been missed: nobody knows which is the newest."""
        self._newest.clear()

    def needed(self, call: Call[Any, Any]) -> tuple[EventToken, ...] | None:
        """What the callee has to wait for; None: do not wait, the answer cannot be kept."""
        if self._behind.get(call.service, 0.0) > self._clock():
            return None
        tokens = []
        for source in foreign_sources(call):
            token = self._newest.get(source)
            if token is None:
                return None
            if self._applied.get((call.service, source)) != token:
                tokens.append(token)
        return tuple(tokens)

    def applied(self, service: str, tokens: tuple[EventToken, ...]) -> None:
        for token in tokens:
            self._applied[service, token[0]] = token

    def is_behind(self, service: str) -> None:
        """It did not apply them in time."""
        self._behind[service] = self._clock() + PATIENCE
