"""A chain that was there before, with contracts nobody here wrote: one epoch from a lock to a
withdrawal, snapshots on request.

`devnet/examples/foreign_chain.py` makes the chain; every number is compared with the rules of
Octant over the chain's own events.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from octant_devnet import __main__ as cli
from octant_devnet import contracts, people, worldfile
from octant_devnet.artifacts import DEVNET_FOLDER
from octant_devnet.chain import Chain
from octant_devnet.chainkit import Nodes
from octant_devnet.contracts import WithdrawPayload
from octant_devnet.people import Person
from octant_devnet.ports import random_ports
from octant_devnet.worldfile import WorldFile
from octant_protocol.address import eip55, parse_address

from e2e import expected
from e2e.client import Gateway

pytestmark = [pytest.mark.xdist_group("attached"), pytest.mark.timeout(180)]

CHAIN_ID = 31337
GLM = 10**18
PROCEEDS = 300 * 10**18
SCRIPT = DEVNET_FOLDER / "examples" / "foreign_chain.py"


def foreign_chain(chain: Chain, folder: Path, *options: str) -> Path:
    """The world.json that the script writes."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "their.json"
    command = [sys.executable, str(SCRIPT), chain.url, *options]
    path.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return path


@contextmanager
def attached(folder: Path, path: Path) -> Iterator[tuple[WorldFile, Gateway]]:
    """As `make up ATTACH=path` does, on ports that nobody has."""
    ports = random_ports()
    names = ("gateway", "feed", "anvil", "nats", "postgres")
    wanted = {name: getattr(ports, name) for name in names}
    wanted |= {f"operations of {name}": port for name, port in ports.operations.items()}
    assert cli.up(folder, attach_to=path, wanted=wanted) == 0
    world = worldfile.read(folder)
    assert world is not None
    gateway = Gateway(world.gateway.url, world.chain.chain_id)
    try:
        yield world, gateway
    finally:
        gateway.close()
        cli.down(folder)


@pytest.fixture
def chain(run_folder: Path) -> Iterator[Chain]:
    nodes = Nodes(run_folder)
    chain, _ = nodes.start(chain_id=CHAIN_ID)
    yield chain
    nodes.stop()


def person(entry: dict[str, str], index: int) -> Person:
    return Person(index=index, key=entry["key"], address=entry["address"])


def post_unseen(world: WorldFile, gateway: Gateway, kind: str, mine: Any) -> tuple[int, Any]:
    """POST while chain-sync has certainly not seen the block that `mine` makes."""
    pid = next(service.pid for service in world.services if service.name == "chain-sync")
    os.kill(pid, signal.SIGSTOP)
    waking = threading.Timer(0.5, os.kill, [pid, signal.SIGCONT])
    try:
        mine()
    finally:
        waking.start()
    response = gateway.http.post(f"/snapshots/{kind}")
    waking.join()
    return response.status_code, response.json()


def post(gateway: Gateway, kind: str) -> tuple[int, Any]:
    response = gateway.http.post(f"/snapshots/{kind}")
    return response.status_code, response.json()


