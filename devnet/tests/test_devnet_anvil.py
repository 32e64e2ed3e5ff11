"""The anvil process and the file that keeps its chain."""

import platform
import signal
import socket
from pathlib import Path

import pytest
from octant_devnet import anvil
from octant_devnet.anvil import save_state, start_anvil, wait_ready
from octant_devnet.chain import Chain
from octant_devnet.chainkit import GENESIS, STRANGER, Nodes, free_port, until
from octant_devnet.deploy import account_address, account_key, deploy, existing_deployment
from octant_devnet.people import fund_people, lock, person, project_addresses

FAR_FUTURE = 4_000_000_000


def head(chain: Chain) -> tuple[str, int]:
    return chain.block()["hash"], chain.now()


def test_start__defaults__has_the_chain_id_accounts_and_gas_limit(nodes: Nodes) -> None:
    chain, _ = nodes.start(timestamp=GENESIS)
    assert int(chain.rpc("eth_chainId"), 16) == 1337
    accounts = [account_address(i).lower() for i in range(10)]
    assert [a.lower() for a in chain.rpc("eth_accounts")] == accounts
    assert {chain.balance(a) for a in accounts} == {10**24}
    assert int(chain.block()["gasLimit"], 16) == 50_000_000
    assert chain.now() == GENESIS


def test_start__other_chain_id__signs_for_it(nodes: Nodes) -> None:
    chain, _ = nodes.start(timestamp=GENESIS, chain_id=31337)
    assert chain.send(account_key(0), STRANGER, value=1).succeeded


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_resume__stopped_node__goes_on_at_the_last_block(
    nodes: Nodes, tmp_path: Path, how: signal.Signals
) -> None:
    state = tmp_path / "chain" / "state.json"
    chain, process = nodes.start(timestamp=GENESIS, state_file=state)
    chain.deterministic_time(1)
    deployment = deploy(chain, projects=project_addresses(3, "r"))
    who = person(0, "r")
    fund_people(chain, deployment, [who], [10**18])
    receipt = lock(chain, deployment, who, 10**17)
    last = head(chain)
    process.send_signal(how)
    assert process.wait(10) == 0

    again, _ = nodes.start(timestamp=GENESIS, state_file=state)
    assert head(again) == last
    assert existing_deployment(again) == deployment
    logs = again.rpc("eth_getLogs", {"fromBlock": "0x0", "address": deployment.deposits})
    assert [log["transactionHash"] for log in logs] == [receipt.hash]
    assert lock(again, deployment, who, 10**17).succeeded


@pytest.mark.parametrize("start", [GENESIS, FAR_FUTURE])
def test_resume__chain_time_away_from_the_clock__continues_from_the_last_block(
    nodes: Nodes, tmp_path: Path, start: int
) -> None:
    state = tmp_path / "state.json"
    chain, process = nodes.start(timestamp=start, state_file=state)
    chain.travel_to(start + 1000)
    process.terminate()
    process.wait(10)
    again, _ = nodes.start(state_file=state)
    again.mine()
    assert start + 1000 <= again.now() < start + 1100
    again.deterministic_time(1)
    before = again.now()
    again.mine()
    assert again.now() == before + 1


def test_resume__killed_node__goes_on_from_the_last_save(nodes: Nodes, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    chain, process = nodes.start(timestamp=GENESIS, state_file=state, save_interval=3600)
    chain.send(account_key(0), STRANGER, value=5)
    saved = head(chain)
    save_state(chain, state)
    chain.send(account_key(0), STRANGER, value=6)
    process.kill()
    process.wait(10)
    again, _ = nodes.start(state_file=state)
    assert head(again) == saved
    assert again.balance(STRANGER) == 5


def test_save__periodic__follows_the_head(nodes: Nodes, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    chain, process = nodes.start(timestamp=GENESIS, state_file=state, save_interval=0.02)
    until(state.exists)
    chain.send(account_key(0), STRANGER, value=5)
    until(lambda: '"number":"0x1"' in state.read_text()[:100])
    last = head(chain)
    process.kill()
    process.wait(10)
    again, _ = nodes.start(state_file=state, save_interval=0.02)
    assert head(again) == last


def test_resume__exit_dump_cut_off__falls_back_to_the_last_save(
    nodes: Nodes, tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    chain, process = nodes.start(timestamp=GENESIS, state_file=state, save_interval=3600)
    chain.send(account_key(0), STRANGER, value=5)
    save_state(chain, state)
    saved = head(chain)
    chain.send(account_key(0), STRANGER, value=6)
    process.terminate()
    process.wait(10)
    exit_file = tmp_path / "state.json.exit"
    exit_file.write_bytes(exit_file.read_bytes()[:-100])
    again, _ = nodes.start(state_file=state)
    assert head(again) == saved
    assert not exit_file.exists()


def test_start__state_file_is_something_else__is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("{}")
    with pytest.raises(ValueError, match="not a chain state"):
        start_anvil(free_port(), state_file=state, log=tmp_path / "log")


def test_wait_ready__port_taken__says_that_anvil_ended(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start_anvil(port, log=tmp_path / "log")
        process.wait(10)
        with pytest.raises(RuntimeError, match="ended"):
            wait_ready(f"http://127.0.0.1:{port}", process=process)


def test_wait_ready__nobody_there__times_out() -> None:
    with pytest.raises(TimeoutError, match="no answer"):
        wait_ready(f"http://127.0.0.1:{free_port()}", timeout=0.05)


def test_find_anvil__not_installed__says_what_to_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(anvil, "DEVNET_FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError, match="make install"):
        anvil.find_anvil()


@pytest.mark.parametrize(
    ("system", "machine", "package"),
    [
        ("Linux", "x86_64", "anvil-linux-amd64"),
        ("Linux", "aarch64", "anvil-linux-arm64"),
        ("Darwin", "arm64", "anvil-darwin-arm64"),
    ],
)
def test_find_anvil__platform__chooses_its_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, machine: str, package: str
) -> None:
    monkeypatch.setattr(anvil, "DEVNET_FOLDER", tmp_path)
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    program = tmp_path / "node_modules" / "@foundry-rs" / package / "bin" / "anvil"
    program.parent.mkdir(parents=True)
    program.touch()
    assert anvil.find_anvil() == program
