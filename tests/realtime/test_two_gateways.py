"""An open window over Socket.IO: what happens at one gateway is told by all, once."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from e2e.client import allocation_body
from octant_devnet.people import Person

from realtime.gateways import DONORS, Pair, donors, rewards, times_told, told_of
from realtime.node import POLLING, UPGRADING, WEBSOCKET, Client, Node

pytestmark = [pytest.mark.xdist_group("realtime"), pytest.mark.timeout(120)]
TRANSPORTS = {"websocket": WEBSOCKET, "polling": POLLING, "upgrade": UPGRADING}


def text(person: Person, items: list[tuple[str, int]], nonce: int = 0) -> str:
    return json.dumps(allocation_body(person, items, nonce))


async def four(pair: Pair, nodes: Node) -> list[Client]:
    """Two clients at each gateway, over different transports."""
    transports = [WEBSOCKET, POLLING, UPGRADING, WEBSOCKET]
    urls = [pair.urls[0], pair.urls[0], pair.urls[1], pair.urls[1]]
    clients = [
        await nodes.connect(url, next(pair.names), **options)
        for url, options in zip(urls, transports, strict=True)
    ]
    for client in clients:
        await client.until_told(DONORS, len(pair.projects))
    return clients


@pytest.mark.proves("socket connect")
@pytest.mark.proves("socket threshold")
@pytest.mark.proves("socket project_rewards")
@pytest.mark.proves("socket project_donors")
@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_connection__in_an_open_window__gets_what_http_tells(
    pair: Pair, nodes: Node, transport: str
) -> None:
    for gateway, url in zip(pair.gateways, pair.urls, strict=True):
        client = await nodes.connect(url, next(pair.names), **TRANSPORTS[transport])
        await client.until_told(DONORS, len(pair.projects))
        told = [event for event, _ in client.told if event != "upgrade"]
        assert told == ["connect", "threshold", "project_rewards", *[DONORS] * len(pair.projects)]
        threshold = client.last("threshold")["threshold"]
        assert {"threshold": threshold} == gateway.get("/rewards/threshold/1")
        assert client.last("project_rewards") == rewards(gateway.http)
        assert [d["project"] for d in client.all(DONORS)] == pair.projects
        for told_donors in client.all(DONORS):
            path = f"/allocations/project/{told_donors['project']}/epoch/1"
            assert told_donors["donors"] == gateway.get(path)


async def test_allocation__over_http__reaches_every_client_of_both_gateways_once(
    pair: Pair, nodes: Node
) -> None:
    clients = await four(pair, nodes)
    person, (first, second, third, *_) = pair.person(), pair.projects
    for items in ([(third, 1)], [(first, 1000), (second, 2000)], [(first, 3000), (second, 0)]):
        await asyncio.to_thread(pair.gateways[0].allocate, person, items)
        for client in clients:
            for project, amount in items:
                await told_of(client, person, project, amount)
    for client in clients:  # each change was told once, however many processes there are
        assert times_told(client, person, first)[1:] == [["1000"], ["3000"]]
        assert times_told(client, person, second)[1:] == [["2000"], ["0"]]
    for client in clients:
        assert client.last("project_rewards") == rewards(pair.gateways[1].http)


@pytest.mark.proves("socket allocate")
async def test_allocation__over_a_socket__is_acknowledged_stored_and_told(
    pair: Pair, nodes: Node
) -> None:
    sender, _, _, observer = await four(pair, nodes)
    person, project = pair.person(), pair.projects[2]
    assert await sender.emit("allocate", text(person, [(project, 555)])) == []
    # Who reads over HTTP after the acknowledgement sees the new state: at the same gateway at
    # once, at every other after it has told.
    row = {"donor": person.address, "project": project, "amount": "555"}
    own = pair.gateways[0]
    assert row in own.get("/allocations/epoch/1")["allocations"]
    estimated = {r["address"]: int(r["allocated"]) for r in rewards(own.http)}
    stored = sum(
        int(a["amount"])
        for a in own.get("/allocations/epoch/1")["allocations"]
        if a["project"] == project
    )
    assert estimated[project] == stored
    await told_of(observer, person, project, 555)
    assert observer.last("project_rewards") == rewards(pair.gateways[1].http)
    await told_of(sender, person, project, 555)
    assert sender.all("exception") == observer.all("exception") == []
    # By an object, too.
    body = allocation_body(person, [(project, 556)], 1)
    assert await sender.emit("allocate", body) == []
    await told_of(observer, person, project, 556)


@pytest.mark.proves("socket allocate", "refused")
@pytest.mark.proves("socket exception")
async def test_refusal__is_told_to_the_sender_alone_and_changes_nothing(
    pair: Pair, nodes: Node
) -> None:
    sender = await nodes.connect(pair.urls[0], next(pair.names))
    observer = await nodes.connect(pair.urls[0], next(pair.names))
    person, project = pair.person(), pair.projects[3]
    granted = text(person, [(project, 10)])
    assert await sender.emit("allocate", granted) == []
    wrong_nonce = "Attempt to use wrong value of nonce (0 instead of 1) when signing allocations"
    error = {"message": wrong_nonce, "code": 400}
    assert await sender.emit("allocate", granted) == [{"error": {**error, "alreadyStored": True}}]
    other = text(person, [(project, 11)])
    assert await sender.emit("allocate", other) == [{"error": error}]
    assert sender.all("exception") == [error, error]
    # A signature of somebody else, told as over HTTP.
    forged = allocation_body(pair.person(), [(project, 12)], 1) | {"userAddress": person.address}
    (answer,) = await sender.emit("allocate", json.dumps(forged))
    response = await asyncio.to_thread(
        pair.gateways[0].http.post, "/allocations/allocate", json=forged
    )
    assert answer == {"error": {"message": response.json()["message"], "code": 400}}
    assert await observer.emit("hello") == []
    assert observer.all("exception") == []
    await told_of(observer, person, project, 10)
    assert pair.gateways[0].nonce(person) == 1


async def test_allocation__by_http_and_socket_at_once__wins_exactly_once(
    pair: Pair, nodes: Node
) -> None:
    sender = await nodes.connect(pair.urls[0], next(pair.names))
    person, project = pair.person(), pair.projects[4]
    body = allocation_body(person, [(project, 77)], 0)
    async with httpx.AsyncClient(base_url=pair.urls[1], timeout=30) as http:
        acknowledged, response = await asyncio.gather(
            sender.emit("allocate", json.dumps(body)), http.post("/allocations/allocate", json=body)
        )
    won_by_socket = acknowledged == []
    assert won_by_socket != (response.status_code == 201)
    if not won_by_socket:
        (answer,) = acknowledged
        assert answer["error"]["code"] == 400
        assert answer["error"]["alreadyStored"] is True
    await told_of(sender, person, project, 77)


async def test_patron_mode__that_ends_allocations__is_told(pair: Pair, nodes: Node) -> None:
    clients = await four(pair, nodes)
    person, project = pair.person(), pair.projects[5]
    gateway = pair.gateways[0]
    await asyncio.to_thread(gateway.allocate, person, [(project, 900)])
    for client in clients:
        await told_of(client, person, project, 900)
    await asyncio.to_thread(gateway.set_patron_mode, person, True)

    def gone(client: Client) -> bool:
        return all(address != person.address for address, _ in donors(client, project))

    for client in clients:
        await client.until(lambda c=client: gone(c), "the donor is gone")  # type: ignore[misc]
        expected: Any = rewards(gateway.http)
        await client.until(
            lambda c=client, e=expected: c.last("project_rewards") == e,  # type: ignore[misc]
            "the larger pool",
        )
