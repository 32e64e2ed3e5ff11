"""Keeps the newest funding and tells all clients of this process what changes in it.

Woken by committed events of the services: the first change goes out at once, the following ones
together once a second. Each process hears every event and tells its own clients.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from octant_chassis.telemetry import log
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    Allocated,
    EstimatesChanged,
    FinalizedSnapshotTaken,
    PendingSnapshotTaken,
    WindowClosed,
    WindowOpened,
)
from octant_contracts.values import EpochNumber

from octant_gateway.announcements import Announcements
from octant_gateway.gateway import Gateway
from octant_gateway.realtime.funding import (
    Funding,
    Message,
    news,
    read_closed,
    read_open,
    snapshot,
)

INTERVAL = 1.0  # seconds between two pushes, and between two tries to read

Send = Callable[[Sequence[Message], str | None], Awaitable[None]]
"""Sends messages to one client, or to all."""


class Pushes:
    """`known` is what all clients know; those who connect get it while the window is open."""

    def __init__(self, gateway: Gateway, send: Send) -> None:
        self._gateway = gateway
        self._send = send
        self._known: Funding | None = None
        self._snapshot: list[Message] | None = None
        self._open = False
        self._closed: EpochNumber | None = None
        self._touched: set[str] = set()
        self._changed = False
        self._due = asyncio.Event()
        self._turn = asyncio.Lock()  # a client never gets an older state after a newer one

    async def greet(self, client: str) -> None:
        """Tells a client that has just connected the state as it is."""
        async with self._turn:
            if self._open and self._known is not None:
                self._snapshot = self._snapshot or snapshot(self._known)
                await self._send(self._snapshot, client)

    def read_anew(self) -> None:
        """Something may have changed that we were not told."""
        self._due.set()

    def listen(self, announcements: Announcements) -> None:
        """To what changes the funding of the open window."""
        announcements.hear(EstimatesChanged, self._estimates_changed)
        announcements.hear(Allocated, self._allocated)
        announcements.hear(WindowOpened, self._window_opened)
        announcements.hear(WindowClosed, self._window_closed)
        announcements.hear(PendingSnapshotTaken, lambda _: self.read_anew())
        announcements.hear(FinalizedSnapshotTaken, lambda _: self.read_anew())
        announcements.on_missed(self.read_anew)
        self.read_anew()

    async def run(self) -> None:
        """Until cancelled."""
        trouble = ""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._refresh()
                trouble = ""
            except Refusal as refusal:  # a service is away or behind: clients keep what they have
                if trouble != str(refusal):
                    log.warning("funding cannot be read", reason=str(refusal))
                trouble = str(refusal)
                self._due.set()
            except Exception:
                log.exception("funding cannot be read")
                self._due.set()
            await asyncio.sleep(INTERVAL)

    async def _refresh(self) -> None:
        touched, changed = self._touched, self._changed
        self._touched, self._changed = set(), False
        try:
            fresh = await read_open(self._gateway)
            if fresh is not None and fresh.epoch == self._closed:
                raise Refusal("NotLoadedYet", what="The end of the window")
            opened = fresh is not None
            if fresh is None and self._known is not None:
                fresh = await read_closed(self._gateway, self._known)
        except BaseException:
            self._touched |= touched
            self._changed |= changed
            raise
        if fresh is None:
            return
        async with self._turn:
            messages = news(
                self._known, fresh, touched, changed=changed or (self._open and not opened)
            )
            self._known, self._open, self._snapshot = fresh, opened, None
            await self._send(messages, None)

    def _estimates_changed(self, event: EstimatesChanged) -> None:
        self._changed = True
        self.read_anew()

    def _allocated(self, event: Allocated) -> None:
        # Only noted: it shows in the estimates a moment later.
        self._touched |= {item.project.text for item in event.allocations}

    def _window_opened(self, event: WindowOpened) -> None:
        if event.epoch == self._closed:
            self._closed = None
        self.read_anew()

    def _window_closed(self, event: WindowClosed) -> None:
        self._closed = event.epoch
        self.read_anew()
