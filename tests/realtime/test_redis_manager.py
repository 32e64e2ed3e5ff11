"""The optional Redis manager: other programs can emit over it, and nothing is told twice."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from octant_contracts.events import GATEWAY
from octant_devnet.servers import free_port, wait_for_port
from octant_devnet.testkit import stop
from socketio import AsyncRedisManager

from realtime.gateways import DONORS, Pair, another_gateway, start_gateway, times_told, told_of
from realtime.node import Node

pytestmark = [pytest.mark.xdist_group("realtime"), pytest.mark.timeout(120)]
PASSWORD = "p@ss/wörd:%41"


@pytest.fixture(scope="module")
def redis_port(run_folder: Path) -> Iterator[int]:
    program = shutil.which("redis-server")
    assert program is not None, "redis-server is needed: make redis"
    port = free_port()
    options = {"bind": "127.0.0.1", "port": str(port), "save": "", "requirepass": PASSWORD}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    process = subprocess.Popen([program, *arguments], cwd=run_folder, stdout=subprocess.DEVNULL)
    wait_for_port(port, process)
    yield port
    stop(process)


@pytest.fixture(scope="module")
def environment(redis_port: int) -> dict[str, str]:
    return {
        "SOCKETIO_MANAGER_TYPE": "redis",
        "SOCKETIO_REDIS_HOST": "127.0.0.1",
        "SOCKETIO_REDIS_PORT": str(redis_port),
        "SOCKETIO_REDIS_PASSWORD": PASSWORD,
        "SOCKETIO_REDIS_DB": "0",
    }


@pytest.fixture(scope="module")
def urls(pair: Pair, environment: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Of two gateways that share a Redis."""
    with (
        another_gateway(pair.world, environment) as one,
        another_gateway(pair.world, environment) as two,
    ):
        yield one, two


async def test_pushes__of_two_gateways_with_one_redis__are_told_once(
    pair: Pair, urls: tuple[str, str], nodes: Node
) -> None:
    clients = [await nodes.connect(url, next(pair.names)) for url in urls * 2]
    for client in clients:
        await client.until_told(DONORS, len(pair.projects))
    person, project, other = pair.person(), pair.projects[6], pair.projects[7]
    for items in ([(other, 1)], [(project, 100)], [(project, 200)]):
        await asyncio.to_thread(pair.gateways[0].allocate, person, items)
        for client in clients:
            await told_of(client, person, *items[0])
    for client in clients:
        assert times_told(client, person, project)[1:] == [["100"], ["200"]]


async def test_program__that_emits_over_redis__reaches_the_clients_of_all_gateways(
    pair: Pair, urls: tuple[str, str], redis_port: int, nodes: Node
) -> None:
    clients = [await nodes.connect(url, next(pair.names)) for url in urls]
    password = "p%40ss%2Fw%C3%B6rd%3A%2541"
    program = AsyncRedisManager(f"redis://:{password}@127.0.0.1:{redis_port}/0", write_only=True)
    await program.emit("notice", {"text": "hello"})
    for client in clients:
        assert await client.until_told("notice") == [{"text": "hello"}]
    await program.redis.aclose()


@pytest.mark.parametrize("wrong", ["SOCKETIO_REDIS_PORT", "SOCKETIO_REDIS_PASSWORD"])
def test_gateway__whose_redis_does_not_answer__does_not_start(
    pair: Pair, environment: dict[str, str], wrong: str
) -> None:
    values = {"SOCKETIO_REDIS_PORT": str(free_port()), "SOCKETIO_REDIS_PASSWORD": "wrong"}
    log = pair.world.log(GATEWAY)
    before = log.stat().st_size
    process, _, _ = start_gateway(pair.world, {**environment, wrong: values[wrong]})
    try:
        assert process.wait(30) != 0
    finally:
        stop(process)
    assert "redis.exceptions" in log.read_text()[before:]
