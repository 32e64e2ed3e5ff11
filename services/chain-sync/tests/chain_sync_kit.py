"""Helpers of these tests: settings for a chain, the outbox and tables as values, the service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from octant_chain_sync import rpc
from octant_chain_sync.app import PACKAGE, wire
from octant_chain_sync.indexer.service import Indexer
from octant_chain_sync.settings import Settings
from octant_chain_sync.tables import metadata
from octant_chassis.database import Database
from octant_chassis.service import Service, start
from octant_chassis.settings import Secret
from octant_chassis.tables import outbox
from octant_contracts.events import BY_SUBJECT, CHAIN_SYNC, Event, FactsReverted
from octant_contracts.values import decode
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment
from octant_devnet.people import project_addresses
from octant_devnet.testkit import eventually
from sqlalchemy import select

DURATION = 5000
WINDOW = 2000
GLM = 10**18
CID = "QmTheFirst"
PROJECTS = project_addresses(3, "chain-sync")
FACT_TABLES = ("deposit_facts", "withdrawals", "merkle_roots", "projects", "epoch_props", "head")


def settings_for(chain: Chain, deployment: Deployment, dsn: str, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "db_uri": Secret(dsn),
        "chain_id": 1337,
        "eth_rpc_provider_url": Secret(chain.url),
        "auth_contract_address": deployment.auth,
        "deposits_contract_address": deployment.deposits,
        "epochs_contract_address": deployment.epochs,
        "glm_contract_address": deployment.glm,
        "proposals_contract_address": deployment.proposals,
        "vault_contract_address": deployment.vault,
        "withdrawals_target_contract_address": deployment.withdrawals_target,
        "confirmations": 0,
        "poll_interval": 0.02,
        "log_level": "ERROR",
    }
    return Settings(**(values | changes))


async def events_of(database: Database, *kinds: type[Event]) -> list[Event]:
    """The outbox, decoded, in the order in which the relay publishes it; of `kinds` if given."""
    async with database.engine.connect() as connection:
        rows = await connection.execute(select(outbox).order_by(outbox.c.id))
        events = [decode(row.payload, BY_SUBJECT[row.subject]) for row in rows]
    return [e for e in events if not kinds or isinstance(e, kinds)]


async def poll_until_reverted(indexer: Indexer, database: Database) -> None:
    """A chain that only got shorter is believed after some polls."""
    before = len(await events_of(database, FactsReverted))

    async def reverted() -> bool:
        await indexer.poll()
        return len(await events_of(database, FactsReverted)) > before

    await eventually(reverted)


async def contents(database: Database, *tables: str) -> dict[str, list[Any]]:
    """All rows as mappings, in key order; without the block where contract state was seen."""
    found: dict[str, list[Any]] = {}
    async with database.engine.connect() as connection:
        for name in tables:
            table = metadata.tables[name]
            rows = await connection.execute(select(table).order_by(*table.primary_key))
            found[name] = [
                {
                    k: v
                    for k, v in row.items()
                    if k != "block_number" or name not in ("projects", "epoch_props")
                }
                for row in rows.mappings()
            ]
    return found


@asynccontextmanager
async def serving(settings: Settings) -> AsyncIterator[Service]:
    """The whole service in this process, ready."""
    async with (
        rpc.connect(settings.eth_rpc_provider_url.reveal()) as client,
        start(CHAIN_SYNC, settings, PACKAGE) as service,
    ):
        wire(service, client, settings)
        running = asyncio.create_task(service.run())
        try:
            await eventually(lambda: not service.readiness.waiting(), what="ready")
            yield service
        finally:
            service.stopping.set()
            await running
