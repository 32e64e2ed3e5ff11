"""pytest fixtures: a real PostgreSQL and a real NATS per worker, a fresh database per test."""

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from octant_devnet import servers


def stop(process: "subprocess.Popen[bytes]", number: int = signal.SIGTERM) -> None:
    """Ends a child and waits for it."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@pytest.fixture(scope="session")
def run_folder(pytestconfig: pytest.Config) -> Iterator[Path]:
    """Where servers keep their data: in the project, as another user must get at it too."""
    parent = pytestconfig.rootpath / "var" / "tests"
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_port(run_folder: Path) -> Iterator[int]:
    port = servers.free_port()
    process = servers.start_postgres(
        run_folder / "postgres", port, run_folder / "postgres.log", durable=False
    )
    yield port
    stop(process, signal.SIGINT)


@pytest.fixture(scope="session")
def nats_server(run_folder: Path) -> Iterator[str]:
    port = servers.free_port()
    process = servers.start_nats(run_folder / "nats", port, run_folder / "nats.log")
    yield f"nats://127.0.0.1:{port}"
    stop(process)


@pytest.fixture
async def nats_url(nats_server: str) -> str:
    """The shared server, emptied of what an earlier test left."""
    import nats

    client = await nats.connect(nats_server)
    jetstream = client.jetstream()
    for info in await jetstream.streams_info():
        await jetstream.delete_stream(info.config.name or "")
    await client.close()
    return nats_server


@pytest.fixture
async def database_name(postgres_port: int) -> AsyncIterator[str]:
    """A fresh database with the services' roles and schemas."""
    name = f"t{uuid4().hex[:12]}"
    await servers.create_database(postgres_port, name)
    yield name
    connection = await asyncpg.connect(servers.admin_dsn(postgres_port, "postgres"))
    await connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await connection.close()


async def eventually(check, timeout: float = 10.0, what: str = "condition") -> None:  # type: ignore[no-untyped-def]
    """Returns when `check()` (plain or async) is true; fails with `what` after `timeout`."""
    async with asyncio.timeout(timeout):
        while True:
            outcome = check()
            if asyncio.iscoroutine(outcome):
                outcome = await outcome
            if outcome:
                return
            await asyncio.sleep(0.01)
