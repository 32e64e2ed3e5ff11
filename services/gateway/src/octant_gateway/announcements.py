"""What the services announce, told in one order to all parts of the gateway that listen.

One subscription for everything: who registered first has reacted before the next one is told, so
that a push never reads what the cache has not dropped yet.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from octant_chassis.calls import EventToken
from octant_chassis.outbox import event_id
from octant_chassis.telemetry import log
from octant_contracts.events import BY_SUBJECT, PRODUCER, Event
from octant_contracts.values import decode

SUBJECTS = "octant.*.v1.>"  # of events; calls have one word more before the version

E_ = TypeVar("E_", bound=Event)
Listener = Callable[[Event], None]


class Announcements:
    """Listeners are plain functions that return at once; register them before `subscribe`."""

    def __init__(self) -> None:
        self._listeners: list[tuple[type[Event], Listener]] = []
        self._missed: list[Callable[[], None]] = []
        self.token: EventToken | None = None
        """Names the event that is being told: calls that carry it wait until it is applied."""

    def hear(self, kind: type[E_], react: Callable[[E_], None]) -> None:
        """`kind` may be `Event`: all of them."""
        self._listeners.append((kind, react))  # type: ignore[arg-type]  # told only its kind

    def on_missed(self, react: Callable[[], None]) -> None:
        """`react` is called when events may have been announced that we were not told."""
        self._missed.append(react)

    def missed(self) -> None:
        for react in self._missed:
            react()

    async def subscribe(self, client: Client) -> None:
        """Hears what is announced from now on, also after the bus was lost and came back."""
        await client.subscribe(SUBJECTS, cb=self._receive)
        await client.flush()

    async def _receive(self, message: Msg) -> None:
        kind = next((k for s, k in BY_SUBJECT.items() if _is(message.subject, s)), None)
        if kind is None:  # a newer service announces what we do not know yet
            return
        try:
            event = decode(message.data, kind)
        except msgspec.ValidationError as error:
            log.error("event does not fit its contract", subject=message.subject, reason=str(error))
            self.missed()
            return
        number = event_id(message.headers)
        self.token = None if number is None else (PRODUCER[kind], number)
        for wanted, react in self._listeners:
            if issubclass(kind, wanted):
                react(event)


def _is(subject: str, of_kind: str) -> bool:
    return subject == of_kind or subject.startswith(of_kind + ".")
