"""python -m octant_devnet up | down | status | next-epoch | logs [service] | reset"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from octant_devnet import attach, journeys, processes, report, supervisor, worldfile
from octant_devnet.artifacts import DEVNET_FOLDER
from octant_devnet.options import SERVE, WorldOptions, read_options, write_options
from octant_devnet.ports import DEFAULTS, usual_ports
from octant_devnet.readiness import reason_not_ready
from octant_devnet.world import remove_data
from octant_devnet.worldfile import ChainEntry

HEARTBEAT = 60.0
LAST_LINES = 20

_detached: list["subprocess.Popen[bytes]"] = []
"""Supervisors outlive us; a forgotten handle would complain about that."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser("octant_devnet", description="A whole Octant on this machine.")
    parser.add_argument("--folder", type=Path, default=DEVNET_FOLDER.parent / "var")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start, or go on where `down` stopped")
    starting.add_argument("--attach", type=Path, help="a world.json: use its chain and contracts")
    commands.add_parser("down", help="stop everything; data stay")
    commands.add_parser("status", help="what runs, and what is not ready")
    commands.add_parser("next-epoch", help="use and close the window, travel to the next epoch")
    logs = commands.add_parser("logs", help="follow the logs")
    logs.add_argument("service", nargs="?")
    logs.add_argument("--no-follow", action="store_true", help="only what is there")
    commands.add_parser("reset", help="stop, and remove all data")
    options = parser.parse_args(arguments)
    folder: Path = options.folder.resolve()
    try:
        if options.command == "up":
            return up(folder, attach_to=options.attach)
        if options.command == "down":
            return down(folder)
        if options.command == "status":
            return status(folder)
        if options.command == "next-epoch":
            return next_epoch(folder)
        if options.command == "logs":
            follow = not options.no_follow
            return report.follow_logs(folder / "log", options.service, LAST_LINES, lambda: follow)
        return reset(folder)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # as in `make logs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def up(
    folder: Path,
    *,
    attach_to: Path | None = None,
    wanted: Mapping[str, int] = DEFAULTS,
    command: Sequence[str] = SERVE,
) -> int:
    """0 when the world is ready. `wanted`: ports by listener, as far as they are free."""
    last = read_options(folder)
    try:
        asked = None if attach_to is None else attach.read(attach_to)
        if processes.SUPERVISOR in processes.running(folder):
            return _up_already(folder, last, asked)
        attachment = None if attach_to is None else attach.look(attach_to, print)
    except attach.Unusable as error:
        print(f"not up: {error}", file=sys.stderr)
        return 1
    left = processes.stop_all(folder, print)
    if left:
        print(f"ended what a killed supervisor left: {', '.join(left)}")
    if attachment is None and last is not None and last.attach is not None:
        print(f"a chain of our own, not {last.attach.chain.rpc_url} as last time: ATTACH names it")
    ports, moved = usual_ports(wanted)
    options = WorldOptions(
        ports=ports,
        attach=attachment,
        snapshots=_snapshots("auto" if attachment is None else "manual"),
        epoch_duration=_seconds("EPOCH_DURATION", 3600),
        decision_window=_seconds("DECISION_WINDOW", 1800),
        heartbeat=HEARTBEAT,
        command=tuple(command),
    )
    (folder / "log").mkdir(parents=True, exist_ok=True)
    write_options(folder, options)
    if not _start_supervisor(folder):
        return 1
    world = worldfile.read(folder)
    if world is None:
        print("it was stopped again", file=sys.stderr)
        return 1
    report.print_table(folder, world, options, moved)
    return 0


def _up_already(folder: Path, options: WorldOptions | None, asked: ChainEntry | None) -> int:
    world = worldfile.read(folder)
    if world is None or options is None:
        print("it is just starting or stopping: try again in a moment, or `make logs`")
        return 1
    chain = world.chain
    if asked is not None and (asked.rpc_url, asked.contracts) != (chain.rpc_url, chain.contracts):
        print(f"it is up already, on {chain.rpc_url}: `make down` first", file=sys.stderr)
        return 1
    print("it is up already")
    report.print_table(folder, world, options, {})
    return 0


