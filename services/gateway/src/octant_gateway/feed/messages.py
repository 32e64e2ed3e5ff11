"""What travels over the feed: messages of clients, and frames that are made once for all."""

from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import Raw, Struct
from octant_contracts.values import Address
from websockets.frames import Frame, Opcode

Code = Literal["InvalidMessage", "UnknownTopic", "InvalidAddress", "TooManyTopics"]


class Mistake(Exception):
    """A message that cannot be followed; the text says what to do."""

    def __init__(self, code: Code, text: str) -> None:
        super().__init__(text)
        self.code: Code = code


class Asked(Struct, frozen=True):
    """A message of a client."""

    op: Literal["subscribe", "unsubscribe", "ping"]
    topics: list[str] = []
    since: dict[str, str] = {}


class TopicFrame(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A topic's new value or changes; with `snapshot` it replaces what the client has of it."""

    v: Literal[1]
    topic: str
    token: str
    seq: int
    ts: str
    snapshot: bool = False
    data: Raw


class Subscribed(Struct, frozen=True, tag_field="op", tag="subscribed"):
    """All topics of the connection now."""

    topics: list[str]


class Reset(Struct, frozen=True, tag_field="op", tag="reset"):
    """`since` is no base for what follows: a snapshot of the topic does."""

    topic: str


class Pong(Struct, frozen=True, tag_field="op", tag="pong"):
    """The answer to a `ping`."""


class Error(Struct, frozen=True, tag_field="op", tag="error"):
    """What was wrong with a message, and what to do; the message changed nothing."""

    code: Code
    message: str


class Token(Struct, frozen=True):
    """Where a client is in a topic; `seq` increases within an incarnation."""

    incarnation: str
    seq: int

    @classmethod
    def parse(cls, text: str) -> "Token | None":
        incarnation, _, seq = text.rpartition(":")
        if not (seq.isascii() and seq.isdecimal() and len(seq) < 19):
            return None
        return cls(incarnation, int(seq))

    def __str__(self) -> str:
        return f"{self.incarnation}:{self.seq}"


class Topic(Struct, frozen=True):
    """`kind` alone, or `kind.address` when there is one for each address."""

    kind: str
    address: Address | None = None

    def __str__(self) -> str:
        return self.kind if self.address is None else f"{self.kind}.{self.address.text}"


_decoder = msgspec.json.Decoder(Asked)


def read(message: str | bytes) -> Asked:
    if isinstance(message, bytes):
        raise Mistake("InvalidMessage", "Send text frames, no binary ones.")
    try:
        return _decoder.decode(message)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Mistake("InvalidMessage", f"{error}. Send an object with op: subscribe …") from None


def parse_topic(text: str, single: frozenset[str], addressed: frozenset[str]) -> Topic:
    """`single` are the kinds with one topic, `addressed` those with one for each address."""
    if text in single:
        return Topic(text)
    kind, _, address = text.rpartition(".")
    if kind not in addressed:
        known = ", ".join([*sorted(single), *(f"{name}.0x…" for name in sorted(addressed))])
        raise Mistake("UnknownTopic", f"There is no topic {text[:80]}; there are {known}.")
    try:
        return Topic(kind, Address.parse(address))
    except ValueError:
        raise Mistake(
            "InvalidAddress", f"{text[:80]} should end in an address: 0x and 40 hex digits."
        ) from None


def topic_frame(topic: str, token: Token, data: bytes, *, snapshot: bool = False) -> bytes:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    return framed(
        TopicFrame(
            v=1,
            topic=topic,
            token=str(token),
            seq=token.seq,
            ts=now,
            snapshot=snapshot,
            data=Raw(data),
        )
    )


def framed(message: Struct) -> bytes:
    """The bytes of a text frame, for any number of connections."""
    return Frame(Opcode.TEXT, msgspec.json.encode(message)).serialize(mask=False)
