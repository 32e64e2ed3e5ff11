"""One deployed chain per test run, rolled back after every test; a fresh database for each."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from octant_chain_sync import rpc
from octant_chain_sync.app import PACKAGE
from octant_chain_sync.indexer.service import Indexer
from octant_chain_sync.node import Node
from octant_chain_sync.settings import Settings, contracts_of
from octant_chassis.database import Database, Notifications
from octant_chassis.migrations import migrate
from octant_contracts.events import CHAIN_SYNC
from octant_devnet import servers
from octant_devnet.chain import Chain
from octant_devnet.chainkit import GENESIS, Nodes
from octant_devnet.deploy import Deployment, deploy
from octant_devnet.people import Person, fund_people, person

sys.path.insert(0, str(Path(__file__).parent))

from chain_sync_kit import CID, DURATION, GLM, PROJECTS, WINDOW, contents, settings_for

PEOPLE = [person(i, "chain-sync") for i in range(3)]


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path_factory.mktemp("chain-sync"))
    yield nodes
    nodes.stop()


@pytest.fixture(scope="session")
def _world(nodes: Nodes) -> tuple[Chain, Deployment]:
    chain, _ = nodes.start(timestamp=GENESIS)
    chain.deterministic_time(1)
    deployment = deploy(
        chain, projects=PROJECTS, cid=CID, epoch_duration=DURATION, decision_window=WINDOW
    )
    fund_people(chain, deployment, PEOPLE, [10_000 * GLM] * len(PEOPLE))
    return chain, deployment


@pytest.fixture
def chain(_world: tuple[Chain, Deployment]) -> Iterator[Chain]:
    chain = _world[0]
    snapshot = chain.rpc("evm_snapshot")
    yield chain
    assert chain.rpc("evm_revert", snapshot)


@pytest.fixture
def deployment(_world: tuple[Chain, Deployment]) -> Deployment:
    return _world[1]


@pytest.fixture
def alice() -> Person:
    return PEOPLE[0]


@pytest.fixture
def bob() -> Person:
    return PEOPLE[1]


@pytest.fixture
def settings(
    chain: Chain, deployment: Deployment, postgres_port: int, database_name: str
) -> Settings:
    dsn = servers.service_dsn(postgres_port, CHAIN_SYNC, database_name)
    return settings_for(chain, deployment, dsn)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.db_uri.reveal(), "chain_sync")
    await migrate(database, PACKAGE)
    yield database
    await database.close()


@pytest.fixture
async def client(chain: Chain) -> AsyncIterator[rpc.Rpc]:
    async with rpc.connect(chain.url) as client:
        yield client


@pytest.fixture
def node(client: rpc.Rpc, chain: Chain, deployment: Deployment) -> Node:
    settings = settings_for(chain, deployment, "")
    return Node(client, contracts_of(settings), settings.chain_id)


@pytest.fixture
def make_indexer(database: Database, node: Node, settings: Settings) -> Callable[..., Indexer]:
    """An indexer of `database`, with changed settings."""

    def make(**changes: Any) -> Indexer:
        changed = msgspec.structs.replace(settings, **changes)
        return Indexer(database, node, Notifications(database), changed)

    return make


@pytest.fixture
async def fresh_index(
    postgres_port: int, database_name: str, settings: Settings, node: Node
) -> AsyncIterator[Callable[..., Awaitable[dict[str, list[Any]]]]]:
    """Contents of the tables after indexing the chain as it is now into an empty database."""
    async with AsyncExitStack() as stack:

        async def index(*tables: str) -> dict[str, list[Any]]:
            name = f"fresh_{database_name}"
            await servers.create_database(postgres_port, name)
            database = Database(servers.service_dsn(postgres_port, CHAIN_SYNC, name), "chain_sync")
            stack.push_async_callback(database.close)
            await migrate(database, PACKAGE)
            await Indexer(database, node, Notifications(database), settings).poll()
            return await contents(database, *tables)

        yield index
