"""Processes that can be found and ended again, also by somebody who did not start them.

A run file holds the pid and the time the kernel started it, so that a pid that was given to
another program meanwhile is never touched. Linux only: it reads /proc.
"""

import json
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

SUPERVISOR = "supervisor"
ANVIL = "anvil"
NATS = "nats"
POSTGRES = "postgres"
WORLD_VARIABLE = "OCTANT_WORLD"
"""In the environment of everything a supervisor starts: the folder of its world."""

STOP_ORDER: tuple[tuple[str, ...], ...] = (
    (SUPERVISOR,),
    ("gateway",),
    ("rewards", "allocations", "epochs", "chain-sync"),
    (ANVIL,),
    (NATS, POSTGRES),
)
"""Who is ended together; whoever uses something goes before it."""

PATIENCE = 15.0


def incarnation(pid: int) -> str | None:
    """Tells this process from any other with its pid, before and after; None when it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    if state in "ZX":  # ended, and nobody has asked how
        return None
    return f"{_boot()}:{fields[18]}"


def record(folder: Path, name: str, pid: int) -> None:
    """Write `name`'s run file; all or nothing."""
    path = _run_file(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"name": name, "pid": pid, "started": incarnation(pid)}))
    temporary.replace(path)


def forget(folder: Path, name: str) -> None:
    _run_file(folder, name).unlink(missing_ok=True)


def running(folder: Path) -> dict[str, int]:
    """Name and pid of every recorded process that still runs."""
    found: dict[str, int] = {}
    for path in sorted((folder / "run").glob("*.json")):
        try:
            entry = json.loads(path.read_text())
            name, pid, started = entry["name"], int(entry["pid"]), entry["started"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if started is not None and incarnation(pid) == started:
            found[name] = pid
    return found


def unrecorded(folder: Path) -> list[int]:
    """What a supervisor of this world started but was killed before it could note."""
    marker = f"{WORLD_VARIABLE}={folder}".encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if marker in environment and incarnation(int(entry.name)) is not None:
            found.append(int(entry.name))
    return found


def stop_signal(name: str) -> signal.Signals:
    # PostgreSQL waits for its clients on SIGTERM.
    return signal.SIGINT if name == POSTGRES else signal.SIGTERM


def kill(pid: int) -> None:
    """SIGKILL, with everything in its process group when it leads one."""
    with suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)


def end(pids: Iterable[tuple[str, int]], patience: float = PATIENCE) -> list[str]:
    """End processes that need not be our children; the names of those that had to be killed."""
    alive = {pid: (name, incarnation(pid)) for name, pid in pids}
    for pid, (name, started) in alive.items():
        if started is not None and incarnation(pid) == started:
            _signal(pid, stop_signal(name))
    killed: list[str] = []
    deadline = time.monotonic() + patience
    while alive:
        alive = {p: (n, s) for p, (n, s) in alive.items() if s is not None and incarnation(p) == s}
        if alive and time.monotonic() > deadline:
            for pid, (name, _) in alive.items():
                killed.append(name)
                kill(pid)
            deadline += 5.0
        if alive:
            time.sleep(0.02)
    return killed


def stop_all(folder: Path, say: Callable[[str], None]) -> list[str]:
    """End everything of this world but ourselves, in order; the names of what was running."""
    stopped: list[str] = []
    for stage in STOP_ORDER:
        found = running(folder)  # again each time: a supervisor ends its own on its way out
        group = [(n, found[n]) for n in stage if n in found and found[n] != os.getpid()]
        if group:
            # The supervisor needs the time of all others together.
            patience = 4 * PATIENCE if stage == (SUPERVISOR,) else PATIENCE
            killed = end(group, patience)
            stopped += [name for name, _ in group]
            for name in killed:
                say(f"{name} did not end in {patience:g} s: killed")
    left = [("unrecorded", pid) for pid in unrecorded(folder)]
    end(left, patience=5.0)
    for name in (name for stage in STOP_ORDER for name in stage):
        if running(folder).get(name) is None:
            forget(folder, name)
    return stopped + [f"process {pid}" for _, pid in left]


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _run_file(folder: Path, name: str) -> Path:
    return folder / "run" / f"{name}.json"
