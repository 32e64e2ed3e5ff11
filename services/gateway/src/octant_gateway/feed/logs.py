"""Log topics: every change of allocations, to everybody or to one user, with resumption.

A client is in one of three places: it waits for a snapshot, it is ahead of us (its token comes
from a gateway that had heard more), or it is in the audience and knows all up to `told`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable

import msgspec
from msgspec import Struct
from octant_contracts import calls
from octant_contracts.calls import Nothing, OfUser, OfUserEpoch
from octant_contracts.values import Address

from octant_gateway.feed.audience import Audience, Client
from octant_gateway.feed.messages import Reset, Token, Topic, framed, topic_frame
from octant_gateway.feed.payloads import Change, Changes, Gift, OwnChange, OwnChanges
from octant_gateway.feed.ring import Entry, Ring
from octant_gateway.feed.state import complain
from octant_gateway.gateway import Gateway
from octant_gateway.operations import allocations
from octant_gateway.parameters import AllocationsOfEpoch

EPOCH, USER = "epoch.allocations", "allocation"
REUSED = 200  # changes after which a snapshot is read again rather than given with all of them
AGAIN = 1.0  # seconds until a service that was away is asked again
NOT_CAUGHT_UP = 0.02


class LogTopic:
    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        self.name = str(topic)
        self.user = None if topic.address is None else topic.address.text
        self.audience = Audience()
        self.waiting: set[Client] = set()
        self.ahead: dict[Client, tuple[int, float]] = {}
        """By client the place of its token, and since when it waits for us to get there."""
        self.snapshot: tuple[int, bytes] | None = None
        """Up to which place it contains everything for sure, and its frame."""
        self.reading: asyncio.Task[None] | None = None

    @property
    def followed(self) -> bool:
        return bool(self.audience or self.waiting or self.ahead)

    def changes(self, entries: Iterable[Entry]) -> list[Entry]:
        return [e for e in entries if self.user is None or e.user == self.user]


class Logs:
    """`due` is called when something has to be told."""

    def __init__(self, gateway: Gateway, ring: Ring, due: Callable[[], None]) -> None:
        self._gateway = gateway
        self._ring = ring
        self._due = due
        self._topics: dict[Topic, LogTopic] = {}
        self._by_user: dict[str, LogTopic] = {}
        self._told = 0
        self._appended_at: float | None = None

    def join(self, client: Client, topic: Topic, since: str | None) -> None:
        of = self._topics.get(topic)
        if of is None:
            of = self._topics[topic] = LogTopic(topic)
            if of.user is not None:
                self._by_user[of.user] = of
        if since is None:
            self._start_over(of, client)
            return
        token, ring = Token.parse(since), self._ring
        if token is None or token.incarnation != ring.incarnation or token.seq < ring.oldest:
            self._reset(of, client)
        elif token.seq > self._told:
            of.ahead[client] = (token.seq, time.monotonic())
        else:
            self._catch_up(of, client, token.seq)

    def leave(self, client: Client, topic: Topic) -> None:
        of = self._topics[topic]
        of.audience.leave(client)
        of.waiting.discard(client)
        of.ahead.pop(client, None)
        if not of.followed:
            del self._topics[topic]
            if of.user is not None:
                del self._by_user[of.user]
            if of.reading is not None:
                of.reading.cancel()

    def appended(self) -> None:
        """The ring has more."""
        if self._appended_at is None:
            self._appended_at = time.monotonic()
        self._due()

    def start_over(self) -> None:
        """What clients know is no base any more: a new stream, or more than the ring keeps."""
        self._told = self._ring.position
        for of in self._topics.values():
            of.snapshot = None
            clients = [*of.audience.clients, *of.ahead]
            of.ahead.clear()
            for client in clients:
                of.audience.leave(client)
                self._reset(of, client)

    def forget_snapshots(self) -> None:
        """They are about an epoch that is not the newest any more."""
        for of in self._topics.values():
            of.snapshot = None

    def check_ahead(self) -> None:
        """Tokens beyond the end of the stream are no tokens."""
        for of in self._topics.values():
            for client, (seq, came_at) in tuple(of.ahead.items()):
                if came_at < self._ring.looked_at and self._ring.last < seq:
                    del of.ahead[client]
                    self._reset(of, client)

    async def tell(self) -> float | None:
        """What is new in the ring to all who know the rest; when the first of it came."""
        ring = self._ring
        if self._told < ring.oldest:
            self.start_over()
        appended_at, self._appended_at = self._appended_at, None
        entries = ring.after(self._told)
        incarnation = ring.incarnation
        self._told = ring.position
        for of, changes in self._concerned(entries):
            if of.audience:
                await of.audience.tell(_frame(of, incarnation, changes))
        for of in tuple(self._topics.values()):
            for client, (seq, _) in tuple(of.ahead.items()):
                if client in of.ahead and seq <= self._told:
                    del of.ahead[client]
                    self._catch_up(of, client, seq)
        return appended_at

    def _concerned(self, entries: list[Entry]) -> list[tuple[LogTopic, list[Entry]]]:
        if not entries:
            return []
        by_topic: dict[LogTopic, list[Entry]] = {}
        if (everybody := self._topics.get(Topic(EPOCH))) is not None:
            by_topic[everybody] = entries
        for entry in entries:
            if (own := self._by_user.get(entry.user)) is not None:
                by_topic.setdefault(own, []).append(entry)
        return list(by_topic.items())

    def _catch_up(self, of: LogTopic, client: Client, seq: int) -> None:
        """Gives the changes after `seq` that the audience knows, and makes it one of them."""
        changes = of.changes(e for e in self._ring.after(seq) if e.seq <= self._told)
        if changes:
            client.give(_frame(of, self._ring.incarnation, changes))
        of.audience.clients.add(client)

    def _reset(self, of: LogTopic, client: Client) -> None:
        client.give(framed(Reset(of.name)))
        self._start_over(of, client)

    def _start_over(self, of: LogTopic, client: Client) -> None:
        snapshot, ring = of.snapshot, self._ring
        if snapshot is not None and snapshot[0] >= max(ring.oldest, self._told - REUSED):
            client.give(snapshot[1])
            self._catch_up(of, client, snapshot[0])
            return
        of.waiting.add(client)
        if of.reading is None:
            of.reading = asyncio.create_task(self._read(of))

    async def _read(self, of: LogTopic) -> None:
        """A snapshot for all who wait."""
        trouble = ""
        try:
            while of.waiting:
                if self._ring.trouble is not None:
                    await asyncio.sleep(NOT_CAUGHT_UP)
                    continue
                # First the place, then the state: changes may be in both, and in neither never.
                incarnation, seq = self._ring.incarnation, self._told
                try:
                    data = await live(self._gateway, of.topic.address)
                except Exception as error:
                    if trouble != str(error):
                        complain(of.name, error)
                    trouble = str(error)
                    await asyncio.sleep(AGAIN)
                    continue
                if incarnation != self._ring.incarnation or seq < self._ring.oldest:
                    continue
                frame = topic_frame(of.name, Token(incarnation, seq), data, snapshot=True)
                of.snapshot = (seq, frame)
                waiting, of.waiting = of.waiting, set()
                for client in waiting:
                    client.give(frame)
                    self._catch_up(of, client, seq)
        finally:
            of.reading = None


def _frame(of: LogTopic, incarnation: str, entries: list[Entry]) -> bytes:
    changes = [entry.change if of.user is None else entry.own for entry in entries]
    data = msgspec.json.encode({"changes": changes})
    return topic_frame(of.name, Token(incarnation, entries[-1].seq), data)


class _Row(Struct):
    donor: str
    project: str
    amount: str


class _Rows(Struct):
    allocations: list[_Row]


async def live(gateway: Gateway, user: Address | None) -> bytes:
    """The live allocations of the epoch whose window is open or was open last, as changes."""
    status = await gateway.ask(calls.ALLOCATIONS_STATUS, Nothing())
    epoch = max(status.current_epoch - 1, 0)
    if user is not None:
        return await _live_of(gateway, user, epoch)
    answer = await allocations.of_epoch(
        gateway, AllocationsOfEpoch(epoch_number=epoch, includeZeroAllocations=True)
    )
    gifts: dict[str, list[Gift]] = {}
    for row in msgspec.json.decode(answer, type=_Rows).allocations:
        gifts.setdefault(row.donor, []).append(Gift(row.project, row.amount))
    changes = [
        Change(
            donor=donor, allocations=given, epoch=epoch, nonce=None, sequence=None, revoked=False
        )
        for donor, given in gifts.items()
    ]
    return msgspec.json.encode(Changes(changes))


async def _live_of(gateway: Gateway, user: Address, epoch: int) -> bytes:
    found = await gateway.ask(calls.USER_ALLOCATIONS, OfUserEpoch(user, epoch))
    nonce = await gateway.ask(calls.ALLOCATION_NONCE, OfUser(user))
    change = OwnChange(
        donor=user.text,
        allocations=[Gift(row.address.text, str(row.amount)) for row in found.allocations],
        epoch=epoch,
        nonce=None,
        sequence=None,
        revoked=False,
        next_nonce=nonce.allocation_nonce,
        is_manually_edited=found.is_manually_edited,
    )
    return msgspec.json.encode(OwnChanges([change]))
