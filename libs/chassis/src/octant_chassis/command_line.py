"""`serve | migrate | check`: the same three commands for every service."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy import text

from octant_chassis.bus import Bus
from octant_chassis.database import Database
from octant_chassis.migrations import migrate
from octant_chassis.settings import ChassisSettings, InvalidSettings, load, redacted

S = TypeVar("S", bound=ChassisSettings)

COMMANDS = ("serve", "migrate", "check")
PATIENCE = 5.0  # seconds `check` waits for an answer


def main(
    name: str,
    kind: type[S],
    serve: Callable[[S], Coroutine[Any, Any, None]],
    package: str,
    arguments: list[str],
    *,
    stores: bool = True,
) -> int:
    """The exit code: 0 done, 1 something does not answer, 2 wrong usage or settings."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        return _complain(f"usage: python -m {package} {' | '.join(COMMANDS)}")
    try:
        settings = load(kind, os.environ)
        if stores and not settings.db_uri:
            raise InvalidSettings("DB_URI must be set")
    except InvalidSettings as error:
        return _complain(f"invalid settings: {error}")
    if arguments[0] == "serve":
        asyncio.run(serve(settings))
        return 0
    if arguments[0] == "migrate":
        return asyncio.run(_migrate(name, settings, package)) if stores else 0
    return asyncio.run(_check(name, settings, stores))


async def _migrate(name: str, settings: ChassisSettings, package: str) -> int:
    database = Database(settings.db_uri.reveal(), name.replace("-", "_"))
    try:
        await migrate(database, package)
    finally:
        await database.close()
    return 0


async def _check(name: str, settings: ChassisSettings, stores: bool) -> int:
    """Prints the settings and what answers."""
    for key, value in redacted(settings).items():
        sys.stdout.write(f"{key} = {value}\n")
    probes = [("bus", _ping_bus)]
    if stores:
        probes.insert(0, ("database", _ping_database))
    healthy = True
    for what, ping in probes:
        try:
            async with asyncio.timeout(PATIENCE):
                await ping(name, settings)
            sys.stdout.write(f"the {what} answers\n")
        except Exception as error:  # drivers wrap their connection errors in their own
            healthy = False
            _complain(f"the {what} does not answer: {str(error) or type(error).__name__}")
    return 0 if healthy else 1


async def _ping_database(name: str, settings: ChassisSettings) -> None:
    database = Database(settings.db_uri.reveal(), name.replace("-", "_"))
    try:
        async with database.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    finally:
        await database.close()


async def _ping_bus(name: str, settings: ChassisSettings) -> None:
    bus = Bus(settings.nats_url, name)
    try:
        await bus.connect()
    finally:
        await bus.close()


def _complain(line: str) -> int:
    sys.stderr.write(line + "\n")
    return 2
