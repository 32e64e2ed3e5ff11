"""People and projects act on chain; travel moves them through epochs and windows."""

import pytest
from octant_devnet import contracts, travel
from octant_devnet.chain import Chain
from octant_devnet.chainkit import GENESIS, GLM
from octant_devnet.contracts import WithdrawPayload
from octant_devnet.deploy import Deployment
from octant_devnet.people import (
    fund_people,
    lock,
    lock_many,
    person,
    project,
    project_addresses,
    unlock,
    withdraw,
)
from octant_protocol.merkle import build_tree


def test_person__same_seed_and_index__is_the_same_account() -> None:
    assert person(1, "a") == person(1, "a")
    keys = {p.key for p in (person(1, "a"), person(2, "a"), person(1, "b"), project(1, "a"))}
    assert len(keys) == 4


def test_project_addresses__count__are_those_of_the_projects() -> None:
    addresses = project_addresses(30, "a")
    assert len(set(addresses)) == 30
    assert addresses[7] == project(7, "a").address


def test_fund_people__amounts__gives_eth_and_glm(chain: Chain, deployment: Deployment) -> None:
    people = [person(i, "fund") for i in range(3)]
    fund_people(chain, deployment, people, [5, 0, 7], wei=10**18)
    assert {chain.balance(p.address) for p in people} == {10**18}
    glm = [contracts.balance_of(chain, deployment.glm, p.address) for p in people]
    assert glm == [5, 0, 7]


def test_fund_people__different_lengths__is_refused(chain: Chain, deployment: Deployment) -> None:
    with pytest.raises(ValueError, match="shorter"):
        fund_people(chain, deployment, [person(0, "fund"), person(1, "fund")], [1])


def test_lock_and_unlock__one_person__changes_the_deposit(
    chain: Chain, deployment: Deployment
) -> None:
    who = person(0, "lock")
    fund_people(chain, deployment, [who], [10 * GLM])
    assert len(lock(chain, deployment, who, 10 * GLM).logs) == 3
    assert len(unlock(chain, deployment, who, 4 * GLM).logs) == 2
    assert contracts.deposit_of(chain, deployment.deposits, who.address) == 6 * GLM


def test_lock_many__hundred_people__takes_few_blocks(chain: Chain, deployment: Deployment) -> None:
    people = [person(i, "many") for i in range(100)]
    fund_people(chain, deployment, people, [GLM] * 100)
    height = chain.height()
    receipts = lock_many(chain, deployment, [(who, GLM) for who in people])
    assert [r.sender for r in receipts] == [who.address.lower() for who in people]
    assert chain.height() == height + 1


def test_withdraw__person_and_project__both_get_their_reward(
    chain: Chain, deployment: Deployment
) -> None:
    winners = [person(0, "win"), project(0, "win")]
    amounts = [10**17, 2 * 10**17]
    fund_people(chain, deployment, winners, [0, 0])
    tree = build_tree(
        [(bytes.fromhex(w.address[2:]), a) for w, a in zip(winners, amounts, strict=True)]
    )
    chain.send(deployment.deployer_key, deployment.vault, value=sum(amounts))
    root = contracts.set_merkle_root(1, tree.root)
    chain.send(deployment.multisig_key, deployment.vault, root)
    for i, (who, amount) in enumerate(zip(winners, amounts, strict=True)):
        before = chain.balance(who.address)
        payload = WithdrawPayload(1, amount, tree.proof(i))
        receipt = withdraw(chain, deployment, who, [payload])
        assert chain.balance(who.address) == before + amount - receipt.fee
    assert chain.balance(deployment.vault) == 0


def test_to_next_epoch__from_epoch_one__arrives_at_its_first_second(
    chain: Chain, deployment: Deployment
) -> None:
    assert travel.to_next_epoch(chain, deployment) == 2
    assert chain.now() == GENESIS + 5000
    assert travel.to_next_epoch(chain, deployment, seconds_in=30) == 3
    assert chain.now() == GENESIS + 10030


def test_to_epoch__several_ahead__puts_a_block_into_each(
    chain: Chain, deployment: Deployment
) -> None:
    height = chain.height()
    travel.to_epoch(chain, deployment, 4)
    travel.to_epoch(chain, deployment, 4)
    assert contracts.current_epoch(chain, deployment.epochs) == 4
    assert chain.height() == height + 3
    with pytest.raises(ValueError, match="over"):
        travel.to_epoch(chain, deployment, 3)


def test_close_window__open__arrives_at_the_first_closed_second(
    chain: Chain, deployment: Deployment
) -> None:
    travel.to_epoch(chain, deployment, 3, seconds_in=7)
    assert travel.window_open(chain, deployment)
    chain.travel_to(GENESIS + 12000)
    assert travel.window_open(chain, deployment)
    assert travel.close_window(chain, deployment) == chain.now() == GENESIS + 12001
    assert not travel.window_open(chain, deployment)


def test_close_window__closed_already__does_nothing(chain: Chain, deployment: Deployment) -> None:
    height = chain.height()
    assert travel.close_window(chain, deployment) == chain.now()
    assert chain.height() == height


@pytest.mark.parametrize("window", [500, 499])
def test_close_window__as_long_as_the_epoch__is_refused(
    chain: Chain, deployment: Deployment, window: int
) -> None:
    props = contracts.set_epoch_props(500, window)
    chain.send(deployment.multisig_key, deployment.epochs, props)
    travel.to_next_epoch(chain, deployment)
    with pytest.raises(ValueError, match="until the end"):
        travel.close_window(chain, deployment)
