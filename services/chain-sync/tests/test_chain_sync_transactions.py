import asyncio

import pytest
from chain_sync_kit import contents
from eth_account import Account
from octant_chain_sync.rpc import ExecutionFailed
from octant_chain_sync.transactions import repository
from octant_chain_sync.transactions.model import (
    FUND,
    ROOT,
    Confirmation,
    Transaction,
    root_step,
    steps_of,
)
from octant_chain_sync.transactions.sender import Sender
from octant_chain_sync.transactions.service import Confirmer
from octant_chassis.database import Notifications
from octant_chassis.settings import Secret
from octant_chassis.tasks import end
from octant_contracts.events import FinalizedSnapshotTaken
from octant_contracts.values import Address, Hex, Wei
from octant_devnet import contracts
from octant_devnet.deploy import account_address, account_key
from octant_devnet.testkit import eventually

MULTISIG = account_address(6)
ROOTS = {epoch: bytes([epoch]) * 32 for epoch in (1, 2, 3)}


def finalized(epoch: int, total: int, root: bytes | None) -> FinalizedSnapshotTaken:
    return FinalizedSnapshotTaken(
        epoch=epoch,
        matched_rewards=Wei(0),
        patrons_rewards=Wei(0),
        leftover=Wei(0),
        total_withdrawals=Wei(total),
        staking_matched_reserved_for_v2=Wei(0),
        merkle_root=None if root is None else Hex(root),
        leaves_count=0 if root is None else 1,
    )


async def announce(database, *events: FinalizedSnapshotTaken) -> None:
    async with database.transaction("test") as connection:
        for event in events:
            await repository.add_confirmation(connection, event)


@pytest.fixture
def sender(client, deployment) -> Sender:
    return Sender(client, 1337, Secret(deployment.multisig_key))


@pytest.fixture
def make_confirmer(database, node, sender):
    def make(with_sender: Sender = sender) -> Confirmer:
        return Confirmer(
            database,
            node,
            with_sender,
            Notifications(database),
            interval=0.05,
            poll_interval=0.01,
        )

    return make


async def stored(database) -> list[tuple[int, str, bool | None]]:
    rows = (await contents(database, "transactions"))["transactions"]
    return [(r["epoch"], r["step"], r["succeeded"]) for r in rows]


async def test_finalized_epochs__without_roots__are_funded_and_confirmed_in_order(
    chain, deployment, database, make_confirmer
):
    nonce = chain.nonce(MULTISIG)
    # Epoch 2 came before epoch 1 and nobody earned in epoch 3.
    await announce(
        database, finalized(2, 22, ROOTS[2]), finalized(1, 11, ROOTS[1]), finalized(3, 0, None)
    )
    confirmer = make_confirmer()
    await confirmer.confirm_all()
    await confirmer.confirm_all()
    assert contracts.merkle_root(chain, deployment.vault, 1) == ROOTS[1]
    assert contracts.merkle_root(chain, deployment.vault, 2) == ROOTS[2]
    assert contracts.merkle_root(chain, deployment.vault, 3) == bytes(32)
    assert chain.balance(deployment.vault) == 33
    assert chain.nonce(MULTISIG) == nonce + 4
    rows = (await contents(database, "transactions"))["transactions"]
    by_nonce = sorted(rows, key=lambda r: r["nonce"])
    assert [(r["epoch"], r["step"], r["nonce"] - nonce, r["succeeded"]) for r in by_nonce] == [
        (1, FUND, 0, True),
        (1, ROOT, 1, True),
        (2, FUND, 2, True),
        (2, ROOT, 3, True),
    ]


async def test_root__already_on_chain__nothing_is_sent_not_even_funding(
    chain, deployment, database, make_confirmer
):
    key, vault = deployment.multisig_key, deployment.vault
    chain.send(key, vault, contracts.set_merkle_root(1, ROOTS[1]))
    chain.send(key, vault, contracts.set_merkle_root(2, ROOTS[3]))
    nonce = chain.nonce(MULTISIG)
    await announce(database, finalized(1, 11, ROOTS[1]), finalized(2, 22, ROOTS[2]))
    await make_confirmer().confirm_all()
    assert await stored(database) == []
    assert chain.nonce(MULTISIG) == nonce
    assert chain.balance(vault) == 0


async def test_root__without_anything_to_pay__is_set_without_funding(
    chain, deployment, database, make_confirmer
):
    await announce(database, finalized(1, 0, ROOTS[1]))
    await make_confirmer().confirm_all()
    assert await stored(database) == [(1, ROOT, True)]
    assert contracts.merkle_root(chain, deployment.vault, 1) == ROOTS[1]


@pytest.mark.parametrize("crashed_at", [FUND, ROOT])
@pytest.mark.parametrize("was_sent", [False, True])
async def test_crash__between_storing_and_noting_the_receipt__sends_the_same_bytes_once(
    chain, deployment, database, make_confirmer, sender, node, crashed_at, was_sent
):
    nonce = chain.nonce(MULTISIG)
    confirmation = Confirmation(epoch=1, root=Hex(ROOTS[1]), total_withdrawals=Wei(11))
    await announce(database, finalized(1, 11, ROOTS[1]))
    left: list[Transaction] = []
    for step in steps_of(confirmation, node.contracts.vault):
        transaction = await sender.prepare(step)
        async with database.transaction("test") as connection:
            await repository.add(connection, transaction)
        left.append(transaction)
        if step.name == crashed_at:
            if was_sent:
                await sender.send(transaction)
            break
        await sender.send(transaction)

    await make_confirmer().confirm_all()

    assert chain.nonce(MULTISIG) == nonce + 2
    assert chain.balance(deployment.vault) == 11
    assert contracts.merkle_root(chain, deployment.vault, 1) == ROOTS[1]
    assert [(epoch, step) for epoch, step, _ in await stored(database)] == [(1, FUND), (1, ROOT)]
    for transaction in left:
        assert chain.rpc("eth_getTransactionReceipt", transaction.hash.text)["status"] == "0x1"


