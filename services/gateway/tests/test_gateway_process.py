"""The gateway as a process: it starts, tells when it is ready, and loses no request at the end."""

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager

import httpx
from octant_chassis.bus import Bus
from octant_chassis.calls import CallServer
from octant_contracts import calls
from octant_contracts.calls import ChainStatus, CurrentEpoch, RewardsStatus, ServiceStatus
from octant_devnet.servers import free_port
from octant_devnet.testkit import eventually
from octant_gateway.__main__ import COMMANDS

STATUS = ServiceStatus(head_number=1, head_timestamp=1, current_epoch=1)
STATUSES = {
    calls.CHAIN_STATUS: ChainStatus(
        blockchain_height=1,
        blockchain_epoch=1,
        window_open=False,
        indexed_height=1,
        head_timestamp=1,
    ),
    calls.EPOCHS_STATUS: STATUS,
    calls.ALLOCATIONS_STATUS: STATUS,
    calls.REWARDS_STATUS: RewardsStatus(
        head_number=1, head_timestamp=1, last_pending_snapshot=0, last_finalized_snapshot=0
    ),
}


def environment(**values: object) -> dict[str, str]:
    return {**os.environ, **{k: str(v) for k, v in values.items()}}


@asynccontextmanager
async def process_of_gateway(nats_url: str, port: int, operations_port: int):
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "octant_gateway",
        "serve",
        env=environment(
            NATS_URL=nats_url, GATEWAY_PORT=port, FEED_PORT=0, OPERATIONS_PORT=operations_port
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_process__with_a_request_in_flight_at_sigterm__answers_it_and_ends(nats_url) -> None:
    bus = Bus(nats_url, "services")
    await bus.connect()
    started, release = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> CurrentEpoch:
        started.set()
        await release.wait()
        return CurrentEpoch(current_epoch=7)

    servers = []
    for call, status in STATUSES.items():
        server = CallServer(bus.client, call.service, None, 8)

        async def tell(_: object, status=status):
            return status

        server.answer(call, tell)
        if call.service == "epochs":
            server.answer(calls.CURRENT_EPOCH, slow)
        await server.start()
        servers.append(server)
    port, operations_port = free_port(), free_port()
    async with (
        process_of_gateway(nats_url, port, operations_port) as process,
        httpx.AsyncClient(timeout=20) as client,
        httpx.AsyncClient(timeout=20) as idle,
    ):

        async def ready() -> bool:
            try:
                url = f"http://127.0.0.1:{operations_port}/readyz"
                return (await client.get(url)).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready, timeout=20, what="the gateway is ready")
        base = f"http://127.0.0.1:{port}"
        assert (await idle.get(f"{base}/info/version")).json() == {
            "id": "unknown",
            "env": "dev",
            "chain": "unknown",
        }
        in_flight = asyncio.create_task(client.get(f"{base}/epochs/current"))
        await asyncio.wait_for(started.wait(), 10)
        process.send_signal(signal.SIGTERM)

        async def closed() -> bool:
            try:
                async with httpx.AsyncClient() as fresh:
                    await fresh.get(f"{base}/info/version")
            except httpx.TransportError:
                return True
            return False

        await eventually(closed, what="no new connections")
        assert not in_flight.done()
        release.set()
        assert (await in_flight).json() == {"currentEpoch": 7}
        out, _ = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0, out.decode()
        assert "Traceback" not in out.decode()
    for server in servers:
        await server.stop()
    await bus.close()


async def test_process__with_its_port_taken__ends_with_an_error(nats_url) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with process_of_gateway(nats_url, port, free_port()) as process:
        out, _ = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode != 0
        assert "Address already in use" in out.decode()
    taken.close()
    await taken.wait_closed()


async def test_check__tells_whether_the_bus_answers(nats_url, capsys, monkeypatch) -> None:
    monkeypatch.setenv("OPERATOR_TOKEN", "hidden")
    monkeypatch.setenv("NATS_URL", nats_url)
    assert await asyncio.to_thread(COMMANDS.run, ["check"]) == 0
    printed = capsys.readouterr().out
    assert "gateway_port = 5000" in printed
    assert "hidden" not in printed
    monkeypatch.setenv("NATS_URL", f"nats://127.0.0.1:{free_port()}")
    assert await asyncio.to_thread(COMMANDS.run, ["check"]) == 1
    assert "does not answer" in capsys.readouterr().err


def test_commands__that_need_nothing__end_with_one_clear_line(monkeypatch, capsys) -> None:
    assert COMMANDS.run(["migrate"]) == 0
    assert COMMANDS.run(["dance"]) == 2
    assert capsys.readouterr().err == "usage: python -m octant_gateway serve | migrate | check\n"
    monkeypatch.setenv("GATEWAY_PORT", "many")
    assert COMMANDS.run(["serve"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("invalid settings: ")
    assert "gateway_port" in printed
    assert printed.count("\n") == 1
