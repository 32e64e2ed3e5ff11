"""python -m octant_chain_sync serve | migrate | check"""

import asyncio
import os
import sys
from collections.abc import Awaitable

from nats.aio.client import Client
from octant_chassis.database import Database
from octant_chassis.migrations import migrate
from octant_chassis.settings import InvalidSettings, redacted
from sqlalchemy import text

from octant_chain_sync import app, rpc
from octant_chain_sync.node import Node
from octant_chain_sync.settings import Settings, contracts_of, read_settings

SCHEMA = "chain_sync"


def main(arguments: list[str]) -> int:
    """Exit code: 0, 1 when something does not answer, 2 for a wrong command or settings."""
    if len(arguments) != 1 or arguments[0] not in ("serve", "migrate", "check"):
        print(__doc__, file=sys.stderr)  # noqa: T201
        return 2
    try:
        settings = read_settings(os.environ)
    except InvalidSettings as error:
        print(f"invalid settings: {error}", file=sys.stderr)  # noqa: T201
        return 2
    match arguments[0]:
        case "serve":
            asyncio.run(app.serve(settings))
            return 0
        case "migrate":
            asyncio.run(_migrate(settings))
            return 0
        case _:
            return asyncio.run(_check(settings))


async def _migrate(settings: Settings) -> None:
    database = Database(settings.db_uri.reveal(), SCHEMA)
    try:
        await migrate(database, app.PACKAGE)
    finally:
        await database.close()


async def _check(settings: Settings) -> int:
    """Prints the settings, secrets hidden, and whether database, bus and chain answer."""
    for name, value in redacted(settings).items():
        print(f"{name.upper()}={value}")  # noqa: T201
    answers = [
        await _answers("database", _ping_database(settings)),
        await _answers("bus", _ping_bus(settings)),
        await _answers("chain", _ping_chain(settings)),
    ]
    return 0 if all(answers) else 1


async def _answers(what: str, ping: Awaitable[None]) -> bool:
    try:
        await ping
    except Exception as error:  # each driver has errors of its own
        print(f"{what} does not answer: {error or type(error).__name__}", file=sys.stderr)  # noqa: T201
        return False
    print(f"{what}: ok")  # noqa: T201
    return True


async def _ping_database(settings: Settings) -> None:
    database = Database(settings.db_uri.reveal(), SCHEMA)
    try:
        async with database.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    finally:
        await database.close()


async def _ping_bus(settings: Settings) -> None:
    async def ignore(_: Exception) -> None:  # otherwise each attempt prints a traceback
        pass

    client = Client()
    async with asyncio.timeout(3):  # the client itself would try for minutes
        await client.connect(settings.nats_url, connect_timeout=2, error_cb=ignore)
    await client.close()


async def _ping_chain(settings: Settings) -> None:
    async with rpc.connect(settings.eth_rpc_provider_url.reveal()) as client:
        await Node(client, contracts_of(settings), settings.chain_id).latest(timeout=3)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
