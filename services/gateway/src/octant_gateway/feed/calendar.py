"""The values of topics about chain and calendar, from the last events that tell them."""

from typing import TypeVar

from nats.errors import Error as BusError
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from octant_contracts import calls
from octant_contracts.calls import Nothing
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    PRODUCER,
    BlockAdvanced,
    EpochStarted,
    WindowOpened,
    stream_name,
    subject,
)
from octant_contracts.values import Address, EpochNumber, decode, encode

from octant_gateway.feed import payloads
from octant_gateway.feed.values import NULL, Sources
from octant_gateway.sync_status import finalized_snapshot, pending_snapshot

E = TypeVar("E", EpochStarted, WindowOpened)


async def epoch(of: Sources, _: Address | None) -> bytes:
    current = (await of.gateway.ask(calls.EPOCHS_STATUS, Nothing())).current_epoch
    if current == 0:
        return NULL
    started = await _announced(of.jetstream, EpochStarted, current)
    return encode(
        payloads.Epoch(
            current_epoch=current,
            starts_at=started.start,
            ends_at=started.end,
            decision_window=started.decision_window,
        )
    )


async def window(of: Sources, _: Address | None) -> bytes:
    return encode(await _window(of))


async def _window(of: Sources) -> payloads.Window:
    status = await of.gateway.ask(calls.EPOCHS_STATUS, Nothing())
    pending = status.current_epoch - 1
    if pending < 1:
        return payloads.Window(pending_epoch=None, state="closed", closes_at=None)
    opened = await _announced(of.jetstream, WindowOpened, pending)
    is_open = opened.opens_at <= status.head_timestamp <= opened.closes_at
    return payloads.Window(
        pending_epoch=pending if is_open else None,
        state="open" if is_open else "closed",
        closes_at=opened.closes_at,
    )


async def snapshots(of: Sources, _: Address | None) -> bytes:
    is_open = (await _window(of)).state == "open"
    current = (await of.gateway.ask(calls.EPOCHS_STATUS, Nothing())).current_epoch
    rewards = await of.gateway.ask(calls.REWARDS_STATUS, Nothing())
    pending, finalized = rewards.last_pending_snapshot, rewards.last_finalized_snapshot
    return encode(
        payloads.Snapshots(
            payloads.SnapshotState(pending, pending_snapshot(current, pending)),
            payloads.SnapshotState(
                finalized, finalized_snapshot(current, finalized, window_open=is_open)
            ),
        )
    )


async def block(of: Sources, _: Address | None) -> bytes:
    data = await _last(of.jetstream, BlockAdvanced)
    if data is None:
        return NULL
    head = decode(data, BlockAdvanced)
    return encode(
        payloads.Block(
            number=head.block.number,
            hash=head.block.hash,
            timestamp=head.block.timestamp,
            final=head.final_block,
        )
    )


async def _announced(jetstream: JetStreamContext, kind: type[E], number: EpochNumber) -> E:
    """What was announced last of the epoch; NotLoadedYet while the stream is made anew."""
    data = await _last(jetstream, kind)
    if data is not None and (event := decode(data, kind)).epoch == number:
        return event
    # After a reorganisation the last announcement may be about an earlier epoch.
    found: E | None = None
    position = 1
    while (message := await _message(jetstream, kind, position)) is not None:
        event = decode(message[1], kind)
        found = event if event.epoch == number else found
        position = message[0] + 1
    if found is None:
        raise Refusal("NotLoadedYet", what="The calendar")
    return found


async def _last(
    jetstream: JetStreamContext, kind: type[EpochStarted | WindowOpened | BlockAdvanced]
) -> bytes | None:
    found = await _message(jetstream, kind, None)
    return None if found is None else found[1]


async def _message(
    jetstream: JetStreamContext,
    kind: type[EpochStarted | WindowOpened | BlockAdvanced],
    position: int | None,
) -> tuple[int, bytes] | None:
    """The last event of its kind, or the first from `position` on: its place, and its JSON."""
    try:
        found = await jetstream.get_msg(
            stream_name(PRODUCER[kind]), position, subject(kind), next=position is not None
        )
    except NotFoundError:
        return None
    except (BusError, TimeoutError):
        raise Refusal("ServiceUnavailable", service="bus") from None
    return found.seq or 0, found.data or b""
