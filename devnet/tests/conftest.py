"""One deployed chain per test worker, rolled back after every test."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from octant_devnet.chain import Chain
from octant_devnet.chainkit import GENESIS, STRANGER, Nodes
from octant_devnet.deploy import Deployment, account_address, deploy
from octant_devnet.people import project_addresses

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Chain, Deployment]]:
    nodes = Nodes(tmp_path_factory.mktemp("anvil"))
    chain, _ = nodes.start(timestamp=GENESIS)
    chain.deterministic_time(1)
    deployment = deploy(
        chain,
        projects=project_addresses(30, "tests"),
        epoch_duration=5000,
        decision_window=2000,
        faucet=True,
    )
    chain.set_balances({STRANGER: 10**20})
    yield chain, deployment
    nodes.stop()


@pytest.fixture
def chain(_world: tuple[Chain, Deployment]) -> Iterator[Chain]:
    chain = _world[0]
    snapshot = chain.rpc("evm_snapshot")
    yield chain
    assert chain.rpc("evm_revert", snapshot)


@pytest.fixture
def tmp_path(run_folder: Path) -> Path:
    """In the project: PostgreSQL's own user must get at it, and every pytest that starts closes
    the usual place to other users."""
    folder = Path(tempfile.mkdtemp(dir=run_folder))
    folder.chmod(0o755)
    return folder


@pytest.fixture
def deployment(_world: tuple[Chain, Deployment]) -> Deployment:
    return _world[1]


@pytest.fixture
def multisig() -> str:
    return account_address(6)


@pytest.fixture
def alice() -> str:
    """Owns 500 million GLM from the start."""
    return account_address(1)


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    """For tests that need chains of their own."""
    nodes = Nodes(tmp_path)
    yield nodes
    nodes.stop()
