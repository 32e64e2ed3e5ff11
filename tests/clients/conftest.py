"""The compiled TypeScript program, once for all tests, and a gateway with played services."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from octant_contracts import calls
from octant_contracts.calls import EpochAllocation, EpochAllocations, Window
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Wei

from clients import readers
from clients.readers import Starts
from clients.typescript import Project
from services.gateway.tests.conftest import running

ALICE = Address.parse("0xB32398833CF0A132a22104D8746a027A34A47269")
PROJECT = Address.parse("0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f")
EPOCH = 5
AMOUNTS = [2**53 + 1, 2**200 + 7, 0]  # no float holds the first two


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("typescript"))


@pytest.fixture(params=["python", "typescript"])
def reader(request: pytest.FixtureRequest) -> Starts:
    if request.param == "python":
        return readers.python
    return readers.typescript(request.getfixturevalue("project"))


@pytest.fixture
async def world(nats_url: str) -> AsyncIterator[Any]:
    """Somebody gave these amounts; every new allocation has a wrong nonce."""
    async with running(nats_url) as made:
        on = made.services.on
        rows = [EpochAllocation(Wei(amount), ALICE, PROJECT) for amount in AMOUNTS]
        on(calls.EPOCH_ALLOCATIONS, EpochAllocations(allocations=rows, next_cursor=None, as_of=9))
        on(calls.ALLOCATION_WINDOW, Window(pending_epoch=EPOCH))
        on(calls.ALLOCATE, Refusal("WrongAllocationsNonce", used=3, expected=4))
        yield made
