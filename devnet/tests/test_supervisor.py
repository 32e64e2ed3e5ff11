"""`up` and `down`, also after somebody was killed; real processes, stand-ins for the services."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from devnet_kit import STANDIN, wanted_ports
from octant_contracts.events import SERVICES
from octant_devnet import __main__ as cli
from octant_devnet import processes, worldfile
from octant_devnet.chain import Chain
from octant_devnet.chainkit import until
from octant_devnet.options import WorldOptions, write_options
from octant_devnet.ports import DEFAULTS, usual_ports

EVERYBODY = {*SERVICES, "anvil", "nats", "postgres", "supervisor"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    cli.down(tmp_path)


def up(folder: Path, **options) -> int:
    return cli.up(folder, **{"wanted": wanted_ports(), "command": STANDIN, **options})


def alive(pids: dict[str, int]) -> set[str]:
    return {name for name, pid in pids.items() if processes.incarnation(pid) is not None}


def chain(folder: Path) -> Chain:
    world = worldfile.read(folder)
    assert world is not None
    return Chain(world.chain.rpc_url)


def test_up__ends_with_addresses_and_what_to_try__and_down_stops_everything(folder, capsys):
    wanted = wanted_ports()
    assert up(folder, wanted=wanted) == 0
    said = capsys.readouterr().out
    for port in wanted.values():
        assert f"127.0.0.1:{port}" in said
    assert "make next-epoch" in said
    assert "was taken" not in said
    pids = processes.running(folder)
    assert set(pids) == EVERYBODY

    assert up(folder) == 0
    assert "up already" in capsys.readouterr().out
    assert processes.running(folder) == pids
    assert cli.status(folder) == 0

    assert cli.down(folder) == 0
    assert alive(pids) == set()
    assert processes.unrecorded(folder) == []
    assert not (folder / "world.json").exists()
    assert cli.status(folder) == 1


def test_down__after_the_supervisor_was_killed__stops_what_it_left(folder):
    assert up(folder) == 0
    pids = processes.running(folder)
    os.kill(pids["supervisor"], signal.SIGKILL)
    until(lambda: alive(pids) == EVERYBODY - {"supervisor"})
    cli.down(folder)
    assert alive(pids) == set()


def test_up__after_the_supervisor_was_killed__cleans_up_and_resumes_with_the_data(folder, capsys):
    assert up(folder) == 0
    first = processes.running(folder)
    before = chain(folder)
    before.mine(3)
    height, now = before.height(), before.now()
    before.close()
    os.kill(first["supervisor"], signal.SIGKILL)
    until(lambda: processes.incarnation(first["supervisor"]) is None)
    capsys.readouterr()
    assert up(folder) == 0
    assert "killed supervisor left" in capsys.readouterr().out
    assert alive(first) == set()
    after = chain(folder)
    assert after.height() == height
    assert after.now() == now
    after.close()


def test_service__killed_under_a_supervisor__comes_back_with_a_new_pid_in_world_json(folder):
    assert up(folder) == 0

    def pid() -> int:
        world = worldfile.read(folder)
        assert world is not None
        return next(service.pid for service in world.services if service.name == "gateway")

    before = pid()
    os.kill(before, signal.SIGKILL)
    until(lambda: pid() != before)
    assert processes.running(folder)["gateway"] == pid()


def test_up__with_a_port_in_use__takes_the_next_and_says_so(folder, capsys):
    wanted = wanted_ports()
    with socket.create_server(("127.0.0.1", wanted["gateway"])):
        assert up(folder, wanted=wanted) == 0
        said = capsys.readouterr().out
        world = worldfile.read(folder)
    assert world is not None
    assert world.gateway.url != f"http://127.0.0.1:{wanted['gateway']}"
    assert f"{world.gateway.url}  (port {wanted['gateway']} was taken)" in said


def test_up__that_fails__says_why_and_leaves_nothing_running(folder, capsys, monkeypatch):
    monkeypatch.setenv("BROKEN", "allocations")
    assert up(folder) == 1
    said = capsys.readouterr().out
    assert "allocations ends at every start" in said
    assert "broken on purpose" in said
    assert processes.running(folder) == {}
    assert processes.unrecorded(folder) == []


def test_supervisor__asked_to_stop_while_starting__leaves_nothing_running(folder):
    wanted, _ = usual_ports(wanted_ports())
    write_options(folder, WorldOptions(ports=wanted, command=STANDIN))
    process = subprocess.Popen(
        [sys.executable, "-m", "octant_devnet.supervisor", str(folder)],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: "nats" in processes.running(folder))
    assert "supervisor" in processes.stop_all(folder, print)
    process.wait(10)
    assert processes.running(folder) == {}
    assert processes.unrecorded(folder) == []


def test_down__never_touches_a_pid_that_was_given_to_another_program(folder):
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        processes.record(folder, "gateway", stranger.pid)
        path = folder / "run" / "gateway.json"
        entry = json.loads(path.read_text())
        path.write_text(json.dumps(entry | {"started": entry["started"] + "1"}))
        cli.down(folder)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_down__finds_what_was_started_but_not_noted(folder):
    environment = {**os.environ, processes.WORLD_VARIABLE: str(folder)}
    orphan = subprocess.Popen(["sleep", "60"], env=environment)
    until(lambda: orphan.pid in processes.unrecorded(folder))
    cli.down(folder)
    assert orphan.wait(5) < 0


def test_usual_ports__with_one_taken__avoid_it_and_all_others():
    wanted = wanted_ports()
    neighbour = wanted["gateway"] + 1
    wanted["anvil"] = neighbour
    with socket.create_server(("127.0.0.1", wanted["gateway"])):
        ports, moved = usual_ports(wanted)
    assert moved == {"gateway": wanted["gateway"]}
    assert ports.anvil == neighbour
    assert ports.gateway > neighbour


def test_default_ports__are_the_documented_ones():
    assert DEFAULTS["gateway"] == 5000
    assert [DEFAULTS[f"operations of {name}"] for name in SERVICES] == [
        5101,
        5102,
        5103,
        5104,
        5105,
    ]


def test_up__after_another_version_was_up__starts(folder):
    (folder / "options.json").write_text('{"ports": {"gateway": 5000}}')
    assert up(folder) == 0
    assert cli.down(folder) == 0
