"""/info: health, progress, contracts, version."""

import asyncio

from octant_contracts.calls import (
    ALLOCATIONS_STATUS,
    CHAIN_INFO,
    CHAIN_STATUS,
    EPOCHS_STATUS,
    REWARDS_STATUS,
    ChainInfo,
    Nothing,
)
from octant_contracts.values import encode

from octant_gateway.answers import Health, SyncStatus, Version
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Answer, Operation
from octant_gateway.parameters import NoParameters
from octant_gateway.sync_status import Statuses, health, is_healthy, sync_status


async def statuses_of(gateway: Gateway) -> Statuses:
    """Asks all four at once; one that is silent for a second counts as down."""
    asked = (
        gateway.probe(CHAIN_STATUS),
        gateway.probe(EPOCHS_STATUS),
        gateway.probe(REWARDS_STATUS),
        gateway.probe(ALLOCATIONS_STATUS),
    )
    chain, epochs, rewards, allocations = await asyncio.gather(*asked)
    return Statuses(chain=chain, epochs=epochs, rewards=rewards, allocations=allocations)


async def healthcheck(gateway: Gateway, _: NoParameters) -> Answer:
    told = health(await statuses_of(gateway))
    return Answer(200 if is_healthy(told) else 500, encode(told))


async def sync(gateway: Gateway, _: NoParameters) -> Answer:
    statuses = await statuses_of(gateway)
    status = 200 if is_healthy(health(statuses)) else 500
    return Answer(status, encode(sync_status(statuses)))


async def chain_info(gateway: Gateway, _: NoParameters) -> bytes:
    return await gateway.raw(CHAIN_INFO, Nothing())


async def version(gateway: Gateway, _: NoParameters) -> bytes:
    settings = gateway.settings
    env = "prod" if settings.octant_env == "production" else "dev"
    return encode(Version(id=settings.deployment_id, env=env, chain=settings.chain_name))


OPERATIONS = (
    Operation(
        method="GET",
        path="/info/healthcheck",
        summary="Whether chain, databases and indexer answer; 500 if one does not",
        tag="info",
        handler=healthcheck,
        answers={200: Health, 500: Health},
    ),
    Operation(
        method="GET",
        path="/info/sync-status",
        summary="How far the services and snapshots are; 500 if a part is down",
        tag="info",
        handler=sync,
        answers={200: SyncStatus, 500: SyncStatus},
    ),
    Operation(
        method="GET",
        path="/info/chain-info",
        summary="The chain and the contracts on it",
        tag="info",
        handler=chain_info,
        answers={200: ChainInfo},
    ),
    Operation(
        method="GET",
        path="/info/version",
        summary="What is deployed here",
        tag="info",
        handler=version,
        answers={200: Version},
    ),
)
