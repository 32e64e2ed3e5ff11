"""Alembic per service, under an advisory lock so that replicas queue instead of racing."""

import re

from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.engine import Connection

from octant_chassis.database import Database


def _statements(script: str) -> list[str]:
    """Splits a DDL script at `;`, but not inside `$$ … $$` bodies; comments are dropped."""
    parts = re.split(r"(\$\$.*?\$\$)", re.sub(r"--[^\n]*", "", script), flags=re.S)
    merged = "".join(p if p.startswith("$$") else p.replace(";", "\0") for p in parts)
    return [s.strip() for s in merged.split("\0") if s.strip()]


def run_script(connection: Connection, script: str) -> None:
    """Executes a DDL script statement by statement (asyncpg takes one at a time)."""
    for statement in _statements(script):
        connection.exec_driver_sql(statement)


async def migrate(database: Database, package: str) -> None:
    """Brings the schema to the newest revision of `<package>/migrations`; idempotent."""
    config = Config()
    config.set_main_option("script_location", f"{package}:migrations")
    lock = await database.raw(lock_timeout="60s")
    try:
        await lock.execute("SELECT pg_advisory_lock($1)", database.lock_key("migrations"))
        if not await lock.fetchval(
            "SELECT 1 FROM pg_namespace WHERE nspname = $1", database.schema
        ):
            await lock.execute(f'CREATE SCHEMA "{database.schema}"')
        async with database.engine.connect() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = '4s'"))
            await connection.run_sync(_upgrade, config)
            await connection.commit()
    finally:
        await lock.close()


def _upgrade(connection: Connection, config: Config) -> None:
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run_env() -> None:
    """The body of every service's `migrations/env.py`."""
    from alembic import context

    connection = context.config.attributes["connection"]
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
