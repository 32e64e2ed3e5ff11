"""A world on somebody else's chain: the file, what is asked of the node, and the commands."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest
from devnet_kit import STANDIN, wanted_ports
from octant_contracts.events import CHAIN_SYNC, REWARDS, SERVICES
from octant_devnet import __main__ as cli
from octant_devnet import attach, processes
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment
from octant_devnet.environment import service_environment
from octant_devnet.options import read_options
from octant_devnet.ports import random_ports

KEY = "0x" + "42" * 32
NOBODY = "0x" + "ab" * 20


def described(chain: Chain, deployment: Deployment) -> dict[str, Any]:
    """As a person would write it."""
    names = {"withdrawals_target": "withdrawalsTarget"}
    fields = ("glm", "epochs", "deposits", "proposals", "vault", "withdrawals_target")
    contracts = {names.get(f, f): getattr(deployment, f).lower() for f in fields}
    return {"rpcUrl": chain.url, "id": 1337, "contracts": contracts}


@pytest.fixture
def part(chain: Chain, deployment: Deployment) -> dict[str, Any]:
    return described(chain, deployment)


@pytest.fixture
def file(tmp_path: Path) -> Callable[[Any], Path]:
    def write(part: Any, **more: Any) -> Path:
        path = tmp_path / "their.json"
        path.write_text(json.dumps({"chain": part, **more}))
        return path

    return write


@contextmanager
def node_before(chain: Chain, change: Callable[[dict[str, Any]], Any]) -> Iterator[str]:
    """A node like `chain`, but for the requests to which `change` has an answer of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = change(request) or {"result": chain.rpc(request["method"], *request["params"])}
            body = json.dumps({"jsonrpc": "2.0", "id": request["id"], **answer}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def silent(_: str) -> None:
    """Nobody listens."""


def refusal(path: Path) -> str:
    """The one line in which the file is refused."""
    with pytest.raises(attach.Unusable) as refused:
        attach.look(path, silent)
    said = str(refused.value)
    assert "\n" not in said
    return said


def test_file__as_short_as_can_be__is_enough(part, file, chain, deployment):
    found = attach.look(file(part), silent)
    assert found.chain.contracts.epochs == deployment.epochs  # in EIP-55 whatever was written
    assert found.chain.contracts.auth is None
    assert (found.chain.rpc_url, found.chain.chain_id) == (chain.url, 1337)
    assert (found.chain.chain_name, found.chain.multisig_key) == ("unknown", None)


def test_file__with_everything_and_more__is_read_and_the_rest_ignored(part, file, deployment):
    part["contracts"]["auth"] = deployment.auth
    part["contracts"]["moon"] = "cheese"
    more = {"name": "theirs", "startBlock": 3, "confirmations": 7, "multisigKey": KEY, "x": [1]}
    path = file(part | more, subgraph={"url": "http://nowhere"}, people=[{}])
    chain = attach.look(path, silent).chain
    assert chain.contracts.auth == deployment.auth
    assert (chain.chain_name, chain.start_block, chain.confirmations) == ("theirs", 3, 7)
    assert chain.multisig_key == KEY


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not JSON"),
        ("[]", "does not describe a chain"),
        ('{"chain": {"rpcUrl": "http://x", "id": 1, "contracts": 7}}', "does not describe a chain"),
        ("{}", '"contracts"'),
        ('{"chain": {"id": 1}}', "lacks chain.rpcUrl, chain.contracts.glm"),
    ],
)
def test_file__of_another_shape__is_refused_in_one_line(tmp_path, content, said):
    path = tmp_path / "their.json"
    path.write_text(content)
    assert said in refusal(path)


def test_file__that_is_not_there__is_named(tmp_path):
    assert "no file" in refusal(tmp_path / "missing.json")
    assert str(tmp_path) in refusal(tmp_path)


@pytest.mark.parametrize("name", ["rpcUrl", "id"])
def test_file__without_what_is_needed__says_what_is_missing(part, file, name):
    del part[name]
    assert f"lacks chain.{name}:" in refusal(file(part))


@pytest.mark.parametrize(
    "name", ["glm", "epochs", "deposits", "proposals", "vault", "withdrawalsTarget"]
)
def test_file__without_a_contract__says_which(part, file, name):
    del part["contracts"][name]
    assert f"lacks chain.contracts.{name}:" in refusal(file(part))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": "many"}, "chain.id"),
        ({"startBlock": -1}, "chain.startBlock"),
        ({"confirmations": "x"}, "chain.confirmations"),
        ({"rpcUrl": "ws://127.0.0.1:1"}, "chain.rpcUrl"),
        ({"rpcUrl": "http://[1"}, "chain.rpcUrl"),
        ({"multisigKey": "0x12345"}, "chain.multisigKey"),
        ({"id": 1, "multisigKey": KEY}, "chain id 1"),
        ({"id": 31337}, "is of chain 1337"),
    ],
)
def test_file__with_a_wrong_value__says_which_and_shows_no_key(part, file, change, said):
    refused = refusal(file(part | change))
    assert said in refused
    assert str(change.get("multisigKey", "?none?")) not in refused


