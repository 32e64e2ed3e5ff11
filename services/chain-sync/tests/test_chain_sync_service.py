"""The whole service: calls over the bus, readiness, wake-ups by notification and by event."""

import asyncio
import json
from urllib.error import HTTPError
from urllib.request import urlopen

import asyncpg
import msgspec
import pytest
from chain_sync_kit import CID, PROJECTS, events_of, serving
from octant_chain_sync import rpc
from octant_chain_sync.balances.service import staking_proceeds
from octant_chain_sync.indexer.service import Indexer
from octant_chain_sync.node import Node, WrongChain
from octant_chain_sync.settings import contracts_of
from octant_chassis.database import Notifications
from octant_chassis.settings import Secret
from octant_contracts.calls import (
    CHAIN_INFO,
    CHAIN_STATUS,
    LOCKED_GLM,
    PROJECTS_OF_EPOCH,
    STAKING_PROCEEDS,
    SYNC_TO_LATEST,
    ChainStatus,
    Nothing,
    OfEpoch,
    ProceedsRequest,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import FinalizedSnapshotTaken, Locked, subject
from octant_contracts.values import Hex, Wei, encode
from octant_devnet import contracts, servers
from octant_devnet.chainkit import GENESIS, Nodes
from octant_devnet.deploy import account_address, deploy
from octant_devnet.people import lock
from octant_devnet.testkit import eventually
from sqlalchemy.exc import DBAPIError


@pytest.fixture
def service_settings(settings, nats_url):
    return msgspec.structs.replace(settings, nats_url=nats_url, chain_name="localhost")


def readiness(port: int) -> tuple[int, dict[str, str]]:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz") as response:
            return response.status, json.load(response)["waiting"]
    except HTTPError as error:
        with error:
            return error.code, json.load(error)["waiting"]


async def test_calls__over_the_bus__answer_what_the_chain_says(
    chain, deployment, service_settings, alice
):
    lock(chain, deployment, alice, 1234)
    async with serving(service_settings) as service:
        ask = service.caller.ask
        projects = await ask(PROJECTS_OF_EPOCH, OfEpoch(1))
        assert [p.text for p in projects.projects_addresses] == PROJECTS
        assert projects.projects_cid == CID
        with pytest.raises(Refusal) as refused:
            await ask(PROJECTS_OF_EPOCH, OfEpoch(-1))
        assert refused.value.code == "InvalidEpoch"

        height, now = chain.height(), chain.now()
        assert await ask(CHAIN_STATUS, Nothing()) == ChainStatus(
            blockchain_height=height,
            blockchain_epoch=1,
            window_open=False,
            indexed_height=height,
            head_timestamp=now,
        )
        info = await ask(CHAIN_INFO, Nothing())
        assert (info.chain_name, info.chain_id) == ("localhost", 1337)
        assert [(c.name, c.address.text) for c in info.smart_contracts] == [
            ("Auth", deployment.auth),
            ("Deposits", deployment.deposits),
            ("Epochs", deployment.epochs),
            ("GLM", deployment.glm),
            ("Projects", deployment.proposals),
            ("Vault", deployment.vault),
            ("WithdrawalsTarget", deployment.withdrawals_target),
        ]
        assert (await ask(LOCKED_GLM, Nothing())).value == 1234

        request = ProceedsRequest(epoch=1, start=0, end=1, block=height)
        balance = 10**16
        told = await ask(STAKING_PROCEEDS, request)
        assert (told.value, told.block.number) == (balance, height)
        assert told.block.hash.text == chain.block(height)["hash"]
        chain.set_balances({deployment.withdrawals_target: 5})
        chain.mine()
        later = msgspec.structs.replace(request, block=chain.height())
        assert (await ask(STAKING_PROCEEDS, later)).value == 5


async def test_staking_proceeds__with_a_surplus_or_on_mainnet__subtract_it_or_refuse(
    node: Node, settings, chain
):
    request = ProceedsRequest(epoch=2, start=0, end=1, block=chain.height())
    with_surplus = msgspec.structs.replace(settings, epoch_2_staking_proceeds_surplus=3 * 10**16)
    assert (await staking_proceeds(node, with_surplus, request)).value == -2 * 10**16
    with pytest.raises(Refusal) as refused:
        await staking_proceeds(node, msgspec.structs.replace(settings, chain_id=1), request)
    assert refused.value.code == "ServiceUnavailable"
    assert refused.value.details == {"service": "staking proceeds sources"}


async def test_sync_to_latest__after_time_travel__answers_with_the_new_block_without_a_poll(
    chain, deployment, service_settings
):
    # The next regular look would be in a minute.
    async with serving(msgspec.structs.replace(service_settings, poll_interval=60.0)) as service:
        start = contracts.epoch_props(chain, deployment.epochs, 0).from_ts
        chain.travel_to(start + 5000)
        head = await service.caller.ask(SYNC_TO_LATEST, Nothing())
        assert (head.number, head.timestamp) == (chain.height(), start + 5000)
        status = await service.caller.ask(CHAIN_STATUS, Nothing())
        assert status.indexed_height == head.number
        assert (status.blockchain_epoch, status.window_open) == (2, True)


async def test_sync_to_latest__after_the_height_went_down__waits_for_the_revert(
    chain, service_settings
):
    async with serving(msgspec.structs.replace(service_settings, poll_interval=60.0)) as service:
        snapshot = chain.rpc("evm_snapshot")
        height = chain.height()
        chain.mine(3)
        assert (await service.caller.ask(SYNC_TO_LATEST, Nothing())).number == height + 3
        chain.rpc("evm_revert", snapshot)
        head = await service.caller.ask(SYNC_TO_LATEST, Nothing())
        assert (head.number, head.hash.text) == (height, chain.block()["hash"])


async def test_finalized_snapshot__announced_by_rewards__is_confirmed_on_chain_at_once(
    chain, deployment, service_settings
):
    confirming = msgspec.structs.replace(
        service_settings,
        scheduler_enabled=True,
        vault_confirm_withdrawals_enabled=True,
        testnet_multisig_private_key=Secret(deployment.multisig_key),
        confirm_interval=60.0,
    )
    root = b"\x07" * 32
    event = FinalizedSnapshotTaken(
        epoch=1,
        matched_rewards=Wei(0),
        patrons_rewards=Wei(0),
        leftover=Wei(0),
        total_withdrawals=Wei(42),
        staking_matched_reserved_for_v2=Wei(0),
        merkle_root=Hex(root),
        leaves_count=1,
    )
    nonce = chain.nonce(account_address(6))
    async with serving(confirming) as service:
        await service.bus.jetstream.publish(
            subject(FinalizedSnapshotTaken), encode(event), headers={"Nats-Msg-Id": "rewards:1"}
        )

        def on_chain() -> bool:
            return contracts.merkle_root(chain, deployment.vault, 1) == root

        await eventually(on_chain)
    assert chain.balance(deployment.vault) == 42
    assert chain.nonce(account_address(6)) == nonce + 2


async def test_node__that_goes_away__makes_the_service_unready_and_says_why(
    nodes: Nodes, service_settings
):
    own, process = nodes.start(timestamp=GENESIS)
    deployed = nodes_deployment(own)
    there = msgspec.structs.replace(
        service_settings, eth_rpc_provider_url=Secret(own.url), **deployed
    )
    async with serving(there) as service:
        assert service.readiness.waiting() == {}
        process.terminate()
        await asyncio.to_thread(process.wait, 10)
        await eventually(lambda: "chain" in service.readiness.waiting())
        status, waiting = await asyncio.to_thread(readiness, service.operations_port)
        assert status == 503
        assert waiting["chain"].startswith("chain does not answer")
        answer = await service.caller.ask(CHAIN_STATUS, Nothing())
        assert (answer.blockchain_height, answer.blockchain_epoch, answer.window_open) == (
            None,
            None,
            None,
        )
        assert answer.indexed_height > 0
        projects = await service.caller.ask(PROJECTS_OF_EPOCH, OfEpoch(1))
        assert [p.text for p in projects.projects_addresses] == PROJECTS
        for call in (LOCKED_GLM, SYNC_TO_LATEST):
            with pytest.raises(Refusal) as refused:
                await service.caller.ask(call, Nothing())
            assert refused.value.code == "UpstreamFailed"


def nodes_deployment(chain) -> dict[str, str]:
    """Contracts on a chain of its own, as settings."""

    deployment = deploy(chain, projects=PROJECTS, cid=CID)
    return {
        "deposits_contract_address": deployment.deposits,
        "epochs_contract_address": deployment.epochs,
        "glm_contract_address": deployment.glm,
        "proposals_contract_address": deployment.proposals,
        "vault_contract_address": deployment.vault,
        "withdrawals_target_contract_address": deployment.withdrawals_target,
    }


async def test_database__that_drops_every_connection__is_found_again(
    chain, deployment, service_settings, database, postgres_port, database_name, alice
):
    async with serving(service_settings) as service:
        admin = await asyncpg.connect(servers.admin_dsn(postgres_port, "postgres"))
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1",
            database_name,
        )
        await admin.close()
        lock(chain, deployment, alice, 77)

        async def is_indexed() -> bool:
            try:
                return [e.amount for e in await events_of(service.database, Locked)] == [77]
            except DBAPIError:
                return False

        await eventually(is_indexed)
        await eventually(lambda: not service.readiness.waiting())


async def test_contract__at_a_wrong_address__is_reported_and_nothing_is_indexed(
    service_settings, database, client
):
    wrong = msgspec.structs.replace(service_settings, epochs_contract_address=account_address(1))
    node = Node(client, contracts_of(wrong), wrong.chain_id)
    with pytest.raises(rpc.UnexpectedAnswer):
        await Indexer(database, node, Notifications(database), wrong).poll()
    assert await events_of(database) == []


async def test_node__of_another_chain__is_not_indexed(chain, service_settings, database, node):
    other = msgspec.structs.replace(service_settings, chain_id=11155111)

    async with rpc.connect(chain.url) as client:
        wrong = Node(client, contracts_of(other), other.chain_id)
        with pytest.raises(WrongChain):
            await Indexer(database, wrong, Notifications(database), other).poll()
        with pytest.raises(WrongChain):
            await wrong.live_status(1.0)
