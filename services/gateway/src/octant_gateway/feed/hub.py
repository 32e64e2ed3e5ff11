"""What is told when: topics of both kinds, and the beat in which they are told."""

import asyncio
import time
from collections.abc import Iterable

from nats.js import JetStreamContext
from octant_contracts.events import EpochStarted, Event, WindowOpened
from prometheus_client import Histogram

from octant_gateway.announcements import Announcements
from octant_gateway.feed import logs
from octant_gateway.feed.audience import Client
from octant_gateway.feed.logs import Logs
from octant_gateway.feed.messages import Topic, parse_topic
from octant_gateway.feed.ring import Ring
from octant_gateway.feed.state import States
from octant_gateway.feed.topics import KINDS, TICK
from octant_gateway.feed.values import Sources
from octant_gateway.gateway import Gateway

LOOK = 1.0  # seconds between two looks at what nobody announces

SINGLE = frozenset({*(kind.name for kind in KINDS if not kind.addressed), logs.EPOCH})
ADDRESSED = frozenset({*(kind.name for kind in KINDS if kind.addressed), logs.USER})

lag = Histogram(
    "octant_feed_lag_seconds",
    "From an announcement until what it changed is written to all who follow",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def topic_of(text: str) -> Topic:
    """Mistake when there is none of this name."""
    return parse_topic(text, SINGLE, ADDRESSED)


class Hub:
    """`trouble`: why what it tells is not complete, or None."""

    def __init__(self, gateway: Gateway, jetstream: JetStreamContext) -> None:
        self._due = asyncio.Event()
        self._states = States(Sources(gateway, jetstream), self._due.set)
        self._ring = Ring(jetstream, self._appended, self._begun_anew)
        self._logs = Logs(gateway, self._ring, self._due.set)

    @property
    def trouble(self) -> str | None:
        return self._ring.trouble

    def listen(self, announcements: Announcements) -> None:
        def heard(event: Event) -> None:
            self._states.heard(event, announcements.token)
            if isinstance(event, EpochStarted | WindowOpened):
                self._logs.forget_snapshots()

        announcements.hear(Event, heard)
        announcements.on_missed(self._states.missed)

    def join(self, client: Client, topic: Topic, since: str | None) -> None:
        of = self._logs if topic.kind in (logs.EPOCH, logs.USER) else self._states
        of.join(client, topic, since)

    def leave(self, client: Client, topics: Iterable[Topic]) -> None:
        for topic in topics:
            of = self._logs if topic.kind in (logs.EPOCH, logs.USER) else self._states
            of.leave(client, topic)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._ring.run())
            group.create_task(self._tell())
            group.create_task(self._look())

    async def ready(self) -> None:
        """Returns when tokens can be told from others."""
        await self._ring.begun.wait()

    async def _tell(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            changed = [await self._logs.tell(), await self._states.tell()]
            now = time.monotonic()
            for moment in changed:
                if moment is not None:
                    lag.observe(now - moment)
            await asyncio.sleep(TICK)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            self._states.look_again()
            self._logs.check_ahead()

    def _appended(self) -> None:
        self._logs.appended()

    def _begun_anew(self) -> None:
        self._logs.start_over()
