"""The newest changes of allocations, read from their stream: what a client missed is in it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import takewhile
from typing import Any

import msgspec
from msgspec import Struct
from nats.aio.msg import Msg
from nats.errors import Error as BusError
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig, DeliverPolicy, StreamInfo
from octant_chassis.bus import ensure_stream, incarnation
from octant_chassis.telemetry import log
from octant_contracts.events import (
    ALLOCATIONS,
    Allocated,
    PatronModeSet,
    stream_name,
    stream_subjects,
    subject,
)

from octant_gateway.feed.payloads import Change, Gift, OwnChange

KEPT = 10_000
READ_AT_START = 20_000  # events; not all of them are changes
LOOK = 1.0  # seconds between two looks at what a silent subscription cannot tell
CLOSER = 0.05  # while there is more in the stream than has arrived
PATIENCE = 20  # closer looks without an event


class _Allocated(Struct):
    sequence: int
    epoch: int
    user: str
    nonce: int
    is_manually_edited: bool | None
    allocations: list[Gift]


class _PatronModeSet(Struct):
    sequence: int
    user: str
    revoked_epoch: int | None


class Entry(Struct, frozen=True):
    """`seq`: its place in the stream; the change as JSON, for all and for its user."""

    seq: int
    user: str
    change: msgspec.Raw
    own: msgspec.Raw


class _Restart(Exception):
    """The subscription is not what we want to read any more."""


class Ring:
    """`appended` is called after every event, `begun_anew` when all tokens have become void."""

    def __init__(
        self,
        jetstream: JetStreamContext,
        appended: Callable[[], None],
        begun_anew: Callable[[], None],
    ) -> None:
        self._jetstream = jetstream
        self._appended = appended
        self._begun_anew = begun_anew
        self._entries: deque[Entry] = deque()
        self._stream = ""
        self._looks = 0  # since the last event, while there are more
        self._lost = False  # the subscription missed an event
        self._missing_after = -1
        self.incarnation = ""
        self.position = 0
        """Everything in the stream up to here is known."""
        self.oldest = 0
        """Everything after here is kept."""
        self.last = 0
        """Where the stream ended when we looked last, which was at `looked_at`."""
        self.looked_at = 0.0
        self.trouble: str | None = "allocations are not read yet"
        self.begun = asyncio.Event()
        """Set once the incarnation is known."""

    def after(self, seq: int) -> list[Entry]:
        """The changes after a place that is not before `oldest`, in order."""
        newest_first: Iterator[Entry] = reversed(self._entries)
        found = list(takewhile(lambda entry: entry.seq > seq, newest_first))
        found.reverse()
        return found

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._follow()
            except _Restart as reason:
                log.info("feed reads allocations anew", reason=str(reason))
            except Exception as error:
                trouble = f"allocations: {str(error) or type(error).__name__}"
                if trouble != self.trouble:
                    log.warning("feed cannot read allocations", reason=trouble)
                self.trouble = trouble
                await asyncio.sleep(0.3)

    async def _follow(self) -> None:
        asked_at = time.monotonic()
        info = await ensure_stream(self._jetstream, ALLOCATIONS)
        self._take(info)
        self._lost, self._looks = False, 0
        subscription = await self._jetstream.subscribe(
            stream_subjects(ALLOCATIONS)[0],
            cb=self._receive,
            stream=stream_name(ALLOCATIONS),
            ordered_consumer=True,
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=self.position + 1
            ),
        )
        try:
            while True:
                self._check(info, asked_at)
                await asyncio.sleep(LOOK if self.position >= self.last else CLOSER)
                asked_at = time.monotonic()
                info = await ensure_stream(self._jetstream, ALLOCATIONS)
        finally:
            with suppress(BusError):  # gone with the connection
                await subscription.unsubscribe()

    def _take(self, info: StreamInfo) -> None:
        if incarnation(info) == self._stream:
            return
        self._stream = incarnation(info)
        self.incarnation = sha256(self._stream.encode()).hexdigest()[:8]
        self._entries.clear()
        first = max(info.state.first_seq, info.state.last_seq - READ_AT_START + 1, 1)
        self.position = self.oldest = first - 1
        self.trouble = "allocations are not read yet"
        self._begun_anew()
        self.begun.set()

    def _check(self, info: StreamInfo, asked_at: float) -> None:
        """Raises _Restart when the subscription will not tell everything."""
        if incarnation(info) != self._stream:
            raise _Restart("the stream was made anew")
        self.last, self.looked_at = info.state.last_seq, asked_at
        behind = self.last - self.position
        if behind <= 0:
            self.trouble, self._looks = None, 0
            return
        if self._lost:
            raise _Restart("an event is missing")
        self._looks += 1
        if self._looks > PATIENCE:
            self.trouble = f"allocations are {behind} events behind"
            raise _Restart(f"{behind} events behind and nothing arrives")

    async def _receive(self, message: Msg) -> None:
        seq = message.metadata.sequence.stream
        if seq <= self.position or self._lost:
            return
        if seq != self.position + 1:
            if self._missing_after != self.position:
                self._missing_after, self._lost = self.position, True
                return
            # Also the next subscription does not have it: the stream does not.
            log.warning("events are missing in the stream", after=self.position, before=seq)
            self.oldest = seq - 1
            self._entries.clear()
        self._looks = 0
        try:
            entry = _entry(seq, message.subject, message.data)
        except msgspec.MsgspecError as error:  # who was before it gets a snapshot
            log.error("event does not fit its contract", sequence=seq, reason=str(error))
            entry, self.oldest = None, seq
            self._entries.clear()
        if entry is not None:
            self._entries.append(entry)
            if len(self._entries) > KEPT:
                self.oldest = self._entries.popleft().seq
        self.position = seq
        self._appended()


def _entry(seq: int, of: str, data: bytes) -> Entry | None:
    """None for an event that changes no allocations."""
    if of == subject(Allocated):
        told = msgspec.json.decode(data, type=_Allocated)
        change: dict[str, Any] = {
            "donor": told.user,
            "allocations": told.allocations,
            "epoch": told.epoch,
            "nonce": told.nonce,
            "sequence": told.sequence,
            "revoked": False,
        }
        own = OwnChange(
            **change, next_nonce=told.nonce + 1, is_manually_edited=told.is_manually_edited
        )
        return Entry(seq, told.user, _json(Change(**change)), _json(own))
    if of != subject(PatronModeSet):
        return None
    patron = msgspec.json.decode(data, type=_PatronModeSet)
    if patron.revoked_epoch is None:
        return None
    change = {
        "donor": patron.user,
        "allocations": [],
        "epoch": patron.revoked_epoch,
        "nonce": None,
        "sequence": patron.sequence,
        "revoked": True,
    }
    own = OwnChange(**change, next_nonce=None, is_manually_edited=None)
    return Entry(seq, patron.user, _json(Change(**change)), _json(own))


def _json(value: Struct) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
