"""Deployment: addresses, setup, and finding it again."""

import pytest
from octant_devnet import contracts
from octant_devnet.chain import Chain
from octant_devnet.chainkit import GENESIS, STRANGER, Nodes, new_contract
from octant_devnet.contracts import EpochProps
from octant_devnet.deploy import (
    Deployment,
    account_address,
    account_key,
    created_address,
    deploy,
    existing_deployment,
)
from octant_devnet.people import project_addresses

PROJECTS = project_addresses(3, "deploy")


def test_accounts__of_the_mnemonic__are_the_well_known_ones() -> None:
    assert account_address(0) == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert account_address(1) == "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
    assert account_address(6) == "0x976EA74026E726554dB657fA54763abd0C3a0aa9"


def test_deploy__fresh_chain__has_the_published_addresses(deployment: Deployment) -> None:
    assert deployment == Deployment(
        glm="0x5FbDB2315678afecb367f032d93F642f64180aa3",
        auth="0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
        epochs="0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0",
        deposits="0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9",
        proposals="0xDc64a140Aa3E981100a9becA4E685f962f0cF6C9",
        vault="0xa513E6E4b8f2a923D98304ec87F64353C4D5C853",
        withdrawals_target="0x0165878A594ca255338adfa4d48449f69242Eb8F",
        faucet=created_address(account_address(0), 8),
        deployer_key=account_key(0),
        multisig_key=account_key(6),
        start_block=1,
    )


def test_deploy__fresh_chain__is_wired_and_set_up(
    chain: Chain, deployment: Deployment, multisig: str
) -> None:
    for guarded in ("epochs", "deposits", "proposals", "vault"):
        auth = chain.call(getattr(deployment, guarded), "auth()(address)")[0]
        assert auth == deployment.auth.lower()
    assert chain.call(deployment.auth, "multisig()(address)")[0] == multisig.lower()
    assert chain.call(deployment.deposits, "glm()(address)")[0] == deployment.glm.lower()
    assert chain.call(deployment.proposals, "epochs()(address)")[0] == deployment.epochs.lower()
    assert contracts.epoch_props(chain, deployment.epochs, 0) == EpochProps(
        1, 0, GENESIS, 5000, 2000
    )
    assert chain.balance(deployment.withdrawals_target) == 10**16


def test_deploy__defaults__are_those_of_the_local_environment(nodes: Nodes) -> None:
    chain, _ = nodes.start(timestamp=GENESIS)
    chain.deterministic_time(1)
    assert existing_deployment(chain) is None
    deployment = deploy(chain, projects=PROJECTS)
    assert deployment.faucet is None
    props = contracts.epoch_props(chain, deployment.epochs, 0)
    assert props == EpochProps(1, 0, GENESIS, 600, 600)
    projects = contracts.proposal_addresses(chain, deployment.proposals, 1)
    assert projects == [address.lower() for address in PROJECTS]


def test_deploy__later_start__makes_epoch_one_begin_then(nodes: Nodes) -> None:
    chain, _ = nodes.start(timestamp=GENESIS)
    chain.deterministic_time(1)
    deployment = deploy(
        chain,
        projects=PROJECTS,
        epochs_start=GENESIS + 100,
        epoch_duration=50,
        decision_window=20,
        withdrawals_target_wei=7,
    )
    chain.travel_to(GENESIS + 150)
    assert contracts.current_epoch(chain, deployment.epochs) == 2
    assert chain.balance(deployment.withdrawals_target) == 7


def test_deploy__second_time__returns_the_existing_deployment(
    chain: Chain, deployment: Deployment
) -> None:
    height = chain.height()
    assert deploy(chain, projects=PROJECTS, epoch_duration=1, decision_window=1) == deployment
    assert chain.height() == height


def test_existing_deployment__deployer_used_otherwise__is_refused(nodes: Nodes) -> None:
    chain, _ = nodes.start(timestamp=GENESIS)
    chain.send(account_key(0), STRANGER, value=1)
    with pytest.raises(RuntimeError, match="fresh chain"):
        existing_deployment(chain)


def test_existing_deployment__setup_missing__is_refused(nodes: Nodes) -> None:
    chain, _ = nodes.start(timestamp=GENESIS)
    new_contract(chain, "Token", ["address[]"], [STRANGER], sender=account_key(0))
    with pytest.raises(RuntimeError, match="interrupted"):
        existing_deployment(chain)


def test_existing_deployment__other_contract_in_the_faucets_place__is_no_faucet(
    nodes: Nodes,
) -> None:
    chain, _ = nodes.start(timestamp=GENESIS)
    assert deploy(chain, projects=PROJECTS).faucet is None
    wallet = new_contract(chain, "ContractWallet", ["address"], STRANGER, sender=account_key(0))
    assert wallet == created_address(account_address(0), 8).lower()
    found = existing_deployment(chain)
    assert found is not None
    assert found.faucet is None


@pytest.mark.parametrize(("duration", "window"), [(0, 0), (-1, 0), (10, 11), (10, -1)])
def test_deploy__impossible_calendar__is_refused(nodes: Nodes, duration: int, window: int) -> None:
    chain, _ = nodes.start(timestamp=GENESIS)
    with pytest.raises(ValueError, match="decision_window"):
        deploy(chain, projects=PROJECTS, epoch_duration=duration, decision_window=window)


def test_created_address__large_nonce__is_refused() -> None:
    with pytest.raises(ValueError, match="small"):
        created_address(STRANGER, 128)
