"""State topics: each holds one value, read anew when something may have changed it.

One read serves all subscribers of a topic; what nobody subscribes is not read.
"""

import asyncio
import time
from collections.abc import Callable
from secrets import token_hex

from octant_chassis.calls import EventToken, inherited
from octant_chassis.telemetry import log
from octant_contracts.errors import Refusal
from octant_contracts.events import Event

from octant_gateway.feed.audience import Audience, Client
from octant_gateway.feed.messages import Token, Topic, topic_frame
from octant_gateway.feed.topics import DONATIONS, KINDS, Kind
from octant_gateway.feed.values import NULL, Sources, Unchanged

READS = 16  # at once, of one kind of topic: a service that hangs holds up only its own
AGAIN = 1.0  # seconds until a service that was away is asked again

BY_NAME = {kind.name: kind for kind in KINDS}


class StateTopic:
    """`value` is what its audience knows; `coming` what was read since."""

    def __init__(self, topic: Topic) -> None:
        self.kind: Kind = BY_NAME[topic.kind]
        self.topic = topic
        self.name = str(topic)
        self.audience = Audience()
        self.newcomers: set[Client] = set()
        self.value: bytes | None = None
        self.coming: bytes | None = None
        self.token = Token("", 0)
        self.snapshot: bytes | None = None
        self.dirty = False
        self.after: dict[str, int] = {}
        """By service the last event told: it is applied after those before it."""
        self.changed_at = 0.0
        self.read_at = 0.0
        self.reading: asyncio.Task[None] | None = None

    @property
    def followed(self) -> bool:
        return bool(self.audience or self.newcomers)


class States:
    """`due` is called when something has to be told."""

    def __init__(self, sources: Sources, due: Callable[[], None]) -> None:
        self.incarnation = token_hex(4)
        self._sources = sources
        self._due = due
        self._sequence = 0
        self._topics: dict[str, dict[Topic, StateTopic]] = {kind.name: {} for kind in KINDS}
        self._ready: set[StateTopic] = set()
        self._slots = {kind.name: asyncio.Semaphore(READS) for kind in KINDS}

    def join(self, client: Client, topic: Topic, since: str | None) -> None:
        """Gives the client the value, at once or as soon as it is read."""
        of_kind = self._topics[topic.kind]
        state = of_kind.get(topic)
        if state is None:
            state = of_kind[topic] = StateTopic(topic)
            self._want(state)
        if state.value is None:
            state.newcomers.add(client)
            return
        if since != str(state.token):
            client.give(self._snapshot(state, state.value))
        state.audience.clients.add(client)

    def leave(self, client: Client, topic: Topic) -> None:
        state = self._topics[topic.kind][topic]
        state.audience.leave(client)
        state.newcomers.discard(client)
        if not state.followed:
            del self._topics[topic.kind][topic]
            self._ready.discard(state)
            if state.reading is not None:
                state.reading.cancel()

    def heard(self, event: Event, token: EventToken | None) -> None:
        """Something happened: what it may have changed is read again, not before it is applied."""
        for kind in KINDS:
            topics = self._topics[kind.name]
            if not topics:
                continue
            if isinstance(event, kind.everybody):
                for state in topics.values():
                    self._want(state, token)
            elif isinstance(event, kind.own):
                own = topics.get(Topic(kind.name, event.user))  # type: ignore[attr-defined]
                if own is not None:
                    self._want(own, token)
        if isinstance(event, DONATIONS) and (topics := self._topics["project.donors"]):
            given = {item.project for item in getattr(event, "allocations", ())}
            donor = event.user.text.encode()
            for state in topics.values():
                if state.topic.address in given or state.dirty or _knows(state, donor):
                    self._want(state, token)

    def missed(self) -> None:
        """Anything may have changed."""
        for topics in self._topics.values():
            for state in topics.values():
                self._want(state)

    def look_again(self) -> None:
        """At what no event tells."""
        now = time.monotonic()
        for kind in KINDS:
            if kind.every is not None:
                for state in self._topics[kind.name].values():
                    if now - state.read_at > kind.every - 0.5:
                        self._want(state)

    async def tell(self) -> float | None:
        """All new values to all who follow; when the first of them changed."""
        ready, self._ready = self._ready, set()
        for state in ready:
            if state.coming is None:
                continue
            value, state.coming = state.coming, None
            if value != state.value:
                self._sequence += 1
                state.token = Token(self.incarnation, self._sequence)
                state.value, state.snapshot = value, None
                if state.audience:
                    await state.audience.tell(topic_frame(state.name, state.token, value))
            for client in tuple(state.newcomers):
                client.give(self._snapshot(state, value))
            state.audience.clients |= state.newcomers
            state.newcomers.clear()
        return min((state.changed_at for state in ready), default=None)

    def _snapshot(self, state: StateTopic, value: bytes) -> bytes:
        if state.snapshot is None:
            state.snapshot = topic_frame(state.name, state.token, value, snapshot=True)
        return state.snapshot

    def _want(self, state: StateTopic, token: EventToken | None = None) -> None:
        if not state.dirty:
            state.dirty = True
            state.changed_at = time.monotonic()
        if token is not None:
            service, number = token
            state.after[service] = number
        if state.reading is None:
            state.reading = asyncio.create_task(self._read(state))

    async def _read(self, state: StateTopic) -> None:
        """As long as there is something to read, and pauses between."""
        trouble = ""
        try:
            while state.dirty:
                state.dirty, after, state.after = False, state.after, {}
                inherited.set(tuple(after.items()))
                async with self._slots[state.kind.name]:
                    started = state.read_at = time.monotonic()
                    changed_at = state.changed_at
                    try:
                        value = await state.kind.read(self._sources, state.topic.address)
                    except Unchanged:
                        value = state.coming or state.value or NULL
                    except Exception as error:  # clients keep what they have
                        if trouble != str(error):
                            complain(state.name, error)
                        trouble = str(error)
                        state.dirty, state.after = True, after | state.after
                        state.changed_at = changed_at
                        value = None
                    took = time.monotonic() - started
                if value is None:
                    await asyncio.sleep(AGAIN)
                    continue
                trouble = ""
                state.coming = value
                self._ready.add(state)
                self._due()
                # What is slow to read does not take more than half of the time.
                await asyncio.sleep(max(state.kind.pause, took))
        finally:
            state.reading = None


def _knows(state: StateTopic, donor: bytes) -> bool:
    """Whether the newest value names the donor; True while there is a newer one on its way."""
    value = state.coming or state.value
    return value is None or state.reading is not None or donor in value


def complain(name: str, error: Exception) -> None:
    if isinstance(error, Refusal):
        log.warning("feed cannot read a topic", topic=name, reason=str(error))
    else:
        log.error("feed cannot read a topic", topic=name, exc_info=error)
