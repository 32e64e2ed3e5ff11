"""Keeps one child process running: started again, with a growing pause, until it is stopped."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable

from octant_devnet import processes
from octant_devnet.nursery import Child

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
SETTLED = 10.0
"""Seconds after which a start counts as a success, so that the pause is short again."""

Start = Callable[[], Child]


class Keeper:
    """`started(name, pid)` is called after every start, the first one included."""

    def __init__(
        self,
        name: str,
        start: Start,
        started: Callable[[str, int], None],
        say: Callable[[str], None],
    ) -> None:
        self.name = name
        self.failures = 0
        """Ends in a row that nobody caused: early, and not by a signal."""
        self.last_code: int | None = None
        self._start = start
        self._started = started
        self._say = say
        self._quick = 0
        self._stopping = threading.Event()
        self._may_restart = threading.Event()
        self._may_restart.set()
        self._lock = threading.Lock()
        self._process = start()
        self._since = time.monotonic()
        started(name, self._process.pid)
        self._thread = threading.Thread(target=self._keep, name=f"keep-{name}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Of the latest start, also after it has ended."""
        return self._process.pid

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL to the whole process group, and wait until it is gone."""
        process = self._process
        if process.poll() is None:
            processes.kill(process.pid)
        process.wait(10)

    def terminate(self) -> None:
        """The stop signal, and wait; what happens next depends on `hold`."""
        process = self._process
        if process.poll() is None:
            process.send_signal(processes.stop_signal(self.name))
        self._wait_or_kill(process, processes.PATIENCE)

    def hold(self) -> None:
        """Do not start it again until `release`."""
        self._may_restart.clear()

    def release(self) -> None:
        self._may_restart.set()

    def ask_to_stop(self) -> None:
        """No restarts from now on, and the stop signal."""
        with self._lock:
            self._stopping.set()
        self._may_restart.set()
        if self._process.poll() is None:
            self._process.send_signal(processes.stop_signal(self.name))

    def wait_stopped(self, patience: float = processes.PATIENCE) -> None:
        """After `ask_to_stop`: returns when it is gone, killed if need be."""
        self._wait_or_kill(self._process, patience)
        self._thread.join(10)

    def _wait_or_kill(self, process: Child, patience: float) -> None:
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            self._say(f"{self.name} did not end in {patience:g} s: killed")
            processes.kill(process.pid)
            process.wait(10)

    def _keep(self) -> None:
        while True:
            self.last_code = self._process.wait()
            if self._stopping.is_set():
                return
            self._count()
            pause = min(FIRST_PAUSE * 2 ** (self._quick - 1), LONGEST_PAUSE)
            held = "" if self._may_restart.is_set() else ", held back"
            self._say(
                f"{self.name} ended ({_ending(self.last_code)}): restart in {pause:g} s{held}"
            )
            self._stopping.wait(pause)
            self._may_restart.wait()
            if not self._restart():
                return

    def _count(self) -> None:
        settled = time.monotonic() - self._since > SETTLED
        self._quick = 1 if settled else self._quick + 1
        by_signal = self.last_code is not None and self.last_code < 0
        self.failures = 0 if settled or by_signal else self.failures + 1

    def _restart(self) -> bool:
        """False when it is stopped meanwhile. Tries until it works."""
        while True:
            with self._lock:  # a stop either prevents this start or sees its process
                if self._stopping.is_set():
                    return False
                try:
                    self._process = self._start()
                    break
                except Exception as error:
                    self._say(f"{self.name} does not start: {error}")
            self._stopping.wait(LONGEST_PAUSE / 5)
        self._since = time.monotonic()
        self._started(self.name, self._process.pid)
        return True


def _ending(code: int) -> str:
    if code >= 0:
        return f"code {code}"
    return signal.Signals(-code).name
