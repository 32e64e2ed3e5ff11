"""The canonical dump: what every service stores, without what may differ between two runs.

Left out: ids, wall times, and everything that depends on when the index looked at the chain.
Sequences of allocations are numbered anew, since an aborted attempt leaves a gap.
"""

import asyncio
import json
from decimal import Decimal
from typing import Any

import asyncpg
from octant_devnet.servers import STORING_SERVICES
from octant_devnet.world import World

OWN_BUSINESS = {
    "outbox",
    "inbox",
    "positions",
    "relay_state",
    "operator_actions",
    "alembic_version",
}
TIMING = {
    ("chain_sync", "blocks"): {"*"},
    ("chain_sync", "seals"): {"to_block", "sealed_at"},
    ("chain_sync", "epoch_props"): {"block_number"},
    ("chain_sync", "projects"): {"block_number"},
    ("chain_sync", "cids"): {"*"},
    # Who is killed between a root and its receipt sees the root on chain, and asks no more.
    ("chain_sync", "transactions"): {"succeeded"},
    ("epochs", "settlements"): {"to_block", "to_block_number", "to_block_hash"},
    ("rewards", "settlements"): {"to_block"},
    # The seal's digest covers sequences; the rows it covers are in the dump themselves.
    ("rewards", "seals"): {"digest"},
    ("rewards", "finalized_snapshots"): {"allocations_digest"},
}
SEQUENCES = {
    "sequence",
    "deleted_sequence",
    "sealed_at_sequence",
    "last_sequence",
    "first_sequence",
}


def canonical_dump(world: World) -> dict[str, list[str]]:
    """Rows as JSON text per `schema.table`, sorted."""
    return asyncio.run(_dump(world.postgres_dsn))


async def _dump(dsn: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        schemas = [service.replace("-", "_") for service in STORING_SERVICES]
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY($1) ORDER BY 1, 2",
            schemas,
        )
        rows = {
            (t["schemaname"], t["tablename"]): [
                dict(r)
                for r in await connection.fetch(
                    f'SELECT * FROM "{t["schemaname"]}"."{t["tablename"]}"'
                )
            ]
            for t in tables
            if t["tablename"] not in OWN_BUSINESS
        }
    finally:
        await connection.close()
    order = _order_of_sequences(rows)
    return {
        ".".join(table): sorted(
            json.dumps(_clean(table, row, order), sort_keys=True) for row in content
        )
        for table, content in rows.items()
        if TIMING.get(table) != {"*"}
    }


def _order_of_sequences(rows: dict[tuple[str, str], list[dict[str, Any]]]) -> dict[int, int]:
    used = {
        row["sequence"]
        for table in (("allocations", "requests"), ("allocations", "patron_events"))
        for row in rows[table]
    }
    return {sequence: place for place, sequence in enumerate(sorted(used))}


def _clean(table: tuple[str, str], row: dict[str, Any], order: dict[int, int]) -> dict[str, Any]:
    left_out = TIMING.get(table, set()) | {"id", "created_at"}
    clean: dict[str, Any] = {}
    for column, value in row.items():
        if column in left_out:
            continue
        if column in SEQUENCES and value is not None:
            # A seal may lie in a gap: it comes after every sequence up to it.
            value = order.get(value, sum(1 for s in order if s <= value))
        if isinstance(value, bytes):
            value = value.hex()
        elif isinstance(value, list):
            value = [v.hex() if isinstance(v, bytes) else v for v in value]
        elif isinstance(value, Decimal):
            value = str(value)
        clean[column] = value
    return clean