def test_file__with_a_wrong_address__says_which(part, file):
    vault = part["contracts"]["vault"]
    part["contracts"]["vault"] = "0x12"
    assert "chain.contracts.vault is no address" in refusal(file(part))
    part["contracts"]["vault"] = NOBODY
    assert "no contract at chain.contracts.vault" in refusal(file(part))
    part["contracts"]["vault"] = vault
    for name in ("epochs", "proposals", "glm"):
        right, part["contracts"][name] = part["contracts"][name], vault
        assert f"chain.contracts.{name}" in refusal(file(part))
        part["contracts"][name] = right
    attach.look(file(part), silent)


def test_withdrawals_target__without_a_contract__is_taken_and_told(part, file):
    part["contracts"]["withdrawalsTarget"] = NOBODY
    said: list[str] = []
    attach.look(file(part), said.append)
    assert len(said) == 1
    assert "no contract at withdrawalsTarget" in said[0]


def test_node__that_is_none__is_named(part, file, chain):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert f"127.0.0.1:{port} does not answer" in refusal(
        file(part | {"rpcUrl": f"http://127.0.0.1:{port}"})
    )
    with node_before(chain, lambda request: {"neither": 1}) as url:
        assert "like an Ethereum node" in refusal(file(part | {"rpcUrl": url}))


def test_start_block__not_given__is_the_first_with_a_contract_that_is_indexed(
    part, file, chain, deployment
):
    chain.mine(5)
    start = attach.look(file(part), silent).chain.start_block
    codes = {
        number: chain.rpc("eth_getCode", part["contracts"]["deposits"], hex(number))
        for number in (start - 1, start)
    }
    assert codes[start - 1] == "0x"
    assert codes[start] != "0x"


def test_start_block__of_a_node_without_old_state__is_0_and_told(part, file, chain):
    head = hex(chain.height())

    def forgetful(request: dict[str, Any]) -> Any:
        if request["method"] == "eth_getCode" and request["params"][1] not in ("latest", head):
            return {"error": {"code": -32000, "message": "missing trie node"}}
        return None

    said: list[str] = []
    with node_before(chain, forgetful) as url:
        assert attach.look(file(part | {"rpcUrl": url}), said.append).chain.start_block == 0
    assert "startBlock" in said[0]


def test_confirmations__not_given__are_0_on_a_development_node_only(part, file, chain):
    answers = {"eth_chainId": "0x4d2", "web3_clientVersion": "Geth/v1.15"}

    def other(request: dict[str, Any]) -> Any:
        return {"result": answers[r]} if (r := request["method"]) in answers else None

    with node_before(chain, other) as url:
        path = file(part | {"rpcUrl": url, "id": 1234})
        found = attach.look(path, silent)
        assert (found.development, found.chain.confirmations) == (False, None)
        answers["web3_clientVersion"] = "HardhatNetwork/2.22"
        found = attach.look(path, silent)
        assert (found.development, found.chain.confirmations) == (True, 0)


def test_data__of_a_chain__are_its_own_wherever_the_node_is(part, file, chain):
    data = attach.look(file(part), silent).data
    chain.mine(3)
    with node_before(chain, lambda request: None) as url:
        assert attach.look(file(part | {"rpcUrl": url, "startBlock": 1}), silent).data == data
    other = {"0x1": "0x" + "77" * 32}

    def begun_anew(request: dict[str, Any]) -> Any:
        if request["method"] == "eth_getBlockByNumber" and request["params"][0] in other:
            return {"result": {"number": "0x1", "hash": other[request["params"][0]]}}
        return None

    with node_before(chain, begun_anew) as url:
        assert attach.look(file(part | {"rpcUrl": url}), silent).data != data
    part["contracts"]["vault"] = part["contracts"]["withdrawalsTarget"]
    assert attach.look(file(part), silent).data != data


def environment(found: attach.Attachment, service: str, **changes: Any) -> dict[str, str]:
    options = {"snapshots": "manual", "confirm": True, "failpoints": False}
    return service_environment(
        service,
        random_ports(),
        found.chain,
        development=found.development,
        **{**options, **changes},
    )


