"""/info: health, sync status and version; and when the gateway calls itself ready."""

import asyncio

import pytest
from octant_contracts import calls
from octant_contracts.calls import ChainStatus, RewardsStatus, ServiceStatus
from octant_contracts.errors import Refusal
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, REWARDS
from octant_devnet.testkit import eventually
from octant_gateway.app import LATELY, trouble_with, watch
from octant_gateway.sync_status import finalized_snapshot, pending_snapshot


def prepare(world, *, chain=None, rewards=None) -> None:
    on = world.services.on
    told = {
        "blockchain_height": 123456,
        "blockchain_epoch": 10,
        "window_open": False,
        "indexed_height": 123450,
        "head_timestamp": 1,
    }
    on(calls.CHAIN_STATUS, ChainStatus(**{**told, **(chain or {})}))
    on(calls.EPOCHS_STATUS, ServiceStatus(head_number=123449, head_timestamp=1, current_epoch=9))
    snapshots = {"last_pending_snapshot": 9, "last_finalized_snapshot": 9}
    on(
        calls.REWARDS_STATUS,
        RewardsStatus(head_number=123448, head_timestamp=1, **{**snapshots, **(rewards or {})}),
    )
    on(
        calls.ALLOCATIONS_STATUS,
        ServiceStatus(head_number=123447, head_timestamp=1, current_epoch=10),
    )


@pytest.mark.proves("GET /info/healthcheck")
async def test_healthcheck__when_all_answer__is_up(world) -> None:
    prepare(world)
    response = await world.get("/info/healthcheck")
    assert response.status_code == 200
    assert response.json() == {"blockchain": "UP", "db": "UP", "subgraph": "UP"}


async def test_healthcheck__with_a_part_down__is_500_with_the_same_body(world) -> None:
    prepare(world, chain={"blockchain_height": None, "blockchain_epoch": None})
    response = await world.get("/info/healthcheck")
    assert response.status_code == 500
    assert response.json() == {"blockchain": "DOWN", "db": "UP", "subgraph": "UP"}
    prepare(world, chain={"indexed_height": 0})
    assert (await world.get("/info/healthcheck")).json() == {
        "blockchain": "UP",
        "db": "UP",
        "subgraph": "DOWN",
    }
    prepare(world)
    await world.services.stop(ALLOCATIONS)
    response = await world.get("/info/healthcheck")
    assert response.status_code == 500
    assert response.json() == {"blockchain": "UP", "db": "DOWN", "subgraph": "UP"}
    await world.services.stop(CHAIN_SYNC)
    assert (await world.get("/info/healthcheck")).json() == {
        "blockchain": "DOWN",
        "db": "DOWN",
        "subgraph": "DOWN",
    }


async def test_healthcheck__with_services_that_hang__asks_all_at_once_for_a_second(world) -> None:
    prepare(world)

    async def hang(_: object) -> None:
        await asyncio.sleep(30)

    for call in (calls.CHAIN_STATUS, calls.EPOCHS_STATUS, calls.REWARDS_STATUS):
        world.services.on(call, hang)
    began = asyncio.get_running_loop().time()
    response = await world.get("/info/healthcheck")
    assert asyncio.get_running_loop().time() - began < 2
    assert response.json() == {"blockchain": "DOWN", "db": "DOWN", "subgraph": "DOWN"}


@pytest.mark.proves("GET /info/sync-status")
async def test_sync_status__when_all_answer__tells_the_slowest(world) -> None:
    prepare(world)
    response = await world.get("/info/sync-status")
    assert response.status_code == 200
    assert response.json() == {
        "blockchainEpoch": 10,
        "indexedEpoch": 9,
        "blockchainHeight": 123456,
        "indexedHeight": 123447,
        "pendingSnapshot": "done",
        "finalizedSnapshot": "done",
    }


