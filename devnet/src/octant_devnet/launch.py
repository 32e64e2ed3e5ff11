"""How each kind of child process of a world is started."""

import os
import subprocess
from pathlib import Path

from octant_devnet import servers
from octant_devnet.anvil import start_anvil, wait_ready
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment
from octant_devnet.environment import service_environment
from octant_devnet.options import WorldOptions
from octant_devnet.processes import ANVIL, NATS, POSTGRES

GENESIS = 1_700_000_000
"""Of a deterministic world."""
SAVE_INTERVAL = 1.0


def log_file(folder: Path, name: str) -> Path:
    return folder / "log" / f"{name}.log"


def state_file(folder: Path) -> Path:
    return folder / "chain" / "state.json"


def postgres(folder: Path, options: WorldOptions) -> "subprocess.Popen[bytes]":
    return servers.start_postgres(
        folder / "postgres",
        options.ports.postgres,
        log_file(folder, POSTGRES),
        durable=options.durable,
    )


def nats(folder: Path, options: WorldOptions) -> "subprocess.Popen[bytes]":
    return servers.start_nats(folder / "nats", options.ports.nats, log_file(folder, NATS))


def anvil(folder: Path, options: WorldOptions) -> "subprocess.Popen[bytes]":
    process = start_anvil(
        options.ports.anvil,
        timestamp=GENESIS if options.deterministic else None,
        state_file=state_file(folder),
        log=log_file(folder, ANVIL),
        save_interval=SAVE_INTERVAL,
    )
    try:
        url = f"http://127.0.0.1:{options.ports.anvil}"
        wait_ready(url, 30.0, process=process)
        if options.deterministic:
            chain = Chain(url)
            chain.deterministic_time(1)
            chain.close()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


def service(
    folder: Path, options: WorldOptions, deployment: Deployment, name: str
) -> "subprocess.Popen[bytes]":
    environment = service_environment(
        name,
        options.ports,
        deployment,
        snapshots=options.snapshots,
        confirm=options.confirm,
        failpoints=options.failpoints,
    )
    more = {**options.env.get("*", {}), **options.env.get(name, {})}
    package = name.replace("-", "_")
    with log_file(folder, name).open("ab") as output:
        return subprocess.Popen(
            [part.format(package=package, service=name) for part in options.command],
            env={**os.environ, "PYTHONUNBUFFERED": "1", **environment, **more},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