def test_environment__of_an_attached_world__follows_the_file(part, file):
    plain = attach.look(file(part), silent)
    variables = environment(plain, CHAIN_SYNC)
    assert variables["ETH_RPC_PROVIDER_URL"] == part["rpcUrl"]
    assert variables["VAULT_CONTRACT_ADDRESS"].lower() == part["contracts"]["vault"]
    assert variables["CONFIRMATIONS"] == "0"
    assert variables["VAULT_CONFIRM_WITHDRAWALS_ENABLED"] == "false"
    assert not {"AUTH_CONTRACT_ADDRESS", "TESTNET_MULTISIG_PRIVATE_KEY"} & set(variables)
    assert environment(plain, REWARDS)["SNAPSHOTS"] == "manual"

    keyed = environment(attach.look(file(part | {"multisigKey": KEY}), silent), CHAIN_SYNC)
    assert keyed["VAULT_CONFIRM_WITHDRAWALS_ENABLED"] == "true"
    assert keyed["TESTNET_MULTISIG_PRIVATE_KEY"] == KEY

    real = msgspec.structs.replace(
        plain, development=False, chain=msgspec.structs.replace(plain.chain, confirmations=None)
    )
    assert not {"CONFIRMATIONS", "POLL_INTERVAL"} & set(environment(real, CHAIN_SYNC))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "world"
    yield folder
    cli.down(folder)


def up(folder: Path, path: Path | None) -> int:
    return cli.up(folder, attach_to=path, wanted=wanted_ports(), command=STANDIN)


def test_up__attached__starts_everything_but_a_chain_and_every_command_knows(
    part, file, folder, chain, capsys
):
    height = chain.height()
    path = file(part | {"multisigKey": KEY})
    assert up(folder, path) == 0
    said = capsys.readouterr().out
    assert f"{chain.url}  chain id 1337" in said
    assert "/snapshots/pending" in said
    running = processes.running(folder)
    assert set(running) == {*SERVICES, "nats", "postgres", "supervisor"}
    arguments = Path(f"/proc/{running['supervisor']}/cmdline").read_bytes()
    assert KEY[2:].encode() not in arguments
    assert not (folder / "people.json").exists()
    assert chain.height() == height
    assert (folder / "world.json").stat().st_mode & 0o077 == 0
    assert attach.look(folder / "world.json", silent).chain == attach.look(path, silent).chain

    assert up(folder, path) == 0
    assert "up already" in capsys.readouterr().out
    assert up(folder, file(part | {"rpcUrl": f"{chain.url}/"})) == 1
    assert "make down" in capsys.readouterr().err

    assert cli.status(folder) == 0
    assert "anvil" not in (said := capsys.readouterr().out)
    assert chain.url in said
    assert cli.next_epoch(folder) == 1
    assert "somebody else's" in capsys.readouterr().err
    assert cli.down(folder) == 0
    assert processes.running(folder) == {}
    assert cli.status(folder) == 1


def test_up__attached__takes_no_snapshots_by_itself_unless_told(part, file, folder, monkeypatch):
    monkeypatch.delenv("SNAPSHOTS", raising=False)
    assert up(folder, file(part)) == 0
    assert read_options(folder).snapshots == "manual"
    cli.down(folder)
    monkeypatch.setenv("SNAPSHOTS", "auto")
    assert up(folder, file(part)) == 0
    assert read_options(folder).snapshots == "auto"
    monkeypatch.setenv("SNAPSHOTS", "sometimes")
    cli.down(folder)
    with pytest.raises(SystemExit, match="SNAPSHOTS=sometimes"):
        up(folder, file(part))


def test_up__with_an_unusable_file__says_why_and_starts_nothing(part, file, folder, capsys):
    part["contracts"]["vault"] = NOBODY
    assert up(folder, file(part)) == 1
    said = capsys.readouterr().err
    assert said.startswith("not up: there is no contract at chain.contracts.vault")
    assert said.count("\n") == 1
    assert processes.running(folder) == {}


def test_worlds__attached_and_own__keep_their_data_apart(part, file, folder, capsys):
    assert up(folder, file(part)) == 0
    data = folder / read_options(folder).attach.data
    cli.down(folder)
    assert (data / "postgres" / "PG_VERSION").exists()
    assert not (folder / "postgres").exists()
    capsys.readouterr()
    assert up(folder, None) == 0
    assert "not http" in capsys.readouterr().out.splitlines()[0]
    assert "anvil" in processes.running(folder)
    assert (data / "postgres" / "PG_VERSION").exists()
    cli.reset(folder)
    assert not data.exists()
    assert not (folder / "postgres").exists()
