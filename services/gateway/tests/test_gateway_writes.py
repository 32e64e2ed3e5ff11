"""Read your own writes: which tokens travel with which call, and until when."""

from octant_chassis.calls import Written
from octant_contracts import calls
from octant_contracts.calls import (
    AllocationNonce,
    Leverage,
    Nothing,
    PatronMode,
    SnapshotTaken,
    UserAllocations,
)
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, REWARDS
from octant_gateway.writes import FORGET_AFTER, MOST, Writes

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
PROJECT = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f"
BODY = {
    "payload": {"allocations": [{"proposalAddress": PROJECT, "amount": "1000"}], "nonce": 0},
    "userAddress": ALICE,
    "signature": "0xabc",
    "isManuallyEdited": False,
}


def prepare(world) -> None:
    on = world.services.on
    on(calls.ALLOCATE, Written(Nothing(), (41, 42)))
    on(calls.SET_PATRON_MODE, Written(PatronMode(True), (50,)))
    on(calls.TAKE_PENDING_SNAPSHOT, Written(SnapshotTaken(3), (7,)))
    on(calls.LEVERAGE, Leverage(0.0))
    on(calls.ALLOCATION_NONCE, AllocationNonce(allocation_nonce=1))
    on(calls.USER_ALLOCATIONS, UserAllocations(allocations=[], is_manually_edited=None))
    on(calls.CURRENT_EPOCH, calls.CurrentEpoch(current_epoch=1))
    on(calls.CHAIN_INFO, calls.ChainInfo(chain_name="", chain_id=1, smart_contracts=[]))


async def test_allocation__is_waited_for_by_rewards_until_one_call_succeeded(world) -> None:
    prepare(world)
    assert (await world.client.post("/allocations/allocate", json=BODY)).status_code == 201
    for path in (
        f"/allocations/users/{ALICE}/allocation_nonce",  # its own writes a service has
        "/epochs/current",  # projects no allocations
        "/info/chain-info",
        "/rewards/leverage/1",
        "/rewards/leverage/1",
    ):
        assert (await world.get(path)).status_code == 200
    assert [asked.after for asked in world.services.asked] == [
        (),
        (),
        (),
        (),
        ((ALLOCATIONS, 41), (ALLOCATIONS, 42)),
        (),
    ]


async def test_snapshot__is_waited_for_by_a_following_allocation(world) -> None:
    prepare(world)
    assert (await world.client.post("/snapshots/pending")).status_code == 201
    assert (await world.client.post("/allocations/allocate", json=BODY)).status_code == 201
    assert [(asked.call, asked.after) for asked in world.services.asked] == [
        (calls.TAKE_PENDING_SNAPSHOT, ()),
        (calls.ALLOCATE, ((REWARDS, 7),)),
    ]


async def test_tokens__of_a_call_that_failed__go_with_the_next(world) -> None:
    prepare(world)
    await world.client.patch(f"/user/{ALICE}/patron-mode", json={"signature": "0x"})
    world.services.tokens[REWARDS].refuse = True
    response = await world.get("/rewards/leverage/1")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json() == {
        "message": "Your last change is not loaded yet; try again in a moment."
    }
    world.services.tokens[REWARDS].refuse = False
    assert (await world.get("/rewards/leverage/1")).status_code == 200
    assert world.services.asked[-1].after == ((ALLOCATIONS, 50),)


async def test_tokens__of_long_ago__are_forgotten(world) -> None:
    prepare(world)
    await world.client.post("/allocations/allocate", json=BODY)
    world.now += FORGET_AFTER + 1
    await world.get("/rewards/leverage/1")
    assert world.services.asked[-1].after == ()


def test_writes__more_than_fit_a_header__send_the_newest_first() -> None:
    writes = Writes(clock=lambda: 0.0)
    tokens = [(ALLOCATIONS, i) for i in range(MOST + 10)]
    writes.remember(tokens)
    newest = writes.outstanding(REWARDS)
    assert newest == tuple(tokens[10:])
    writes.applied(REWARDS, newest)
    assert writes.outstanding(REWARDS) == tuple(tokens[:10])


def test_writes__of_each_service__concern_those_that_project_it() -> None:
    concerned = {}
    for source in (CHAIN_SYNC, EPOCHS, REWARDS, ALLOCATIONS):
        writes = Writes()
        writes.remember([(source, 1)])
        concerned[source] = {
            s for s in (CHAIN_SYNC, EPOCHS, REWARDS, ALLOCATIONS) if writes.outstanding(s)
        }
    assert concerned == {
        CHAIN_SYNC: {EPOCHS, REWARDS, ALLOCATIONS},
        EPOCHS: {REWARDS, ALLOCATIONS},
        REWARDS: {CHAIN_SYNC, ALLOCATIONS},
        ALLOCATIONS: {REWARDS},
    }