async def test_sync_status__before_the_first_epoch__is_not_applicable(world) -> None:
    chain = {"blockchain_epoch": 0, "window_open": None}
    prepare(world, chain=chain, rewards={"last_pending_snapshot": 0, "last_finalized_snapshot": 0})
    response = await world.get("/info/sync-status")
    assert response.status_code == 200
    told = response.json()
    assert told["blockchainEpoch"] == 0
    assert told["pendingSnapshot"] == told["finalizedSnapshot"] == "not_applicable"


async def test_sync_status__with_a_part_down__has_nulls_and_is_500(world) -> None:
    prepare(world, chain={"blockchain_height": None, "blockchain_epoch": None})
    response = await world.get("/info/sync-status")
    assert response.status_code == 500
    assert response.json() == {
        "blockchainEpoch": None,
        "indexedEpoch": 9,
        "blockchainHeight": None,
        "indexedHeight": 123447,
        "pendingSnapshot": None,
        "finalizedSnapshot": None,
    }
    prepare(world)
    await world.services.stop(REWARDS)
    response = await world.get("/info/sync-status")
    assert response.status_code == 500
    assert response.json() == {
        "blockchainEpoch": 10,
        "indexedEpoch": None,
        "blockchainHeight": 123456,
        "indexedHeight": None,
        "pendingSnapshot": None,
        "finalizedSnapshot": None,
    }
    for service in (CHAIN_SYNC, "epochs", ALLOCATIONS):
        await world.services.stop(service)
    response = await world.get("/info/sync-status")
    assert response.status_code == 500
    assert set(response.json().values()) == {None}


# current epoch, last snapshot, window open → pending, finalized
STATES = [
    (0, 0, False, "not_applicable", "not_applicable"),
    (1, 0, False, "not_applicable", "not_applicable"),
    (2, 0, True, "in_progress", "too_early"),
    (2, 0, False, "in_progress", "in_progress"),
    (2, 1, False, "done", "done"),
    (2, 1, True, "done", "error"),
    (4, 1, True, "error", "error"),
    (4, 3, True, "done", "error"),
    (5, 3, True, "in_progress", "too_early"),
    (5, 7, False, "error", "error"),
]


@pytest.mark.parametrize(("current", "last", "window_open", "pending", "finalized"), STATES)
def test_snapshot_states__by_epoch_and_last_snapshot__follow_the_table(
    current, last, window_open, pending, finalized
) -> None:
    assert pending_snapshot(current, last) == pending
    assert finalized_snapshot(current, last, window_open=window_open) == finalized


@pytest.mark.proves("GET /info/version")
async def test_version__by_default_and_as_set__is_told(world, gateway_with) -> None:
    assert (await world.get("/info/version")).json() == {
        "id": "unknown",
        "env": "dev",
        "chain": "unknown",
    }
    async with gateway_with(
        deployment_id="d-7", octant_env="production", chain_name="sepolia"
    ) as set_up:
        assert (await set_up.get("/info/version")).json() == {
            "id": "d-7",
            "env": "prod",
            "chain": "sepolia",
        }


async def test_readiness__without_a_service__tells_which_and_for_how_long(world) -> None:
    prepare(world)
    assert trouble_with(world.gateway, REWARDS) == "has not answered yet"
    watching = asyncio.create_task(watch(world.gateway))
    try:
        await eventually(
            lambda: (
                not any(
                    trouble_with(world.gateway, s)
                    for s in (CHAIN_SYNC, EPOCHS, REWARDS, ALLOCATIONS)
                )
            )
        )
    finally:
        watching.cancel()
    world.now += LATELY + 1
    assert trouble_with(world.gateway, REWARDS) == "has not answered for 11 s"
    world.services.on(calls.LEVERAGE, Refusal("InvalidEpoch"))
    assert (await world.get("/rewards/leverage/1")).status_code == 400
    assert trouble_with(world.gateway, REWARDS) is None
    assert trouble_with(world.gateway, ALLOCATIONS) == "has not answered for 11 s"
