"""Socket.IO below the events: transports, refusals, hostile frames, limits, the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from octant_chassis.calls import Written
from octant_contracts import calls
from octant_contracts.calls import Nothing
from octant_devnet.testkit import eventually
from octant_gateway.realtime.server import connections
from realtime.node import POLLING, UPGRADING, WEBSOCKET, node
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from .realtime_world import Live, body, pushing

POLL = "/socket.io/?EIO=4&transport=polling"
HEARTBEAT = {"pingInterval": 25000, "pingTimeout": 20000}


@pytest.fixture
async def live(world) -> AsyncIterator[Live]:
    async with pushing(world) as made:
        made.refuse("AllocationWindowClosed")
        yield made


def websocket(live: Live, **options: Any) -> Any:
    url = f"ws://127.0.0.1:{live.world.port}/socket.io/?EIO=4&transport=websocket"
    return connect(url, compression=None, **options)


async def receive(socket: ClientConnection) -> str:
    async with asyncio.timeout(10):
        frame = await socket.recv()
    assert isinstance(frame, str)
    return frame


@asynccontextmanager
async def joined(live: Live, **options: Any) -> AsyncIterator[ClientConnection]:
    """A raw connection that has joined the namespace."""
    async with websocket(live, **options) as socket:
        assert (await receive(socket))[0] == "0"
        await socket.send("40")
        assert (await receive(socket)).startswith('40{"sid":')
        yield socket


async def open_polling(live: Live) -> str:
    """The path of a polling session that has joined the namespace."""
    opened = await live.world.get(POLL)
    path = f"{POLL}&sid={json.loads(opened.text[1:])['sid']}"
    assert (await live.world.client.post(path, content="40")).text == "OK"
    assert (await live.world.get(path)).text.startswith('40{"sid":')
    return path


async def ended(socket: ClientConnection) -> bool:
    try:
        while True:
            await receive(socket)
    except ConnectionClosed:
        return True


async def test_path__without_slash__is_redirected(live) -> None:
    response = await live.world.get("/socket.io?EIO=4&transport=polling")
    assert response.status_code == 307
    assert response.headers["location"] == "/socket.io/?EIO=4&transport=polling"
    response = await live.world.get("/socket.io")
    assert (response.status_code, response.headers["location"]) == (307, "/socket.io/")


@pytest.mark.parametrize("query", ["?EIO=3&transport=polling", "?transport=polling", ""])
async def test_protocol__of_another_version__is_refused_with_the_known_text(live, query) -> None:
    response = await live.world.get(f"/socket.io/{query}")
    assert response.status_code == 400
    assert response.json() == (
        "The client is using an unsupported version of the Socket.IO or Engine.IO protocols"
    )


async def test_opening__over_polling__offers_the_upgrade_to_every_origin(live) -> None:
    origin = "https://octant.app"
    response = await live.world.get(POLL, headers={"Origin": origin})
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == origin
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.text[0] == "0"
    told = json.loads(response.text[1:])
    assert {**HEARTBEAT, "upgrades": ["websocket"], "sid": told["sid"]}.items() <= told.items()
    preflight = await live.world.client.options(
        POLL, headers={"Origin": origin, "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == origin
    assert "POST" in preflight.headers["access-control-allow-methods"]


async def test_opening__over_websocket__offers_none_and_confirms_before_it_pushes(live) -> None:
    live.estimate()
    live.world.realtime.pushes.read_anew()
    greeted = await live.connect()
    await greeted.until_told("project_donors", 3)
    async with websocket(live, additional_headers={"Origin": "https://octant.app"}) as socket:
        opened = await receive(socket)
        told = json.loads(opened[1:])
        assert opened[0] == "0"
        assert {**HEARTBEAT, "upgrades": [], "sid": told["sid"]}.items() <= told.items()
        await socket.send('40{"token":"ignored"}')
        assert (await receive(socket)).startswith('40{"sid":')
        assert await receive(socket) == '42["threshold",{"threshold":null,"revision":10}]'
        assert (await receive(socket)).startswith('42["project_rewards",[{"address":"0x')


async def test_namespace__other_than_the_root__is_refused(live) -> None:
    async with websocket(live) as socket:
        await receive(socket)
        await socket.send("40/other,")
        assert await receive(socket) == '44/other,"Unable to connect"'
    client = live.nodes.client(f"{live.url}/other", "other")
    await client.until_told("connect_error")
    assert client.all("connect_error") == [""]


HOSTILE = [
    b"\x00binary",
    "",
    "x",
    "9",
    "\u0663",
    "4",
    "4[" + "[" * 5000,
    "4{",
    '451-["allocate",{"_placeholder":true,"num":0}]',
    "46[1]",
    '44{"message":"x"}',
    "0",
    "6",
    "3" + "[" * 5000,
]
HARMLESS = [
    "42",
    "42[]",
    "42{}",
    "42[1]",
    "42[{}]",
    "42[null]",
    '42"allocate"',
    "42[" * 3000,
    "420" * 50,
    '42["connect",{},{}]',
    '42["disconnect","x"]',
    '421["connect_error"]',
    "43",
    "430[]",
    "4399[1]",
    "40",
    '40{"a":1}',
    "40{{{",
    "41/other,",
    '42/other,["allocate"]',
    "3",
    "3probe",
    "2",
    '42["allocate","' + "\\ud800" + '"]',
]


@pytest.mark.parametrize("frame", HOSTILE, ids=lambda frame: repr(frame)[:24])
async def test_frame__that_no_client_sends__ends_its_connection_only(live, frame) -> None:
    other = await live.connect()
    before = len(live.world.realtime._server.eio.sockets)
    async with joined(live) as socket:
        await socket.send(frame)
        assert await ended(socket)
    await eventually(lambda: len(live.world.realtime._server.eio.sockets) == before, what="ended")
    assert await other.emit("hello") == []


async def test_frames__that_make_no_sense__change_nothing(live) -> None:
    live.estimate()
    live.world.realtime.pushes.read_anew()
    other = await live.greeted()
    async with joined(live) as socket:
        for event in ("threshold", "project_rewards", *["project_donors"] * 3):
            assert (await receive(socket)).startswith(f'42["{event}"')
        for frame in HARMLESS:
            await socket.send(frame)
        await socket.send('427["hello"]')
        frames = []
        while (frame := await receive(socket)) != "437[]":
            frames.append(frame)
        assert "431[]" in frames
        assert not [frame for frame in frames if frame.startswith('42["thr')]
        assert connections.labels("socket.io")._value.get() >= 1
    assert await other.emit("hello") == []


async def test_object__nested_as_deeply_as_can_be_read__is_refused_with_422(live) -> None:
    answered = 0
    async with joined(live) as socket:
        for depth in range(800, 1000, 3):
            await socket.send('421["allocate",' + "[" * depth + "]" * depth + "]")
            await socket.send('422["hello"]')
            while (frame := await receive(socket)) != "432[]":
                if frame.startswith("431"):
                    answered += 1
                    assert '"code":422' in frame
    assert answered > 0


@pytest.mark.parametrize("packets", ["x", "4", "42[]\x1e", "b64binary", "d=40", '451-["a"]'])
async def test_packets__over_polling_that_make_no_sense__are_refused(live, packets) -> None:
    path = await open_polling(live)
    response = await live.world.client.post(path, content=packets)
    assert response.status_code == 400
    assert (await live.world.client.post(path, content='421["hello"]')).status_code == 200
    assert (await live.world.get(path)).text == "431[]"


async def test_polling__of_unknown_sessions_and_methods__is_a_400_or_405(live) -> None:
    client = live.world.client
    assert (await client.get(f"{POLL}&sid=nobody")).status_code == 400
    assert (await client.post(f"{POLL}&sid=nobody", content="40")).status_code == 400
    assert (await client.post(POLL, content="40")).status_code == 400
    assert (await client.delete(POLL)).status_code == 405
    assert (await client.get("/socket.io/?EIO=4&transport=smoke")).status_code == 400
    assert (await client.get("/socket.io/?EIO=4&transport=websocket")).status_code == 400
    assert (await client.get("/socket.io/more?EIO=4")).status_code == 404


async def test_message__longer_than_the_limit__ends_its_connection(gateway_with) -> None:
    async with gateway_with(socketio_message_bytes=2000) as world, pushing(world) as live:
        live.refuse("AllocationWindowClosed")
        async with joined(live) as socket:
            await socket.send('421["hello","' + "x" * 1900 + '"]')
            assert await receive(socket) == "431[]"
            await socket.send('421["hello","' + "x" * 2000 + '"]')
            assert await ended(socket)
        path = await open_polling(live)
        long = '421["hello","' + "x" * 2000 + '"]'
        response = await world.client.post(path, content=long)
        assert response.status_code == 413
        assert response.headers["connection"] == "close"


async def test_connections__beyond_the_limit__are_refused_until_one_ends(gateway_with) -> None:
    async with gateway_with(socketio_connections=2) as world, pushing(world) as live:
        first, second = await live.connect("c1"), await live.connect("c2", **POLLING)
        response = await world.get(POLL, headers={"Origin": "https://octant.app"})
        assert (response.status_code, response.json()) == (503, "Too many connections")
        assert response.headers["access-control-allow-origin"] == "https://octant.app"
        with pytest.raises(InvalidStatus, match="403"):
            await websocket(live)
        assert await second.emit("hello") == []
        first.close()
        third = live.nodes.client(live.url, "c3")  # tries again by itself
        await third.until_told("connect")


async def test_connections__of_one_address__are_limited_apart_from_others(gateway_with) -> None:
    async with gateway_with(socketio_connections_per_ip=1) as world, pushing(world) as live:

        def as_told(ip: str) -> dict[str, str]:
            return {"X-Real-IP": ip}

        async with joined(live, additional_headers=as_told("192.0.2.1")):
            assert (await world.get(POLL, headers=as_told("192.0.2.1"))).status_code == 503
            evasion = await world.get(f"{POLL}&xsid=1", headers=as_told("192.0.2.1"))
            assert evasion.status_code == 503
            async with joined(live, additional_headers=as_told("192.0.2.2")):
                await live.connect("peer")
                assert (await world.get(POLL)).status_code == 503


async def test_allocations__posted_at_once_by_one_polling_client__are_not_handled_at_once(live):
    release, started = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> Written[Nothing]:
        started.set()
        await release.wait()
        return Written(Nothing(), (41,))

    live.world.services.on(calls.ALLOCATE, slow)
    path = await open_polling(live)
    frame = '["allocate",' + json.dumps(json.dumps(body())) + "]"
    first = asyncio.create_task(live.world.client.post(path, content="421" + frame))
    async with asyncio.timeout(10):
        await started.wait()
    await live.world.client.post(path, content="422" + frame)
    told = (await live.world.get(path)).text
    assert '"code":429' in told.partition("\x1e")[0]
    assert told.partition("\x1e")[2].startswith("432[{")
    release.set()
    await first
    assert (await live.world.get(path)).text == "431[]"


async def test_websocket__on_another_path__is_refused(live) -> None:
    for path in ("/", "/socket.io", "/epochs/current", "/socket.io/x"):
        with pytest.raises(InvalidStatus, match="403"):
            await connect(f"ws://127.0.0.1:{live.world.port}{path}")


async def test_connections__as_counted__are_those_that_are_there(live) -> None:
    gauge = connections.labels("socket.io")._value
    first, _ = await live.connect("c1"), await live.connect("c2", **POLLING)
    assert gauge.get() == 2
    first.close()
    await eventually(lambda: gauge.get() == 1, what="one has gone")


async def test_end__of_the_gateway__makes_clients_look_for_another(gateway_with) -> None:
    async with node() as nodes:
        async with gateway_with() as world:
            url = f"http://127.0.0.1:{world.port}"
            options = {"websocket": WEBSOCKET, "polling": POLLING, "upgrade": UPGRADING}
            clients = [await nodes.connect(url, name, **how) for name, how in options.items()]
            await clients[2].until_told("upgrade")
        for client in clients:
            await client.until_told("disconnect")
            # After "io server disconnect" the dApp's client would stay away.
            assert client.last("disconnect") in ("transport close", "transport error")
