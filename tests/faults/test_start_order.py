"""A service is started first, into nothing: it waits, says for what, and gets ready by itself."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC
from octant_devnet import launch, processes, seed, servers
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment, deploy
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.processes import ANVIL, NATS, POSTGRES
from octant_devnet.testkit import stop

from faults.support import readiness, until, waits_for

STARTED = (ALLOCATIONS, CHAIN_SYNC)


class Stage:
    """Servers and services one by one, on ports where nobody listens yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options = WorldOptions(ports=random_ports(), durable=False)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "log").mkdir(parents=True)

    def service(self, name: str, deployment: Deployment) -> None:
        self.processes[name] = launch.service(self.folder, self.options, deployment, name)

    def postgres(self) -> None:
        self.processes[POSTGRES] = launch.postgres(self.folder, self.options)
        asyncio.run(servers.create_database(self.options.ports.postgres))

    def nats(self) -> None:
        self.processes[NATS] = launch.nats(self.folder, self.options)

    def chain(self) -> Chain:
        self.processes[ANVIL] = launch.anvil(self.folder, self.options)
        return Chain(f"http://127.0.0.1:{self.options.ports.anvil}")

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.options.ports.operations[service]}"

    def stop(self) -> None:
        for name in (*STARTED, ANVIL, NATS, POSTGRES):
            if name in self.processes:
                stop(self.processes.pop(name), processes.stop_signal(name))


@pytest.fixture
def stage(run_folder: Path) -> Iterator[Stage]:
    stage = Stage(run_folder / "start-order")
    yield stage
    stage.stop()


@pytest.mark.xdist_group("faults-start-order")
def test_service__started_before_everything_it_needs__waits_and_says_for_what(
    stage: Stage,
) -> None:
    deployment = prepared_chain(stage)
    for service in STARTED:
        stage.service(service, deployment)
    for service in STARTED:
        until(lambda s=service: waits_for(stage.url(s), "database"), f"{service} without database")
        assert httpx.get(f"{stage.url(service)}/livez").status_code == 200

    stage.postgres()
    for service in STARTED:
        until(lambda s=service: waits_for(stage.url(s), "waiting for the bus"), "the bus missed")
        assert httpx.get(f"{stage.url(service)}/livez").status_code == 200

    stage.nats()
    until(lambda: readiness(stage.url(ALLOCATIONS)) == (200, {}), "allocations ready")
    until(lambda: waits_for(stage.url(CHAIN_SYNC), "chain does not answer"), "the chain missed")
    _, waiting = readiness(stage.url(CHAIN_SYNC)) or (0, {})
    assert set(waiting) <= {"chain", "indexer"}

    stage.chain().close()
    until(lambda: readiness(stage.url(CHAIN_SYNC)) == (200, {}), "chain-sync ready")
    assert all(stage.processes[service].poll() is None for service in STARTED)


def prepared_chain(stage: Stage) -> Deployment:
    """A chain with the contracts, stopped again: its state file is what starts later."""
    chain = stage.chain()
    deployment = deploy(
        chain,
        projects=[project.address for project in seed.seeded_projects()],
        epoch_duration=stage.options.epoch_duration,
        decision_window=stage.options.decision_window,
        withdrawals_target_wei=seed.PROCEEDS_WEI,
    )
    chain.close()
    stop(stage.processes.pop(ANVIL))
    return deployment
