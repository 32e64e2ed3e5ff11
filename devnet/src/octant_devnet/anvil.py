"""Starts anvil, and keeps its chain in a file so that a restart goes on where it stopped."""

import gzip
import json
import os
import platform
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from octant_devnet.artifacts import DEVNET_FOLDER
from octant_devnet.chain import BLOCK_GAS_LIMIT, Chain
from octant_devnet.rpc import RpcClient, RpcError

MNEMONIC = "test test test test test test test test test test test junk"
CHAIN_ID = 1337
BALANCE_ETH = 1_000_000
SAVE_INTERVAL = 5.0

_saving = threading.Lock()

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def find_anvil() -> Path:
    """The program itself, not npm's launcher: that one is a Node script that swallows signals."""
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    package = f"anvil-{platform.system().lower()}-{machine}"
    path = DEVNET_FOLDER / "node_modules" / "@foundry-rs" / package / "bin" / "anvil"
    if not path.is_file():
        raise FileNotFoundError(f"anvil is not installed ({path}): run `make install`")
    return path


def start_anvil(
    port: int,
    *,
    chain_id: int = CHAIN_ID,
    timestamp: int | None = None,
    state_file: Path | None = None,
    log: Path,
    block_time: int | None = None,
    save_interval: float = SAVE_INTERVAL,
) -> subprocess.Popen[bytes]:
    """Start a node; `timestamp` is the genesis time. Blocks come with transactions, or every
    `block_time` seconds.

    An existing `state_file` is loaded, and chain time goes on from its last block. It is written
    again every `save_interval` seconds; a stopped node (SIGTERM, SIGINT) loses nothing, a killed
    one at most that interval.
    """
    command = [
        *(str(find_anvil()), "--port", str(port), "--chain-id", str(chain_id)),
        *("--mnemonic", MNEMONIC, "--accounts", "10", "--balance", str(BALANCE_ETH)),
        *("--gas-limit", str(BLOCK_GAS_LIMIT)),
        # First come, first mined: the order of a block does not depend on fees or hashes.
        *("--order", "fifo"),
    ]
    if state_file is not None:
        state_file.parent.mkdir(parents=True, exist_ok=True)
        exit_file = _exit_file(state_file)
        _adopt_exit_file(exit_file, state_file)
        command += ["--dump-state", str(exit_file)]
        if state_file.exists():
            command += ["--load-state", str(state_file)]
            # Otherwise anvil takes the wall clock and may mine blocks older than their parents.
            timestamp = _last_timestamp(state_file)
    if timestamp is not None:
        command += ["--timestamp", str(timestamp)]
    if block_time is not None:
        command += ["--block-time", str(block_time)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    if state_file is not None:
        threading.Thread(
            target=_keep_saving, args=(process, port, state_file, save_interval), daemon=True
        ).start()
    return process


def wait_ready(
    url: str, timeout: float = 10.0, *, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Return as soon as the node answers; TimeoutError when it does not.

    Given the process, also RuntimeError when it ended, for example because the port is taken.
    """
    client = RpcClient(url)
    deadline = time.monotonic() + timeout
    while True:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"anvil ended with code {process.returncode}: see its log")
        try:
            client.rpc("eth_chainId")
            client.close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no answer from {url} in {timeout:g} s") from error
            time.sleep(0.01)


def save_state(client: RpcClient, state_file: Path) -> None:
    """Write the chain as of now to the file, all or nothing."""
    # anvil's own periodic dump rewrites its file in place: killed meanwhile, it leaves half a file.
    temporary = state_file.with_name(state_file.name + ".new")
    with _saving:  # or an older chain could replace a newer one
        dump: str = client.rpc("anvil_dumpState")
        with temporary.open("wb") as file:
            file.write(gzip.decompress(bytes.fromhex(dump[2:])))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(state_file)


def beat(url: str, interval: float, stopping: threading.Event, say: Callable[[str], None]) -> None:
    """A block whenever none has come for `interval` seconds, until `stopping`."""
    chain = Chain(url)
    height = -1
    while not stopping.wait(interval):
        try:
            if chain.height() == height:
                chain.mine()
            height = chain.height()
        except Exception as error:
            say(f"no heartbeat: {error}")


def _keep_saving(
    process: subprocess.Popen[bytes], port: int, state_file: Path, interval: float
) -> None:
    client = RpcClient(f"http://127.0.0.1:{port}")
    saved = None
    while True:
        try:
            process.wait(interval)
            client.close()
            return
        except subprocess.TimeoutExpired:
            pass
        try:
            head = client.rpc("eth_getBlockByNumber", "latest", False)["hash"]
            if head != saved:
                save_state(client, state_file)
                saved = head
        except (OSError, RpcError):
            continue  # not ready yet, or just stopping: the next round knows


def _exit_file(state_file: Path) -> Path:
    return state_file.with_name(state_file.name + ".exit")


def _adopt_exit_file(exit_file: Path, state_file: Path) -> None:
    """What anvil wrote when it stopped is newer than the last save, unless it is cut off."""
    if not exit_file.exists():
        return
    try:
        json.loads(exit_file.read_bytes())
    except ValueError:
        exit_file.unlink()
    else:
        exit_file.replace(state_file)


def _last_timestamp(state_file: Path) -> int:
    with state_file.open("rb") as file:
        found = re.search(rb'^{"block":{[^}]*"timestamp":"0x([0-9a-f]+)"', file.read(4096))
    if found is None:
        raise ValueError(f"{state_file} is not a chain state: remove it to start a new chain")
    return int(found[1], 16)
