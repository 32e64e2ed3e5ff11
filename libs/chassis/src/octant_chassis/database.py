"""PostgreSQL: pooled Core connections, explicit transactions, advisory locks, notifications."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import asyncpg
from octant_contracts.values import Address, Hex
from sqlalchemy import LargeBinary, Numeric, Table, text
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.ext.asyncio import AsyncConnection as AsyncConnection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.types import TypeDecorator

from octant_chassis.failpoints import failpoint
from octant_chassis.tasks import end
from octant_chassis.telemetry import log


class WeiColumn(TypeDecorator[int]):
    """numeric(78,0) ↔ int: exact for every uint256."""

    impl = Numeric(78, 0)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(int(value))

    def process_result_value(self, value: Decimal | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)


class AddressColumn(TypeDecorator[Address]):
    """bytea ↔ Address."""

    impl = LargeBinary(20)
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Address | None:
        return None if value is None else Address(value)


class HexColumn(TypeDecorator[Hex]):
    """bytea ↔ Hex."""

    impl = LargeBinary()
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        return None if value is None else bytes(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Hex | None:
        return None if value is None else Hex(value)


# What a connection of our own raises when it ends, whatever it was doing just then: the driver's
# internal error comes when it is told so in the middle of a reply.
_LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# Shut down by an administrator, after a crash, still starting, out of connections.
_GOING_AWAY = frozenset(("57P01", "57P02", "57P03", "53300"))


def is_away(error: BaseException | None) -> bool:
    """Whether the database does not answer, rather than refuse what it was asked.

    Drivers raise plain OSErrors while they connect, and SQLAlchemy wraps what comes later.
    """
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        error = error.orig
    if isinstance(error, OSError | NoFreeConnection | asyncpg.InternalClientError):
        return True
    state = str(getattr(error, "sqlstate", None) or "")
    return state.startswith("08") or state in _GOING_AWAY


class Database:
    """One service's schema. Only `transaction` commits."""

    def __init__(self, dsn: str, schema: str, *, pool_size: int = 10) -> None:
        url = make_url(dsn).set(drivername="postgresql+asyncpg")
        self.schema = schema
        self._dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._server_settings = {"search_path": schema, "application_name": f"octant-{schema}"}
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            connect_args={
                "server_settings": {**self._server_settings, "statement_timeout": "30000"},
                "timeout": 5,
            },
        )

    @asynccontextmanager
    async def transaction(self, label: str) -> AsyncIterator[AsyncConnection]:
        """One transaction; commits when the block ends well. `label` names its failpoints."""
        async with self.engine.connect() as connection:
            yield connection
            failpoint("before_commit", label)
            await connection.commit()
            failpoint("after_commit", label)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view for an answer that needs several queries; never commits."""
        async with self.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    async def ping(self) -> None:
        """Raises when the database does not answer."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def raw(self, **server_settings: str) -> asyncpg.Connection:
        """A connection of its own, for LISTEN and advisory locks."""
        return await asyncpg.connect(
            self._dsn, server_settings={**self._server_settings, **server_settings}, timeout=5
        )

    async def close(self) -> None:
        await self.engine.dispose()

    def lock_key(self, name: str) -> int:
        """The 64-bit advisory lock key of a name within this schema."""
        digest = hashlib.sha256(f"{self.schema}:{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    async def lead(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` while holding the lock `name`; others stand by. Never returns.

        The lock lives in one connection; when that is lost so is the lock, and the work is
        cancelled before somebody else can have started with a committed effect of ours
        missing: every effect is its own transaction.
        """
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await self.raw()
                await connection.execute("SELECT pg_advisory_lock($1)", self.lock_key(name))
                log.info("leading", lock=name)
                await _while_connected(connection, work)
            except _LOST as error:
                log.warning("leadership lost", lock=name, reason=str(error))
                await asyncio.sleep(0.5)
            finally:
                if connection is not None:
                    connection.terminate()


async def _while_connected(
    connection: asyncpg.Connection, work: Callable[[], Awaitable[None]]
) -> None:
    task = asyncio.ensure_future(work())
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=2)
            if not task.done():
                await connection.execute("SELECT 1", timeout=5)
        await task
    finally:
        await end((task,))


async def copy_rows(
    connection: AsyncConnection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Bulk insert by COPY within the caller's transaction. Values as asyncpg takes them."""
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    # The driver begins a transaction with the first statement only.
    await connection.execute(text("SELECT 1"))
    await driver.copy_records_to_table(table.name, columns=list(columns), records=rows)


class Notifications:
    """LISTEN on this schema's channels; waiters look again whenever something happened."""

    def __init__(self, database: Database) -> None:
        self.listening = False
        """Whether the connection stands: the first to know that the database is gone."""
        self._database = database
        self._waiters: dict[str, set[asyncio.Event]] = {}

    def channel(self, name: str) -> str:
        return f"{self._database.schema}_{name}"

    async def wait(self, name: str, timeout: float) -> bool:
        """True when the channel was notified within `timeout` seconds."""
        woken = asyncio.Event()
        waiters = self._waiters.setdefault(name, set())
        waiters.add(woken)
        try:
            async with asyncio.timeout(timeout):
                await woken.wait()
        except TimeoutError:
            return False
        finally:
            waiters.discard(woken)
        return True

    def wake(self, name: str) -> None:
        for woken in self._waiters.get(name, ()):
            woken.set()

    async def run(self, names: tuple[str, ...]) -> None:
        """Keeps listening; after a lost connection everybody is woken to look again."""
        by_channel = {self.channel(name): name for name in names}

        def notified(_: Any, __: int, channel: str, ___: str) -> None:
            self.wake(by_channel[channel])

        while True:
            connection: asyncpg.Connection | None = None
            lost = asyncio.Event()
            try:
                connection = await self._database.raw()
                connection.add_termination_listener(lambda _, gone=lost: gone.set())
                for channel in by_channel:
                    await connection.add_listener(channel, notified)
                self.listening = True
                for name in names:
                    self.wake(name)
                await lost.wait()
                log.warning("notifications lost", reason="the connection ended")
            except _LOST as error:
                log.warning("notifications lost", reason=str(error))
            finally:
                self.listening = False
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(0.2)