@pytest.mark.slow
def test_attached__to_a_foreign_chain__walks_an_epoch_to_the_wei(
    chain: Chain, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SNAPSHOTS", raising=False)
    folder = run_folder / "attached"
    path = foreign_chain(chain, folder)
    their = json.loads(path.read_bytes())
    everybody = [person(entry, index) for index, entry in enumerate(their["people"])]
    alice, bob, poor, carol = everybody
    projects = their["projects"]

    with attached(folder, path) as (world, gateway):
        deployment: Any = world.chain.contracts
        gateway.wait_synced(chain.height())
        assert gateway.get("/epochs/current") == {"currentEpoch": 1}
        listed = gateway.get("/projects/epoch/1")
        assert listed["projectsAddresses"] == projects
        assert listed["projectsCid"] == "QmTheirSecondDirectory"
        assert post(gateway, "pending") == (200, None)
        people.lock(chain, deployment, alice, 500 * GLM)
        people.unlock(chain, deployment, bob, 5_000 * GLM)

        end = expected.epoch_bounds(chain, deployment, 1).end
        taken = post_unseen(world, gateway, "pending", lambda: chain.travel_to(end + 60))
        assert taken == (201, {"epoch": 1})
        snapshot = expected.pending(chain, deployment, 1, PROCEEDS)
        assert set(dict(snapshot.budgets)) == {
            parse_address(who.address) for who in (alice, bob, carol)
        }
        budgets = gateway.get("/rewards/budgets/epoch/1")["budgets"]
        assert {b["address"]: b["amount"] for b in budgets} == {
            eip55(user): str(amount) for user, amount in dict(snapshot.budgets).items()
        }
        assert post(gateway, "pending") == (200, None)
        assert post(gateway, "finalized") == (200, None)

        accepted = expected.AcceptedAllocations()
        for who, items in (
            (alice, [(projects[0], 10**17), (projects[1], 3)]),
            (bob, [(projects[1], 10**18)]),
            (alice, [(projects[2], 2 * 10**17)]),
        ):
            gateway.allocate(who, items)
            pairs = [(parse_address(project), amount) for project, amount in items]
            accepted.accept(parse_address(who.address), pairs)

        assert expected.epoch_bounds(chain, deployment, 2).end - end == 100_017  # the second era
        closed = end + expected.epoch_bounds(chain, deployment, 2).decision_window + 1
        taken = post_unseen(world, gateway, "finalized", lambda: chain.travel_to(closed))
        assert taken == (201, {"epoch": 1})
        assert post(gateway, "finalized") == (200, None)
        settled = expected.settled(chain, deployment, 1, snapshot, accepted)
        assert settled.tree is not None
        tree = gateway.get("/rewards/merkle_tree/1")
        assert tree["root"] == "0x" + settled.tree.root.hex()
        info = gateway.get("/epochs/info/1")
        assert info["totalWithdrawals"] == str(settled.total_withdrawals)

        withdraw_from_their_vault(chain, world, gateway, bob, settled.tree.root, int(1e20))
        status = gateway.get("/info/sync-status")
        assert (status["pendingSnapshot"], status["finalizedSnapshot"]) == ("done", "done")
        budgets = gateway.get("/rewards/budgets/epoch/1")
        assert poor.address not in str(budgets)

    with attached(folder, path) as (world, gateway):
        assert gateway.get("/rewards/budgets/epoch/1") == budgets
        assert gateway.get("/rewards/merkle_tree/1") == tree
        assert post(gateway, "finalized") == (200, None)


def withdraw_from_their_vault(
    chain: Chain, world: WorldFile, gateway: Gateway, who: Person, root: bytes, paid_in: int
) -> None:
    """Nobody puts roots on chain for them; when they have done it, our proofs are good for it."""
    vault = world.chain.contracts.vault
    assert contracts.merkle_root(chain, vault, 1) == bytes(32)
    (owner,) = chain.rpc("eth_accounts")[:1]
    chain.send(owner, vault, contracts.set_merkle_root(1, root))
    chain.send(owner, vault, value=paid_in)
    gateway.wait_synced(chain.height())
    (reward,) = gateway.get(f"/withdrawals/{who.address}")
    assert (reward["epoch"], reward["status"]) == (1, "available")
    before = chain.balance(who.address)
    proof = [bytes.fromhex(node[2:]) for node in reward["proof"]]
    payload = WithdrawPayload(1, int(reward["amount"]), proof)
    receipt = chain.send(who.key, vault, contracts.batch_withdraw([payload]))
    assert chain.balance(who.address) == before + int(reward["amount"]) - receipt.fee
    gateway.wait_synced(chain.height())
    assert gateway.get(f"/withdrawals/{who.address}") == []


def test_attached__before_the_start_with_a_window_that_never_closes__answers_and_takes_snapshots(
    chain: Chain, run_folder: Path
) -> None:
    folder = run_folder / "early"
    unusual = ("--starts-in", "50000", "--duration", "30000", "--window", "30000", "--proceeds")
    path = foreign_chain(chain, folder, *unusual, "0")
    with attached(folder, path) as (world, gateway):
        deployment: Any = world.chain.contracts
        gateway.wait_synced(chain.height())
        status = gateway.get("/info/sync-status")
        assert (status["blockchainEpoch"], status["indexedEpoch"]) == (0, 0)
        assert gateway.get("/projects/epoch/0")["projectsAddresses"] == []  # theirs reverts
        for kind in ("pending", "finalized"):
            assert post(gateway, kind) == (200, None)

        end = expected.epoch_bounds(chain, deployment, 1).end
        chain.travel_to(end - 1)
        assert post(gateway, "pending") == (200, None)
        chain.travel_to(end)
        assert post(gateway, "pending") == (201, {"epoch": 1})
        assert gateway.get("/rewards/budgets/epoch/1") == {"budgets": []}
        chain.travel_to(end + 30_000 - 1)
        assert post(gateway, "finalized") == (200, None)
        chain.travel_to(end + 30_000)
        assert post(gateway, "finalized") == (201, {"epoch": 1})
        assert post(gateway, "pending") == (201, {"epoch": 2})
        info = gateway.get("/epochs/info/1")
        assert (info["stakingProceeds"], info["totalWithdrawals"]) == ("0", "0")
