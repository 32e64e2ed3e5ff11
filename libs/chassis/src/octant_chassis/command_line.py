"""`serve | migrate | check`: the same three commands for every service."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from octant_chassis.bus import Bus
from octant_chassis.database import Database
from octant_chassis.migrations import migrate
from octant_chassis.settings import ChassisSettings, InvalidSettings, load, redacted

S = TypeVar("S", bound=ChassisSettings)
Probe = Callable[[], Awaitable[None]]

COMMANDS = ("serve", "migrate", "check")
PATIENCE = 5.0  # seconds `check` waits for an answer


class Commands(msgspec.Struct, Generic[S], kw_only=True):
    """What one service's commands need."""

    name: str
    settings: type[S]
    serve: Callable[[S], Coroutine[Any, Any, None]]
    package: str
    """Of the service; its `migrations` folder is in it, unless it stores nothing."""
    stores: bool = True
    validate: Callable[[S], None] = lambda settings: None
    """Raises InvalidSettings for values that do not make sense together."""
    probes: Callable[[S], Mapping[str, Probe]] = lambda settings: {}
    """What `check` asks besides database and bus, by name."""

    def run(self, arguments: list[str]) -> int:
        """The exit code: 0 done, 1 something does not answer, 2 wrong usage or settings."""
        if len(arguments) != 1 or arguments[0] not in COMMANDS:
            return _complain(f"usage: python -m {self.package} {' | '.join(COMMANDS)}")
        try:
            settings = load(self.settings, os.environ)
            if self.stores and not settings.db_uri:
                raise InvalidSettings("DB_URI must be set")
            self.validate(settings)
        except InvalidSettings as error:
            return _complain(f"invalid settings: {error}")
        if arguments[0] == "serve":
            asyncio.run(self.serve(settings))
            return 0
        if arguments[0] == "migrate":
            return asyncio.run(self._migrate(settings)) if self.stores else 0
        return asyncio.run(self._check(settings))

    async def _migrate(self, settings: S) -> int:
        database = Database(settings.db_uri.reveal(), self.name.replace("-", "_"))
        try:
            await migrate(database, self.package)
        finally:
            await database.close()
        return 0

    async def _check(self, settings: S) -> int:
        """Prints the settings and what answers."""
        for name, value in redacted(settings).items():
            sys.stdout.write(f"{name} = {value}\n")
        probes: dict[str, Probe] = {}
        if self.stores:
            probes["database"] = partial(_ping_database, settings.db_uri.reveal())
        probes["bus"] = partial(_ping_bus, settings.nats_url)
        healthy = True
        for what, ping in {**probes, **self.probes(settings)}.items():
            try:
                async with asyncio.timeout(PATIENCE):
                    await ping()
                sys.stdout.write(f"the {what} answers\n")
            except Exception as error:  # drivers wrap their connection errors in their own
                healthy = False
                _complain(f"the {what} does not answer: {str(error) or type(error).__name__}")
        return 0 if healthy else 1


async def _ping_database(dsn: str) -> None:
    database = Database(dsn, "public")
    try:
        await database.ping()
    finally:
        await database.close()


async def _ping_bus(url: str) -> None:
    bus = Bus(url, "check")
    try:
        await bus.connect()
    finally:
        await bus.close()


def _complain(line: str) -> int:
    sys.stderr.write(line + "\n")
    return 2