def down(folder: Path) -> int:
    stopped = processes.stop_all(folder, print)
    _forget_ended()
    worldfile.path_in(folder).unlink(missing_ok=True)
    print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
    return 0


def status(folder: Path) -> int:
    """0 when everything runs and is ready."""
    found = processes.running(folder)
    world = worldfile.read(folder)
    if not found or world is None:
        print("nothing runs" if not found else f"running, but not up: {', '.join(found)}")
        return 1
    healthy = True
    operations = {service.name: service.operations_url for service in world.services}
    options = read_options(folder)
    attached = options is not None and options.attach is not None
    for name in (name for stage in processes.STOP_ORDER for name in stage):
        if attached and name == processes.ANVIL:
            continue
        url = operations.get(name)
        reason = None if name in found else "does not run"
        if reason is None and url is not None:
            reason = reason_not_ready(url)
        healthy = healthy and reason is None
        state = ("ready" if url else "runs") if reason is None else reason
        print(f"{name:<12} {found.get(name, '-'):>8}  {state}")
    if attached:
        print(f"{'chain':<12} {'-':>8}  {world.chain.rpc_url}, somebody else's")
    return 0 if healthy else 1


def next_epoch(folder: Path) -> int:
    world = worldfile.read(folder)
    if world is None:
        print("nothing is up: `make up` first", file=sys.stderr)
        return 1
    options = read_options(folder)
    if options is None or options.attach is not None:
        print(
            f"the chain at {world.chain.rpc_url} is somebody else's: time passes there as it does; "
            "next-epoch travels on a chain of our own only",
            file=sys.stderr,
        )
        return 1
    try:
        journeys.next_epoch(world, print, take_snapshots=options.snapshots == "manual")
    except (journeys.Stuck, OSError) as error:
        print(f"stopped half-way: {error}", file=sys.stderr)
        return 1
    return 0


def reset(folder: Path) -> int:
    down(folder)
    remove_data(folder)
    shutil.rmtree(folder / "attached", ignore_errors=True)
    for log in (folder / "log").glob("*.log"):
        log.unlink()
    print("all data removed: the next `make up` begins a new world")
    return 0


def _start_supervisor(folder: Path) -> bool:
    """Start it detached and show what it says until the world is ready; False when it fails."""
    log = folder / "log" / "supervisor.log"
    command = [sys.executable, "-m", supervisor.__name__, str(folder)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, processes.WORLD_VARIABLE: str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    _forget_ended()
    _detached.append(process)
    try:
        with log.open() as said:
            while True:
                line = said.readline()
                if not line:
                    if process.poll() is not None and not (line := said.readline()):
                        print(f"the supervisor ended: see {log}", file=sys.stderr)
                        return False
                    if not line:
                        time.sleep(0.02)
                        continue
                if line.strip() == supervisor.READY:
                    return True
                if line.startswith(supervisor.FAILED):
                    print(f"\nnot up: {line.removeprefix(supervisor.FAILED).strip()}")
                    print(f"the logs are in {log.parent}; stopping what was started")
                    process.wait()
                    return False
                print(line, end="", flush=True)
    except KeyboardInterrupt:
        process.terminate()
        process.wait()
        raise


def _forget_ended() -> None:
    _detached[:] = [process for process in _detached if process.poll() is None]


def _snapshots(default: str) -> str:
    text = os.environ.get("SNAPSHOTS", "") or default
    if text not in ("auto", "manual"):
        raise SystemExit(f"SNAPSHOTS={text}: it is auto or manual")
    return text


def _seconds(variable: str, default: int) -> int:
    text = os.environ.get(variable, "") or str(default)
    if not text.isdigit() or int(text) == 0:
        raise SystemExit(f"{variable}={text}: a whole number of seconds is needed")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
