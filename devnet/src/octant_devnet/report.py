"""What people read: the table at the end of `up`, and the logs side by side."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from octant_devnet.options import WorldOptions
from octant_devnet.worldfile import WorldFile

POLL = 0.2


def print_table(
    folder: Path, world: WorldFile, options: WorldOptions, moved: Mapping[str, int]
) -> None:
    """`moved`: by listener, the usual port that somebody else had."""
    own = options.attach is None
    chain = f"{world.chain.rpc_url}  chain id {world.chain.chain_id}"
    rows = [
        ("gateway", world.gateway.url, "gateway"),
        ("API documentation", f"{world.gateway.url}/", "gateway"),
        ("live feed", world.gateway.feed_url, "feed"),
        ("chain (JSON-RPC)", chain, "anvil" if own else "nobody"),
        ("NATS", world.nats.url, "nats"),
        ("PostgreSQL", world.postgres.url, "postgres"),
    ]
    rows += [
        (f"{s.name} operations", s.operations_url, f"operations of {s.name}")
        for s in world.services
    ]
    print()
    for title, address, listener in rows:
        note = f"  (port {moved[listener]} was taken)" if listener in moved else ""
        print(f"  {title:<24} {address}{note}")
    if own:
        print(f"  {'people and their keys':<24} {folder / 'people.json'}")
    else:
        print(f"  {'snapshots':<24} {options.snapshots}")
    print(f"\n  Try:\n{_suggestions(folder, world) if own else _attached(world)}")


def _attached(world: WorldFile) -> str:
    url = world.gateway.url
    return "\n".join(
        [
            f"    curl {url}/info/sync-status",
            f"    curl -X POST {url}/snapshots/pending     when an epoch is over; null: not needed",
            f"    curl -X POST {url}/snapshots/finalized   when its decision window is over",
            "    make logs           what everybody says; make down stops, and keeps the data",
        ]
    )


def _suggestions(folder: Path, world: WorldFile) -> str:
    people = json.loads((folder / "people.json").read_text())["people"]
    url = world.gateway.url
    return "\n".join(
        [
            f"    curl {url}/epochs/current",
            f"    curl {url}/deposits/users/{people[9]['address']}/estimated_effective_deposit",
            "    make next-epoch     people allocate, the window closes, the next epoch begins",
            f"    curl {url}/rewards/budget/{people[9]['address']}/epoch/1",
            "    make logs           what everybody says; make down stops, and keeps the data",
        ]
    )


def follow_logs(folder: Path, service: str | None, lines: int, follow: Callable[[], bool]) -> int:
    """Print the last `lines` of each log, then, while `follow()`, what comes; 1 without a log."""
    there = sorted(path.stem for path in folder.glob("*.log"))
    names = [service] if service else there
    if not names or not set(names) <= set(there):
        print(f"no log of {service or 'anything'}; there are: {', '.join(there) or 'none'}")
        return 1
    width = max(len(name) for name in names)
    with ExitStack() as stack:
        files = {n: stack.enter_context((folder / f"{n}.log").open("rb")) for n in names}
        for name, file in files.items():
            for line in list(_lines(file))[-lines:]:
                print(f"{name:<{width}} | {line}", flush=True)
        while follow():
            quiet = True
            for name, file in files.items():
                for line in _lines(file):
                    quiet = False
                    print(f"{name:<{width}} | {line}", flush=True)
            if quiet:
                time.sleep(POLL)
    return 0


def _lines(file: BinaryIO) -> Iterator[str]:
    """Complete lines that are new; half a line waits for its end."""
    while True:
        position = file.tell()
        line = file.readline()
        if not line.endswith(b"\n"):
            file.seek(position)
            return
        yield line.decode(errors="replace").rstrip()
