"""Composition root of chain-sync: the only file that wires concrete parts together."""

from functools import partial

from octant_chassis.database import Notifications
from octant_chassis.service import Service, start
from octant_contracts.calls import (
    CHAIN_HISTORY,
    CHAIN_HISTORY_COUNTS,
    CHAIN_INFO,
    CHAIN_STATUS,
    CHECK_CONTRACT_SIGNATURE,
    CLAIM_GLM,
    CLAIMABLE_GLM,
    LOCKED_GLM,
    PROJECT_DETAILS,
    PROJECTS_OF_EPOCH,
    SABLIER_STREAMS,
    STAKING_PROCEEDS,
    SYNC_TO_LATEST,
    ChainInfo,
    Nothing,
    OfEpoch,
    ProjectsOfEpoch,
)
from octant_contracts.events import CHAIN_SYNC, REWARDS, FinalizedSnapshotTaken

from octant_chain_sync import rpc
from octant_chain_sync.balances.service import locked_glm, staking_proceeds
from octant_chain_sync.glms.service import claim, claimable
from octant_chain_sync.history.service import history, history_counts
from octant_chain_sync.indexer.service import HEAD, POLL, Indexer
from octant_chain_sync.node import Node
from octant_chain_sync.projects.service import project_details, projects_of_epoch
from octant_chain_sync.settings import Settings, contracts_of, fixed_cids
from octant_chain_sync.status.service import Watch, chain_info, chain_status, sync_to_latest
from octant_chain_sync.streams.service import sablier_streams
from octant_chain_sync.transactions.events import on_finalized
from octant_chain_sync.transactions.sender import Sender
from octant_chain_sync.transactions.service import CONFIRM, Confirmer
from octant_chain_sync.wallets.service import check_contract_signature

PACKAGE = "octant_chain_sync"


async def serve(settings: Settings) -> None:
    """Runs until SIGTERM."""
    async with (
        rpc.connect(settings.eth_rpc_provider_url.reveal()) as client,
        start(CHAIN_SYNC, settings, PACKAGE) as service,
    ):
        wire(service, client, settings)
        await service.run()


def wire(service: Service, client: rpc.Rpc, settings: Settings) -> None:
    """Everything the service does; nothing runs before `service.run`."""
    database = service.database
    node = Node(client, contracts_of(settings), settings.chain_id)
    signals = Notifications(database)
    service.background("signals", lambda: signals.run((POLL, HEAD, CONFIRM)))

    indexer = Indexer(database, node, signals, settings)
    service.lead("indexer", indexer.run)
    service.readiness.check("indexer", lambda: indexer.trouble)
    watch = Watch(database, node, settings)
    service.background("watch", watch.run)
    service.readiness.check("chain", lambda: watch.trouble)

    service.project(REWARDS, {FinalizedSnapshotTaken: on_finalized(signals.channel(CONFIRM))})
    if settings.confirms_withdrawals:
        confirmer = Confirmer(
            database,
            node,
            Sender(client, settings.chain_id, settings.testnet_multisig_private_key),
            signals,
            interval=settings.confirm_interval,
            poll_interval=settings.poll_interval,
        )
        service.lead("transactions", confirmer.run)

    cids = fixed_cids(settings)
    info = chain_info(settings, node.contracts)

    async def projects(request: OfEpoch) -> ProjectsOfEpoch:
        return await projects_of_epoch(database, request.epoch, cids)

    async def answer_info(_: Nothing) -> ChainInfo:
        return info

    service.answer(PROJECTS_OF_EPOCH, projects)
    service.answer(PROJECT_DETAILS, partial(project_details, database))
    service.answer(CLAIM_GLM, partial(claim, database, settings))
    service.answer(CLAIMABLE_GLM, partial(claimable, database, settings))
    streams = settings.has_streams
    service.answer(SABLIER_STREAMS, partial(sablier_streams, database, enabled=streams))
    service.answer(CHAIN_HISTORY, partial(history, database, streams=streams))
    service.answer(CHAIN_HISTORY_COUNTS, partial(history_counts, database, streams=streams))
    service.answer(CHAIN_INFO, answer_info)
    service.answer(CHAIN_STATUS, lambda _: chain_status(database, node))
    service.answer(SYNC_TO_LATEST, lambda _: sync_to_latest(database, node, signals))
    service.answer(STAKING_PROCEEDS, lambda request: staking_proceeds(node, settings, request))
    service.answer(LOCKED_GLM, lambda _: locked_glm(node))
    service.answer(CHECK_CONTRACT_SIGNATURE, lambda check: check_contract_signature(client, check))
