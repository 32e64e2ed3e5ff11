"""Bad input through the gateway of a running world: a clear 4xx, and nothing is stored."""

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest
from e2e.client import Gateway, allocation_body
from e2e.worlds import world_in
from octant_devnet import seed
from octant_devnet.world import World

from faults.hostile import IMPOSSIBLE, UNKNOWN, Bad, bad_allocations, bad_patron_modes
from faults.support import everything_ready, open_window, pids, stored, until

pytestmark = pytest.mark.xdist_group("faults-hostile")

DONOR = seed.seeded_people()[3]
FINE = {"epoch": "1", "address": DONOR.address, "choice": "tos"}


@pytest.fixture(scope="module")
def running(run_folder: Path) -> Iterator[tuple[World, Gateway]]:
    """In the window of epoch 1, with budgets and one allocation."""
    with world_in(run_folder / "hostile") as (world, gateway):
        open_window(world, gateway)
        gateway.allocate(DONOR, [(seed.seeded_projects()[2].address, 1234)])
        gateway.get("/rewards/projects/estimated")  # includes it: everybody has applied it
        yield world, gateway


@pytest.fixture
def gateway(running: tuple[World, Gateway]) -> Iterator[Gateway]:
    """Whatever a test sends: afterwards all is as it was, and everybody is there."""
    world, gateway = running
    before, processes, told = stored(world), pids(world), public_state(gateway)
    yield gateway
    assert public_state(gateway) == told
    assert stored(world) == before
    assert pids(world) == processes
    until(lambda: everything_ready(world), "everything ready")


def test_allocate__hostile_body__is_refused_as_documented_and_stores_nothing(
    gateway: Gateway,
) -> None:
    nonce = gateway.nonce(DONOR)
    assert nonce > 0
    cases = list(bad_allocations(DONOR, nonce))
    assert len(cases) > 150
    assert_refused(gateway, "POST", "/allocations/allocate", cases)


def test_allocate__too_large_a_body_of_unknown_length__is_cut_off(gateway: Gateway) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(50):
            yield b"[" * 100_000

    headers = {"Content-Type": "application/json"}
    response = gateway.http.post("/allocations/allocate", content=endless(), headers=headers)
    assert response.status_code == 413


def test_patron_mode__hostile_body__is_refused_and_nobody_becomes_a_patron(
    gateway: Gateway,
) -> None:
    for user in (DONOR.address, "0x" + "12" * 20):
        assert_refused(gateway, "PATCH", f"/user/{user}/patron-mode", bad_patron_modes())


def test_reads__impossible_path_values__are_unprocessable(gateway: Gateway) -> None:
    problems = []
    for path, kinds in readable(gateway):
        for name, kind in kinds.items():
            for value in IMPOSSIBLE[kind]:
                filled = fill(path, {n: FINE[k] for n, k in kinds.items()} | {name: value})
                response = gateway.http.get(filled)
                if response.status_code != 422 or "detail" not in response.json():
                    problems.append((filled[:120], response.status_code, response.text[:120]))
    assert not problems


def test_reads__unknown_epochs_and_addresses__are_answered_or_refused(gateway: Gateway) -> None:
    problems = []
    for path, kinds in readable(gateway):
        for values in product(*(UNKNOWN[kind] for kind in kinds.values())):
            filled = fill(path, dict(zip(kinds, values, strict=True)))
            response = gateway.http.get(filled)
            refused = response.status_code in (400, 403, 404) and list(response.json()) == [
                "message"
            ]
            if response.status_code not in (200, 204) and not refused:
                problems.append((filled, response.status_code, response.text[:120]))
    assert not problems


def test_reads__hostile_queries_and_paths__never_fail(gateway: Gateway) -> None:
    problems = []
    for target, statuses in {
        "/allocations/epoch/1?includeZeroAllocations=perhaps": (422,),
        "/allocations/epoch/1?includeZeroAllocations=": (422,),
        "/allocations/epoch/1?includeZeroAllocations=%00": (422,),
        "/allocations/epoch/1?epoch_number=abc": (200,),
        "/allocations/epoch/1?" + "&".join(f"a{n}=1" for n in range(2000)): (200,),
        "/allocations/epoch/1?%ff%fe=%ff": (200,),
        "/allocations/epoch/": (404, 307),
        "/allocations/epoch/1/2/3": (404,),
        "/allocations/epoch/%2e%2e%2f%2e%2e%2fetc%2fpasswd": (404, 422),
        "//allocations/epoch/1": (404,),
        "/" + "a" * 20_000: (404, 414),
        "/%00": (404,),
        "/%ff": (400, 404),
        "/delegation/check/%00": (400,),
        "/delegation/check/,,,": (400,),
        "/delegation/check/" + ",".join(["0x" + "12" * 20] * 2): (400,),
        "/delegation/check/" + "a," * 5_000: (400, 414),
    }.items():
        response = gateway.http.get(target)
        if response.status_code not in statuses:
            problems.append((target[:80], response.status_code, response.text[:120]))
    for method in ("DELETE", "PUT", "TRACE", "BREW"):
        response = gateway.http.request(method, "/allocations/allocate")
        if response.status_code != 405:
            problems.append((method, response.status_code, response.text[:120]))
    assert not problems


def test_allocate__the_body_that_the_hostile_ones_vary__is_accepted(
    running: tuple[World, Gateway],
) -> None:
    _, gateway = running
    nonce = gateway.nonce(DONOR)
    body = allocation_body(DONOR, [(seed.seeded_projects()[0].address, 1)], nonce)
    response = gateway.http.post("/allocations/allocate", json=body)
    assert (response.status_code, response.json()) == (201, None)
    assert gateway.nonce(DONOR) == nonce + 1


def assert_refused(gateway: Gateway, method: str, path: str, cases: Iterable[Bad]) -> None:
    problems = []
    for case in cases:
        headers = {} if case.content_type is None else {"Content-Type": case.content_type}
        response = gateway.http.request(method, path, content=case.content, headers=headers)
        told = (response.status_code, case.says in response.text)
        if told != (case.status, True) or not is_clear(response):
            problems.append((case.name, response.status_code, response.text[:160]))
    assert not problems


def is_clear(response: httpx.Response) -> bool:
    """A JSON object with a message, or with the list of what is wrong."""
    body = response.json()
    if response.status_code == 422:
        return bool(body["detail"]) and all(item["msg"] for item in body["detail"])
    return list(body) == ["message"]


def readable(gateway: Gateway) -> list[tuple[str, dict[str, str]]]:
    """Every GET with path parameters, and of which kind each parameter is."""
    paths: dict[str, dict[str, Any]] = gateway.get("/openapi.json")["paths"]
    found = []
    for path, methods in paths.items():
        parameters = methods.get("get", {}).get("parameters", [])
        kinds = {p["name"]: kind_of(p["schema"]) for p in parameters if p["in"] == "path"}
        if kinds and "text" not in kinds.values():
            found.append((path, kinds))
    assert len(found) > 12
    return found


def kind_of(schema: dict[str, Any]) -> str:
    """Any text fits a plain one: what is wrong with it is not said by its form."""
    if "enum" in schema:
        return "choice"
    if schema["type"] == "integer":
        return "epoch"
    return "address" if "pattern" in schema else "text"


def fill(path: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def public_state(gateway: Gateway) -> list[Any]:
    return [
        gateway.get("/allocations/epoch/1?includeZeroAllocations=true"),
        gateway.get(f"/allocations/user/{DONOR.address}/epoch/1"),
        gateway.nonce(DONOR),
        gateway.get(f"/user/{DONOR.address}/patron-mode"),
    ]
