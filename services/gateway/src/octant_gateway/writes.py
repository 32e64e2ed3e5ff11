"""Read your own writes: which events of our writes which service may not have applied yet.

A write's answer names its events. Every service that projects the writer's stream gets these
tokens with our next calls and answers only when it has applied them.
"""

import time
from collections.abc import Callable, Iterable

from octant_chassis.calls import EventToken
from octant_contracts.events import CONSUMES

MOST = 64  # tokens sent with one call; they travel in a header
FORGET_AFTER = 60.0  # seconds; a projection that far behind shows in the readiness of its service


class Writes:
    """Tokens not yet known to be applied, by the service that has to apply them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._outstanding: dict[str, dict[EventToken, float]] = {}

    def remember(self, tokens: Iterable[EventToken]) -> None:
        """The events of a write that was just answered."""
        for token in tokens:
            source, _ = token
            for service, sources in CONSUMES.items():
                if source in sources:
                    self._outstanding.setdefault(service, {})[token] = self._clock()

    def outstanding(self, service: str) -> tuple[EventToken, ...]:
        """What a call to `service` has to wait for, newest last."""
        waiting = self._outstanding.get(service)
        if not waiting:
            return ()
        oldest = self._clock() - FORGET_AFTER
        for token in [t for t, written in waiting.items() if written < oldest]:
            del waiting[token]
        return tuple(waiting)[-MOST:]

    def applied(self, service: str, tokens: Iterable[EventToken]) -> None:
        """`service` answered a call that was sent with these tokens."""
        waiting = self._outstanding.get(service, {})
        for token in tokens:
            waiting.pop(token, None)
