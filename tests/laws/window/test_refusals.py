"""A refused allocation leaves nothing behind, in no service: neither a row nor a number taken."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from e2e.client import allocation_body
from faults.support import stored
from octant_contracts.errors import ERRORS
from octant_devnet import people
from octant_devnet.people import Person
from octant_gateway.operations.allocations import OPERATIONS

from laws.support import Items, rows
from laws.window.house import House, Window

pytestmark = pytest.mark.xdist_group("laws-window")

ALLOCATE = next(operation for operation in OPERATIONS if operation.method == "POST")
# Window and epoch are announced together: only a played world has the one without the other.
NOT_HERE = {"EpochNotIndexed"}
CLOSED = "AllocationWindowClosed"


class Attempts:
    """Bodies that must be refused while the window is open, by the code of the refusal."""

    def __init__(self, house: House, window: Window) -> None:
        self.house = house
        self.first, self.second, self.patron = house.people[:3]
        budget = window.budgets[self.first.address]
        a, b, c = house.projects[:3]
        stranger = people.person(99, "laws")
        project = house.giving_project
        good = self.body(self.first, [(a, 1)])
        of_second = self.body(self.second, [(a, 1)])
        self.good = good
        self.refused: list[tuple[str, dict[str, Any]]] = [
            ("EmptyAllocations", self.body(self.first, [])),
            ("WrongAllocationsNonce", self.body(self.first, [(a, 1)], later=1)),
            ("WrongAllocationsNonce", self.body(self.first, [(a, 1)], later=2**63)),
            ("NotAllowedInPatronMode", self.body(self.patron, [(a, 1)])),
            ("BudgetNotFound", self.body(stranger, [(a, 1)])),
            ("RewardsBudgetExceeded", self.body(self.first, [(a, budget), (b, 1)])),
            ("RewardsBudgetExceeded", self.body(self.first, [(a, 2**255)])),
            ("ProjectAllocationToSelf", self.body(project, [(a, 1)])),
            ("InvalidProjects", self.body(self.first, [(a, 1), (stranger.address, 0)])),
            ("DuplicatedProjects", self.body(self.first, [(a, 1), (b, 2), (a, 3)])),
            ("InvalidSignature", good | {"signature": of_second["signature"]}),
            ("InvalidSignature", good | {"signature": "0x12"}),
            ("InvalidSignature", good | {"payload": self.body(self.first, [(c, 1)])["payload"]}),
            ("InvalidSignature", good | {"userAddress": self.second.address, **self.at_second()}),
        ]

    def body(self, person: Person, items: Items, later: int = 0) -> dict[str, Any]:
        return allocation_body(person, items, self.house.gateway.nonce(person) + later)

    def at_second(self) -> dict[str, Any]:
        """The nonce of the second person, under the signature of the first."""
        nonce = self.house.gateway.nonce(self.second)
        signed = allocation_body(self.first, [(self.house.projects[0], 1)], nonce)
        return {key: signed[key] for key in ("payload", "signature")}

    def malformed(self) -> Sequence[tuple[int, Any]]:
        """(status, body) of what is not even an allocation."""
        payload = self.good["payload"]
        item = payload["allocations"][0]
        return [
            (422, {}),
            (422, self.good | {"userAddress": "0x12"}),
            (422, self.good | {"payload": payload | {"nonce": -1}}),
            (422, self.good | {"payload": payload | {"allocations": [item | {"amount": "-1"}]}}),
            (422, self.good | {"payload": payload | {"allocations": [item | {"amount": "x"}]}}),
            (413, self.good | {"signature": "0x" + "0" * 300_000}),
            (413, self.good | {"signature": "0x" + "0" * 1_500_000}),
        ]


def test_allocation__refused_for_any_reason__leaves_every_service_as_it_was(
    house: House, window: Window
) -> None:
    house.gateway.set_patron_mode(house.people[2], True)
    attempts = Attempts(house, window)
    house.gateway.wait_synced(house.world.chain.height())
    before = everything(house)
    for code, body in attempts.refused:
        assert_refused(house, code, body)
        assert everything(house) == before, f"{code} left something"
    for status, body in attempts.malformed():
        response = post(house, body)
        assert response.status_code == status, response.text
        assert everything(house) == before, f"{response.text} left something"
    tried = {code for code, _ in attempts.refused} | {CLOSED} | NOT_HERE
    assert tried == set(ALLOCATE.refusals)

    assert post(house, attempts.good).status_code == 201  # it was only the faults
    house.close_window()
    assert house.gateway.take_snapshot("finalized") == 201
    house.gateway.wait_synced(house.world.chain.height())
    before = everything(house)
    for body in (attempts.good, attempts.body(attempts.first, [(house.projects[0], 1)])):
        assert_refused(house, CLOSED, body)
    assert everything(house) == before


def assert_refused(house: House, code: str, body: dict[str, Any]) -> None:
    response = post(house, body)
    words = ERRORS[code].text.partition("{")[0]
    assert response.status_code == ERRORS[code].status, response.text
    assert response.json()["message"].startswith(words), response.text


def post(house: House, body: Any) -> httpx.Response:
    return house.gateway.http.post("/allocations/allocate", json=body)


def everything(house: House) -> dict[str, list[str]]:
    """Every row of every service, and how far their sequences have come."""
    counted = rows(house.world, "SELECT schemaname, sequencename, last_value FROM pg_sequences")
    return stored(house.world) | {"sequences": sorted(map(str, counted))}
