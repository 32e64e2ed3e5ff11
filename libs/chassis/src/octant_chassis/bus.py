"""NATS: one connection for calls and publishing, one FastStream broker for events."""

from collections.abc import Callable

from faststream.nats import NatsBroker
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError
from octant_contracts.events import stream_name, stream_subjects

from octant_chassis.telemetry import log

DUPLICATE_WINDOW = 600.0  # seconds in which a repeated Nats-Msg-Id is dropped by the server
ASYNC_WINDOW = 256  # events in flight per publishing window


class Bus:
    """The connections of one process. `connect` returns when the bus is there."""

    def __init__(self, url: str, service: str) -> None:
        self.url = url
        self.service = service
        self.client = Client()
        self.broker = NatsBroker(url, apply_types=False, logger=None)
        self.jetstream: JetStreamContext = self.client.jetstream(
            publish_async_max_pending=2 * ASYNC_WINDOW
        )
        self.on_lost: list[Callable[[], None]] = []

    @property
    def connected(self) -> bool:
        return self.client.is_connected

    async def connect(self) -> None:
        """Keeps trying until the bus answers; reconnects for ever afterwards."""
        await self.client.connect(
            self.url,
            name=f"octant-{self.service}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; fractions work
            allow_reconnect=True,
            error_cb=_log_error,
            disconnected_cb=self._disconnected,
            reconnected_cb=self._reconnected,
            connect_timeout=2,
        )
        await self.broker.connect()

    async def _disconnected(self) -> None:
        log.warning("bus lost")
        for callback in self.on_lost:
            callback()

    async def _reconnected(self) -> None:
        log.info("bus back")

    async def close(self) -> None:
        if self.client.is_connected or self.client.is_reconnecting:
            await self.broker.stop()
            await self.client.close()


async def ensure_stream(jetstream: JetStreamContext, service: str) -> StreamInfo:
    """The stream of a service as the contracts declare it, created when it is not there."""
    try:
        return await jetstream.stream_info(stream_name(service))
    except NotFoundError:
        log.info("creating stream", stream=stream_name(service))
        return await jetstream.add_stream(
            StreamConfig(
                name=stream_name(service),
                subjects=stream_subjects(service),
                retention=RetentionPolicy.LIMITS,
                storage=StorageType.FILE,
                duplicate_window=DUPLICATE_WINDOW,
            )
        )


def incarnation(info: StreamInfo) -> str:
    """Tells one life of a stream from the next after its store was lost."""
    if info.created is None:
        raise ValueError("the server did not say when the stream was created")
    return str(info.created)


async def _log_error(error: Exception) -> None:
    log.warning("bus error", reason=str(error) or type(error).__name__)
