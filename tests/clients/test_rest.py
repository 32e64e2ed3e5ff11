"""Reads with parameters, refused writes and faulty ones: typed, and exact."""

from typing import Any

import pytest
from octant_client.rest import Client
from octant_client.rest.api.allocations import get_allocations_epoch, post_allocations_allocate
from octant_client.rest.models import (
    AllocateBody,
    AllocationItem,
    AllocationPayload,
    AllocationsOfEpoch,
    ErrorMessage,
    ValidationFaults,
)
from octant_contracts import calls

from clients.conftest import ALICE, AMOUNTS, EPOCH, PROJECT
from clients.typescript import Project

pytestmark = pytest.mark.xdist_group("clients")

GIFT = 9007199254740993
REFUSED = "Attempt to use wrong value of nonce (3 instead of 4) when signing allocations"


def body(user: str) -> AllocateBody:
    item = AllocationItem(proposal_address=PROJECT.text, amount=str(GIFT))
    payload = AllocationPayload(allocations=[item], nonce=3)
    return AllocateBody(
        payload=payload, user_address=user, signature="0xabc", is_manually_edited=False
    )


def asked(world: Any) -> None:
    """The services were asked what the clients were, to the wei."""
    (read,) = world.services.requests(calls.EPOCH_ALLOCATIONS)
    assert (read.epoch, read.include_zero_allocations) == (EPOCH, True)
    (write,) = world.services.requests(calls.ALLOCATE)
    assert [gift.amount for gift in write.allocations] == [GIFT]


async def test_python__reads_and_writes__gets_typed_answers(world: Any) -> None:
    async with Client(f"http://127.0.0.1:{world.port}") as client:
        read = await get_allocations_epoch.asyncio(
            EPOCH, client=client, include_zero_allocations=True
        )
        assert isinstance(read, AllocationsOfEpoch)
        assert [int(row.amount) for row in read.allocations] == AMOUNTS
        refused = await post_allocations_allocate.asyncio_detailed(
            client=client, body=body(ALICE.text)
        )
        assert refused.status_code == 400
        assert isinstance(refused.parsed, ErrorMessage)
        assert refused.parsed.message == REFUSED
        faulty = await post_allocations_allocate.asyncio_detailed(client=client, body=body("0x12"))
        assert faulty.status_code == 422
        assert isinstance(faulty.parsed, ValidationFaults)
        assert [fault.loc for fault in faulty.parsed.detail] == [["body", "userAddress"]]
    asked(world)


async def test_typescript__reads_and_writes__gets_typed_answers(
    world: Any, project: Project
) -> None:
    async with await project.start("rest", f"http://127.0.0.1:{world.port}") as program:
        assert await program.said() == {
            "amounts": [str(amount) for amount in AMOUNTS],
            "refused": [400, REFUSED],
            "faulty": [422, [["body", "userAddress"]]],
        }
    asked(world)
