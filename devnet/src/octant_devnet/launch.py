"""How each kind of child process of a world is started."""

import os
import subprocess
from pathlib import Path

from octant_devnet import servers
from octant_devnet.anvil import CHAIN_ID, start_anvil, wait_ready
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment
from octant_devnet.environment import service_environment
from octant_devnet.nursery import Child, nursery
from octant_devnet.options import WorldOptions
from octant_devnet.processes import ANVIL, NATS, POSTGRES
from octant_devnet.worldfile import ChainEntry, chain_entry

GENESIS = 1_700_000_000
"""Of a deterministic world."""
SAVE_INTERVAL = 1.0


def log_file(folder: Path, name: str) -> Path:
    return folder / "log" / f"{name}.log"


def state_file(folder: Path) -> Path:
    return folder / "chain" / "state.json"


def rpc_url(options: WorldOptions) -> str:
    if options.attach is not None:
        return options.attach.chain.rpc_url
    return f"http://127.0.0.1:{options.ports.anvil}"


def chain_of(options: WorldOptions, deployment: Deployment | None) -> ChainEntry:
    """The chain the services are to follow: `deployment` is on ours, None when attached."""
    if options.attach is not None:
        return options.attach.chain
    if deployment is None:
        raise RuntimeError("the world has not started")
    return chain_entry(rpc_url(options), CHAIN_ID, deployment)


def data_folder(folder: Path, options: WorldOptions) -> Path:
    """Of database and bus: each chain its own, so that they never hold another's facts."""
    return folder if options.attach is None else folder / options.attach.data


def postgres(folder: Path, options: WorldOptions) -> "subprocess.Popen[bytes]":
    return servers.start_postgres(
        data_folder(folder, options) / "postgres",
        options.ports.postgres,
        log_file(folder, POSTGRES),
        durable=options.durable,
    )


def nats(folder: Path, options: WorldOptions) -> "subprocess.Popen[bytes]":
    store = data_folder(folder, options) / "nats"
    return servers.start_nats(store, options.ports.nats, log_file(folder, NATS))


def anvil(folder: Path, options: WorldOptions) -> "subprocess.Popen[bytes]":
    process = start_anvil(
        options.ports.anvil,
        timestamp=GENESIS if options.deterministic else None,
        state_file=state_file(folder),
        log=log_file(folder, ANVIL),
        save_interval=SAVE_INTERVAL,
    )
    try:
        url = rpc_url(options)
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


def service(folder: Path, options: WorldOptions, deployment: Deployment | None, name: str) -> Child:
    environment = service_environment(
        name,
        options.ports,
        chain_of(options, deployment),
        development=options.attach is None or options.attach.development,
        snapshots=options.snapshots,
        confirm=options.confirm,
        failpoints=options.failpoints,
    )
    more = {**options.env.get("*", {}), **options.env.get(name, {})}
    package = name.replace("-", "_")
    variables = {**os.environ, "PYTHONUNBUFFERED": "1", **environment, **more}
    if options.forked:
        argv = [f"octant_{package}", "serve"]
        return nursery().start(argv, variables, folder, log_file(folder, name))
    with log_file(folder, name).open("ab") as output:
        return subprocess.Popen(
            [part.format(package=package, service=name) for part in options.command],
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