async def test_loop__killed_while_waiting_for_a_receipt__continues_with_the_same_transaction(
    chain, deployment, database, make_confirmer
):
    await announce(database, finalized(1, 11, ROOTS[1]))
    nonce = chain.nonce(MULTISIG)
    chain.rpc("evm_setAutomine", False)
    try:
        running = asyncio.create_task(make_confirmer().run())
        await eventually(lambda: chain.nonce(MULTISIG) == nonce + 1)
        await end([running])
        assert await stored(database) == [(1, FUND, None)]
        running = asyncio.create_task(make_confirmer().run())
        chain.mine()

        async def root_is_sent() -> bool:
            return chain.nonce(MULTISIG) == nonce + 2

        await eventually(root_is_sent)
        assert contracts.merkle_root(chain, deployment.vault, 1) == bytes(32)
        chain.mine()

        async def all_noted() -> bool:
            return await stored(database) == [(1, FUND, True), (1, ROOT, True)]

        await eventually(all_noted)
        await end([running])
    finally:
        chain.rpc("evm_setAutomine", True)
    assert chain.balance(deployment.vault) == 11
    assert chain.nonce(MULTISIG) == nonce + 2


async def test_transaction__that_reverted__is_not_repeated_and_other_epochs_go_on(
    chain, deployment, database, make_confirmer
):
    nonce = chain.nonce(MULTISIG)
    signed = Account.sign_transaction(
        {
            "chainId": 1337,
            "nonce": nonce,
            "to": deployment.vault,
            "value": 11,
            "data": "0x12345678",  # no such function
            "gas": 100_000,
            "maxFeePerGas": 10**11,
            "maxPriorityFeePerGas": 10**9,
        },
        deployment.multisig_key,
    )
    doomed = Transaction(
        epoch=1,
        step=FUND,
        nonce=nonce,
        hash=Hex(signed.hash),
        raw=Hex(signed.raw_transaction),
    )
    await announce(database, finalized(1, 11, ROOTS[1]), finalized(2, 22, ROOTS[2]))
    async with database.transaction("test") as connection:
        await repository.add(connection, doomed)
    confirmer = make_confirmer()
    await confirmer.confirm_all()
    await confirmer.confirm_all()
    assert await stored(database) == [(1, FUND, False), (2, FUND, True), (2, ROOT, True)]
    assert chain.nonce(MULTISIG) == nonce + 3
    assert chain.balance(deployment.vault) == 22
    assert contracts.merkle_root(chain, deployment.vault, 1) == bytes(32)


async def test_nonce__used_by_somebody_else__is_reported_and_nothing_is_sent_again(
    chain, deployment, database, make_confirmer, sender, node
):
    await announce(database, finalized(1, 11, ROOTS[1]))
    confirmation = Confirmation(epoch=1, root=Hex(ROOTS[1]), total_withdrawals=Wei(11))
    overtaken = await sender.prepare(steps_of(confirmation, node.contracts.vault)[0])
    async with database.transaction("test") as connection:
        await repository.add(connection, overtaken)
    chain.send(deployment.multisig_key, MULTISIG)
    nonce = chain.nonce(MULTISIG)
    await make_confirmer().confirm_all()
    assert await stored(database) == [(1, FUND, None)]
    assert chain.nonce(MULTISIG) == nonce
    assert chain.balance(deployment.vault) == 0


async def test_key__that_is_not_the_multisig__moves_no_money(
    chain, deployment, database, make_confirmer, client, node
):
    await announce(database, finalized(1, 11, ROOTS[1]), finalized(2, 22, ROOTS[2]))
    stranger = Sender(client, 1337, Secret(account_key(5)))
    await make_confirmer(stranger).confirm_all()
    assert await stored(database) == []
    assert chain.balance(deployment.vault) == 0
    confirmation = Confirmation(epoch=1, root=Hex(ROOTS[1]), total_withdrawals=Wei(11))
    with pytest.raises(ExecutionFailed) as refused:
        await stranger.rehearse(root_step(confirmation, node.contracts.vault))
    assert refused.value.reason == "HN:Common/unauthorized-caller"


async def test_epoch__that_cannot_be_paid__does_not_hold_up_the_next_one(
    chain, deployment, database, make_confirmer
):
    fortune = chain.balance(MULTISIG) * 2
    await announce(database, finalized(1, fortune, ROOTS[1]), finalized(2, 22, ROOTS[2]))
    await make_confirmer().confirm_all()
    assert await stored(database) == [(2, FUND, True), (2, ROOT, True)]
    assert chain.balance(deployment.vault) == 22


def test_steps__of_a_confirmation__fund_before_the_root(deployment):
    vault = Address.parse(deployment.vault)
    confirmation = Confirmation(epoch=3, root=Hex(ROOTS[3]), total_withdrawals=Wei(5))
    fund, root = steps_of(confirmation, vault)
    assert (fund.name, fund.value, fund.data, fund.to) == (FUND, 5, b"", vault)
    assert (root.name, root.value, root.data) == (
        ROOT,
        0,
        contracts.set_merkle_root(3, ROOTS[3]),
    )
    assert root == root_step(confirmation, vault)
