"""Chain: transactions, reverts and time."""

import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from octant_devnet import contracts, travel
from octant_devnet.abi import Reverted, encode_call, revert_code
from octant_devnet.anvil import start_anvil, wait_ready
from octant_devnet.chain import Chain, Transaction
from octant_devnet.chainkit import GENESIS, STRANGER, Nodes, free_port, reverts
from octant_devnet.deploy import Deployment, account_address, account_key, deploy
from octant_devnet.people import fund_people, lock_many, person, project_addresses
from octant_devnet.rpc import RpcClient, RpcError


def test_send__key_or_address__gives_the_same_receipt(chain: Chain, alice: str) -> None:
    by_key = chain.send(account_key(1), STRANGER, value=5)
    by_address = chain.send(alice, STRANGER, value=5)
    assert by_key.sender == by_address.sender == alice.lower()
    assert (by_key.gas_used, by_address.gas_used) == (21000, 21000)
    assert by_address.block_number == by_key.block_number + 1 == chain.height()
    assert by_address.block_hash == chain.block()["hash"]


def test_send__not_an_account__is_refused(chain: Chain) -> None:
    with pytest.raises(ValueError, match="private key"):
        chain.send("alice", STRANGER)


def test_send__reverting__is_mined_and_uses_the_nonce(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    height, nonce = chain.height(), chain.nonce(alice)
    with reverts("HN:Common/invalid-argument"):
        chain.send(account_key(1), deployment.deposits, contracts.lock(0))
    assert (chain.height(), chain.nonce(alice)) == (height + 1, nonce + 1)


def test_send__gas_too_small__says_so(chain: Chain, deployment: Deployment, alice: str) -> None:
    with pytest.raises(Reverted, match=r"(?i)gas"):
        chain.send(alice, deployment.glm, contracts.transfer(STRANGER, 1), gas=25_000)


def test_send__cannot_pay__is_an_rpc_error_and_automine_stays_on(chain: Chain) -> None:
    with pytest.raises(RpcError, match=r"(?i)funds"):
        chain.send("0x" + "01" * 20, STRANGER, value=1)
    assert chain.rpc("anvil_getAutomine") is True


def test_send_many__two_senders__are_mined_in_order_in_one_block(chain: Chain, alice: str) -> None:
    senders = [account_key(2), alice, account_key(2), alice, account_key(1)]
    receipts = chain.send_many([Transaction(s, STRANGER, value=1, gas=21_000) for s in senders])
    assert {r.block_number for r in receipts} == {chain.height()}
    block = chain.rpc("eth_getBlockByNumber", "latest", False)
    assert block["transactions"] == [r.hash for r in receipts]


def test_send_many__more_gas_than_a_block__takes_several_blocks(chain: Chain, alice: str) -> None:
    before = chain.height()
    receipts = chain.send_many([Transaction(alice, STRANGER, gas=20_000_000) for _ in range(5)])
    assert [r.block_number - before for r in receipts] == [1, 1, 2, 2, 3]


def test_send_many__one_reverts__others_of_the_block_count(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    good = Transaction(alice, deployment.glm, contracts.transfer(STRANGER, 1))
    bad = Transaction(alice, deployment.deposits, contracts.unlock(1))
    with reverts("HN:Deposits/deposit-is-smaller"):
        chain.send_many([good, bad, good])
    assert contracts.balance_of(chain, deployment.glm, STRANGER) == 2


def test_send_many__nothing__mines_nothing(chain: Chain) -> None:
    height = chain.height()
    assert chain.send_many([]) == []
    assert chain.height() == height


def test_send__interval_mining__does_not_wait_for_the_interval(nodes: Nodes) -> None:
    chain, _ = nodes.start(timestamp=GENESIS, block_time=3600)
    assert chain.send(account_key(0), STRANGER, value=1).block_number == 1
    assert chain.rpc("anvil_getAutomine") is False


def test_call__missing_contract__is_not_a_revert(chain: Chain) -> None:
    with pytest.raises(Exception, match=r"(?i)bytes") as caught:
        contracts.current_epoch(chain, STRANGER)
    assert not isinstance(caught.value, Reverted)


def test_call__older_block__answers_as_of_then(
    chain: Chain, deployment: Deployment, alice: str
) -> None:
    signature = "balanceOf(address)(uint256)"
    receipt = chain.send(alice, deployment.glm, contracts.transfer(STRANGER, 9))
    answers = [
        chain.call(deployment.glm, signature, [STRANGER], block=hex(number))[0]
        for number in (receipt.block_number - 1, receipt.block_number)
    ]
    assert answers == [0, 9]


def test_travel_to__later__mines_one_block_of_exactly_that_time(chain: Chain) -> None:
    height, now = chain.height(), chain.now()
    chain.travel_to(now + 12345)
    assert (chain.height(), chain.now()) == (height + 1, now + 12345)
    chain.mine(2)
    assert chain.now() == now + 12347


@pytest.mark.parametrize("seconds", [0, -1])
def test_travel_to__not_later__is_refused(chain: Chain, seconds: int) -> None:
    with pytest.raises(ValueError, match="forward"):
        chain.travel_to(chain.now() + seconds)


def test_block__unknown_number__is_a_lookup_error(chain: Chain) -> None:
    with pytest.raises(LookupError):
        chain.block(10**6)


def test_seeded_run__two_fresh_chains__end_in_the_same_block_hash(nodes: Nodes) -> None:
    hashes = []
    for _ in range(2):
        chain, _process = nodes.start(timestamp=GENESIS)
        chain.deterministic_time(1)
        deployment = deploy(chain, projects=project_addresses(5, "x"), decision_window=300)
        people = [person(i, "x") for i in range(40)]
        fund_people(chain, deployment, people, [10**20 + i for i in range(40)])
        lock_many(chain, deployment, [(who, 10**19 + who.index) for who in people])
        travel.to_next_epoch(chain, deployment)
        travel.close_window(chain, deployment)
        chain.mine()
        hashes.append(chain.block()["hash"])
    assert hashes[0] == hashes[1]


def test_rpc__node_restarted_on_the_port__reconnects(nodes: Nodes, tmp_path: Path) -> None:
    chain, process = nodes.start(timestamp=GENESIS)
    assert chain.height() == 0
    process.terminate()
    process.wait(10)
    process = start_anvil(urlsplit(chain.url).port or 0, log=tmp_path / "log")
    wait_ready(chain.url, process=process)
    assert chain.height() == 0
    process.terminate()
    process.wait(10)
    with pytest.raises(ConnectionRefusedError):
        chain.height()


def test_rpc__shared_by_threads__answers_each(chain: Chain) -> None:
    wanted = {account_address(i): 10**18 + i for i in range(8)}
    chain.set_balances(wanted)
    seen: dict[str, int] = {}

    def read(address: str) -> None:
        for _ in range(20):
            seen[address] = chain.balance(address)

    threads = [threading.Thread(target=read, args=(address,)) for address in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == wanted


def test_rpc__unknown_method__is_an_rpc_error(chain: Chain) -> None:
    with pytest.raises(RpcError, match="octant_nothing"):
        chain.rpc("octant_nothing")
    with pytest.raises(RpcError, match="octant_nothing"):
        chain.batch([("eth_chainId", []), ("octant_nothing", [])])


def test_rpc__bad_url_or_nobody_there__is_an_error() -> None:
    with pytest.raises(ValueError, match="http URL"):
        RpcClient("ws://127.0.0.1:1")
    with pytest.raises(ConnectionRefusedError):
        RpcClient(f"http://127.0.0.1:{free_port()}").rpc("eth_chainId")


@pytest.mark.parametrize("signature", ["getCurrentEpoch", "a()()()", "a(uint256"])
def test_encode_call__not_a_signature__is_refused(signature: str) -> None:
    with pytest.raises(ValueError, match="signature"):
        encode_call(signature)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", ""),
        (bytes.fromhex("4e487b71") + (0x12).to_bytes(32, "big"), "panic 0x12"),
        (bytes.fromhex("deadbeef"), "0xdeadbeef"),
    ],
)
def test_revert_code__no_text__is_panic_or_raw(data: bytes, code: str) -> None:
    assert revert_code(data) == code
