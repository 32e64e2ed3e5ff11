"""The process behind `make up`: starts a world, keeps it running, and ends it on SIGTERM.

python -m octant_devnet.supervisor <folder>

It reads the options from `options.json` there, since they may hold a key. It writes its progress
to standard output; the last line of a start is READY, or FAILED and why.
"""

import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from octant_devnet import processes
from octant_devnet.options import WorldOptions, read_options
from octant_devnet.world import World

READY = "READY"
FAILED = "FAILED"
READY_TIMEOUT = 90.0
"""Seconds without any progress."""


class Stop(BaseException):
    """Somebody wants us to end; not an Exception, so that nothing on the way swallows it."""


def main(folder: Path, options: WorldOptions) -> int:
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run").mkdir(exist_ok=True)
    with (folder / "run" / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print(f"{FAILED} another supervisor runs in {folder}", flush=True)
            return 1
        signal.signal(signal.SIGTERM, _stop)
        signal.signal(signal.SIGINT, _stop)
        world = World(folder, options, say)
        os.environ[processes.WORLD_VARIABLE] = str(world.folder)
        processes.record(world.folder, processes.SUPERVISOR, os.getpid())
        try:
            world.start()
            world.wait_ready(READY_TIMEOUT)
            print(READY, flush=True)
            while True:
                signal.pause()
        except Stop:
            say("stopping")
            return 0
        except Exception as error:
            print(f"{FAILED} {error}", flush=True)
            return 1
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            world.stop()
            processes.stop_all(world.folder, say)  # what started just as we were interrupted
            processes.forget(world.folder, processes.SUPERVISOR)
            say("everything has ended")


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise Stop


if __name__ == "__main__":
    options = read_options(Path(sys.argv[1]))
    if options is None:
        raise SystemExit(f"there are no options in {sys.argv[1]}")
    sys.exit(main(Path(sys.argv[1]), options))
