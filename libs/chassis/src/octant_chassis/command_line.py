"""`serve | migrate | check`: the same three commands for every service."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import text

from octant_chassis.bus import Bus
from octant_chassis.database import Database
from octant_chassis.migrations import migrate
from octant_chassis.settings import ChassisSettings, InvalidSettings, load, redacted

S = TypeVar("S", bound=ChassisSettings)


def main(
    name: str,
    kind: type[S],
    serve: Callable[[S], Awaitable[None]],
    package: str,
    *,
    stores: bool = True,
) -> None:
    """Runs the command named in sys.argv; exits 2 when the settings make no sense."""
    command = sys.argv[1] if len(sys.argv) > 1 else "serve"
    try:
        settings = load(kind, os.environ)
    except InvalidSettings as error:
        print(f"octant-{name}: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    if command == "serve":
        asyncio.run(_await(serve(settings)))
    elif command == "migrate" and stores:
        asyncio.run(_migrate(name, settings, package))
    elif command == "check":
        sys.exit(asyncio.run(_check(name, settings, stores)))
    else:
        print(f"octant-{name}: serve, migrate or check?", file=sys.stderr)  # noqa: T201
        sys.exit(2)


async def _await(work: Awaitable[None]) -> None:
    await work


async def _migrate(name: str, settings: ChassisSettings, package: str) -> None:
    database = Database(settings.db_uri.reveal(), name.replace("-", "_"))
    try:
        await migrate(database, package)
    finally:
        await database.close()


async def _check(name: str, settings: ChassisSettings, stores: bool) -> int:
    """Prints the settings and what answers; 1 when something does not."""
    for key, value in redacted(settings).items():
        print(f"{key} = {value}")  # noqa: T201
    failures = 0
    if stores:
        database = Database(settings.db_uri.reveal(), name.replace("-", "_"))
        failures += await _probe("database", _ping(database))
        await database.close()
    bus = Bus(settings.nats_url, name)
    failures += await _probe("bus", asyncio.wait_for(bus.connect(), timeout=5))
    await bus.close()
    return 1 if failures else 0


async def _ping(database: Database) -> None:
    async with database.engine.connect() as connection:
        await connection.execute(text("SELECT 1"))


async def _probe(what: str, attempt: Awaitable[None]) -> int:
    try:
        await attempt
    except Exception as error:
        print(f"{what}: does not answer ({error or type(error).__name__})")  # noqa: T201
        return 1
    print(f"{what}: answers")  # noqa: T201
    return 0
