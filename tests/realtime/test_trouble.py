"""Clients stay connected and are told the truth while services, bus and gateway come and go."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from faults.support import everything_ready, readiness, until, waits_for
from octant_contracts.events import GATEWAY, REWARDS
from octant_devnet.processes import NATS
from octant_devnet.servers import free_port
from octant_devnet.testkit import stop

from realtime.gateways import DONORS, Pair, donors, rewards, start_gateway, told_of
from realtime.node import POLLING, UPGRADING, WEBSOCKET, Node

pytestmark = [pytest.mark.xdist_group("realtime"), pytest.mark.timeout(180)]


@pytest.fixture(autouse=True)
def healed(pair: Pair) -> Iterator[None]:
    yield
    pair.world.release()
    until(lambda: everything_ready(pair.world), "everything is ready again", 60)


async def test_rewards__away__changes_nothing_for_clients_and_pushes_resume(
    pair: Pair, nodes: Node
) -> None:
    world, gateway = pair.world, pair.gateways[0]
    clients = [await nodes.connect(url, next(pair.names)) for url in pair.urls]
    for client in clients:
        await client.until_told(DONORS, len(pair.projects))
    person, project = pair.person(), pair.projects[8]
    world.hold(REWARDS)
    world.kill(REWARDS)
    await asyncio.to_thread(gateway.allocate, person, [(project, 4321)])
    late = await nodes.connect(pair.urls[0], next(pair.names))
    await late.until_told(DONORS, len(pair.projects))
    assert late.all(DONORS) == clients[0].all(DONORS)
    world.release(REWARDS)
    for client in (*clients, late):
        await client.until(
            lambda c=client: (person.address, "4321") in donors(c, project),  # type: ignore[misc]
            "the allocation",
            timeout=60,
        )
        assert client.all("disconnect") == []
        assert client.last("project_rewards") == rewards(gateway.http)


async def test_bus__restarted__pushes_go_on(pair: Pair, nodes: Node) -> None:
    world, gateway = pair.world, pair.gateways[0]
    clients = [await nodes.connect(url, next(pair.names)) for url in pair.urls]
    world.kill(NATS)
    await asyncio.to_thread(until, lambda: everything_ready(world), "the bus is back", 60)
    person, project = pair.person(), pair.projects[8]
    await asyncio.to_thread(gateway.allocate, person, [(project, 77)])
    for client in clients:
        await told_of(client, person, project, 77)
        assert client.all("disconnect") == []


class Wire:
    """Between a gateway and the bus; it can be cut."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self.port = free_port()

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        writers, self._writers = self._writers, []
        for writer in writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._writers += [writer, back]
        with suppress(OSError):
            await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(2**16):
        writer.write(data)
        await writer.drain()


async def test_bus__lost_by_one_gateway__what_it_missed_is_told_when_it_is_back(
    pair: Pair, nodes: Node
) -> None:
    wire = Wire(pair.world.options.ports.nats)
    await wire.mend()
    process, url, operations_url = await asyncio.to_thread(
        start_gateway, pair.world, {"NATS_URL": f"nats://127.0.0.1:{wire.port}"}
    )
    try:
        await asyncio.to_thread(
            until, lambda: readiness(operations_url) == (200, {}), "the gateway is ready", 60
        )
        client = await nodes.connect(url, next(pair.names))
        await client.until_told(DONORS, len(pair.projects))
        await wire.cut()
        await asyncio.to_thread(until, lambda: waits_for(operations_url, "bus"), "no bus")
        person, project = pair.person(), pair.projects[8]
        witness = await nodes.connect(pair.urls[0], next(pair.names))
        await asyncio.to_thread(pair.gateways[0].allocate, person, [(project, 88)])
        await told_of(witness, person, project, 88)
        assert await client.emit("hello") == []
        assert (person.address, "88") not in donors(client, project)
        await wire.mend()
        await told_of(client, person, project, 88)
        assert client.all("disconnect") == []
    finally:
        await asyncio.to_thread(stop, process)
        await wire.cut()


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL"])
async def test_gateway__restarted__gets_its_clients_back_with_the_state(
    pair: Pair, nodes: Node, signal: str
) -> None:
    world = pair.world
    transports = [WEBSOCKET, POLLING, UPGRADING]
    clients = [await nodes.connect(pair.urls[0], next(pair.names), **t) for t in transports]
    for client in clients:
        await client.until_told(DONORS, len(pair.projects))
    (world.terminate if signal == "SIGTERM" else world.kill)(GATEWAY)
    for client in clients:
        await client.until_told("disconnect")
        assert client.last("disconnect") != "io server disconnect"
        await client.until(
            lambda c=client: len(c.all(DONORS)) == 2 * len(pair.projects),  # type: ignore[misc]
            "everything again",
            timeout=60,
        )
        assert len(client.all("connect")) == 2
