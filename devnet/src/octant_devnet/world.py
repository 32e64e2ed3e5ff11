"""A whole world in child processes: PostgreSQL, NATS, a chain with contracts, five services.

Attached to somebody else's chain (`options.attach`) it starts neither chain nor contracts.

with World(folder, WorldOptions(ports=random_ports())) as world:
    world.wait_ready()
    world.kill("epochs")       # it comes back by itself
"""

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import TracebackType
from urllib.request import Request, urlopen

from octant_devnet import launch, processes, seed, servers, worldfile
from octant_devnet.anvil import beat, save_state
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment, deploy
from octant_devnet.keeper import Keeper, Start
from octant_devnet.options import WorldOptions
from octant_devnet.processes import ANVIL, NATS, POSTGRES
from octant_devnet.readiness import last_line, reason_not_ready

LARGEST_LOG = 20_000_000
TELL_EVERY = 10.0
HOPELESS = 3
"""After so many failed starts in a row waiting for readiness gives up."""


class NotReady(Exception):
    """Says what is missing, and the last thing it said."""


class World:
    """One folder, one world. Synchronous: call it in a thread from a coroutine."""

    def __init__(
        self, folder: Path, options: WorldOptions, say: Callable[[str], None] = lambda line: None
    ) -> None:
        self.folder = folder.resolve()
        self.options = options
        ports = options.ports
        self.rpc_url = launch.rpc_url(options)
        self.gateway_url = f"http://127.0.0.1:{ports.gateway}"
        self.feed_url = f"ws://127.0.0.1:{ports.feed}/feed"
        self.nats_url = f"nats://127.0.0.1:{ports.nats}"
        self.postgres_dsn = servers.admin_dsn(ports.postgres)
        self.chain = Chain(self.rpc_url)
        self._say = say
        self._keepers: dict[str, Keeper] = {}
        self._deployment: Deployment | None = None
        self._stopping = threading.Event()
        self._announced = False
        self._file_lock = threading.Lock()

    @property
    def deployment(self) -> Deployment:
        """Our own contracts."""
        if self._deployment is None:
            raise RuntimeError("the world has not started, or the contracts are not ours")
        return self._deployment

    def service_dsn(self, service: str) -> str:
        return servers.service_dsn(self.options.ports.postgres, service)

    def operations_url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.options.ports.operations[service]}"

    def pid(self, name: str) -> int:
        """Of the latest start of a service, `anvil`, `nats` or `postgres`."""
        return self._keepers[name].pid

    def log(self, name: str) -> Path:
        return launch.log_file(self.folder, name)

    def __enter__(self) -> "World":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything; a first start also makes contracts and people. See `wait_ready`."""
        (self.folder / "log").mkdir(parents=True, exist_ok=True)
        left = processes.stop_all(self.folder, self._say)
        if left:
            self._say(f"ended what an earlier run left: {', '.join(left)}")
        self._trim_logs()
        own = self.options.attach is None
        if own:
            self._forget_stillborn()
        chain = (self._start_chain,) if own else ()
        _together(self._start_postgres, self._start_nats, *chain)
        for service in self.options.services:
            self._keep(
                service,
                partial(launch.service, self.folder, self.options, self._deployment, service),
            )
        self._say("services started")
        if own:
            self._settle_people()
            self._begin_beating()

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Return when every service is ready, and write world.json.

        NotReady when nothing moves for `timeout` seconds; catching up with a long chain moves.
        """
        seen: dict[str, str] = {}
        moved = told = time.monotonic()
        waiting = list(self.options.services)
        while waiting:
            reasons: dict[str, str] = {}
            for service in waiting:
                self._give_up_if_hopeless(service)
                reason = reason_not_ready(self.operations_url(service))
                if reason is None:
                    self._say(f"{service} is ready")
                else:
                    reasons[service] = reason
            waiting = list(reasons)
            now = time.monotonic()
            if reasons != seen:
                moved, seen = now, reasons
            if waiting and now > moved + timeout:
                raise NotReady(f"not ready after {timeout:g} s: {self._explain(reasons)}")
            if waiting and now > told + TELL_EVERY:
                told = now
                self._say(f"waiting: {self._explain(reasons)}")
            if waiting:
                time.sleep(0.05)
        self._announced = True
        self._write_world()

    def stop(self) -> None:
        """End everything, users before what they use. Data stay."""
        with self._file_lock:
            self._stopping.set()
            worldfile.path_in(self.folder).unlink(missing_ok=True)
        for stage in processes.STOP_ORDER:
            keepers = [self._keepers[name] for name in stage if name in self._keepers]
            for keeper in keepers:
                keeper.ask_to_stop()
            for keeper in keepers:
                keeper.wait_stopped()
                processes.forget(self.folder, keeper.name)
        self.chain.close()

    def kill(self, name: str) -> None:
        """SIGKILL; it is started again unless held."""
        self._keepers[name].kill()

    def terminate(self, name: str) -> None:
        """A graceful end; it is started again unless held."""
        self._keepers[name].terminate()

    def hold(self, *names: str) -> None:
        """From now on leave these (none given: all) down when they end."""
        for name in names or self._keepers:
            self._keepers[name].hold()

    def release(self, *names: str) -> None:
        """Start these (none given: all) again when they end, and now those that have ended."""
        for name in names or self._keepers:
            self._keepers[name].release()

    def arm_failpoint(self, service: str, name: str, label: str = "", skip: int = 0) -> None:
        """Let the service die at a named point; needs `failpoints=True`."""
        body = json.dumps({"name": name, "label": label, "skip": skip}).encode()
        url = f"{self.operations_url(service)}/failpoints"
        headers = {"Content-Type": "application/json"}
        urlopen(Request(url, body, headers, method="POST"), timeout=5).close()

    def _keep(self, name: str, start: Start) -> None:
        self._keepers[name] = Keeper(name, start, self._started, self._say)

    def _started(self, name: str, pid: int) -> None:
        processes.record(self.folder, name, pid)
        if self._announced:
            self._write_world()

    def _start_postgres(self) -> None:
        self._keep(POSTGRES, partial(launch.postgres, self.folder, self.options))
        asyncio.run(servers.create_database(self.options.ports.postgres))
        self._say(f"postgres on port {self.options.ports.postgres}")

    def _start_nats(self) -> None:
        self._keep(NATS, partial(launch.nats, self.folder, self.options))
        self._say(f"nats on port {self.options.ports.nats}")

    def _start_chain(self) -> None:
        self._keep(ANVIL, partial(launch.anvil, self.folder, self.options))
        self._deployment = deploy(
            self.chain,
            projects=[project.address for project in seed.seeded_projects()],
            epoch_duration=self.options.epoch_duration,
            decision_window=self.options.decision_window,
            withdrawals_target_wei=seed.PROCEEDS_WEI,
        )
        self._say(f"chain on port {self.options.ports.anvil}, contracts in place")

    def _settle_people(self) -> None:
        if self._complete.exists():
            return
        if self.options.people:
            seed.populate(self.chain, self.deployment)
            self._say(f"{seed.PEOPLE} people have GLM, {seed.LOCKING} locked some")
        seed.write_people(self.folder / "people.json")
        save_state(self.chain, launch.state_file(self.folder))
        self._complete.touch()

    def _forget_stillborn(self) -> None:
        # A first start cut short leaves half a deployment, which nothing can go on from.
        if not self._complete.exists() and (self.folder / "chain").exists():
            self._say("the first start was cut short: starting afresh")
            remove_data(self.folder)

    @property
    def _complete(self) -> Path:
        return self.folder / "chain" / "complete"

    def _trim_logs(self) -> None:
        for name in (*self.options.services, ANVIL, NATS, POSTGRES):
            log = self.log(name)
            if log.exists() and log.stat().st_size > LARGEST_LOG:
                log.unlink()

    def _begin_beating(self) -> None:
        if (interval := self.options.heartbeat) is not None:
            arguments = (self.rpc_url, interval, self._stopping, self._say)
            threading.Thread(target=beat, args=arguments, daemon=True).start()

    def _give_up_if_hopeless(self, service: str) -> None:
        keeper = self._keepers[service]
        if keeper.failures >= HOPELESS:
            raise NotReady(
                f"{service} ends at every start (code {keeper.last_code}): "
                f"{last_line(self.log(service))}"
            )

    def _explain(self, reasons: dict[str, str]) -> str:
        return " | ".join(
            f"{service}: {reason} (last line: {last_line(self.log(service))})"
            for service, reason in reasons.items()
        )

    def _write_world(self) -> None:
        content = worldfile.WorldFile(
            chain=launch.chain_of(self.options, self._deployment),
            gateway=worldfile.GatewayEntry(url=self.gateway_url, feed_url=self.feed_url),
            nats=worldfile.Address(self.nats_url),
            postgres=worldfile.Address(self.postgres_dsn),
            services=[
                worldfile.ServiceEntry(service, self.operations_url(service), self.pid(service))
                for service in self.options.services
            ],
        )
        with self._file_lock:
            if not self._stopping.is_set():
                worldfile.write(self.folder, content)


def remove_data(folder: Path) -> None:
    """Chain, database, bus and people of a stopped world; logs stay."""
    for name in ("chain", "postgres", "nats"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("people.json", "world.json"):
        (folder / name).unlink(missing_ok=True)


def _together(*works: Callable[[], None]) -> None:
    """Do them side by side; all have ended when the first error is raised."""
    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(work) for work in works]
    for future in futures:
        future.result()
