"""For tests that need the chain: nodes on free ports, contracts by name, expected reverts."""

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from octant_devnet.abi import Reverted, encode_call
from octant_devnet.anvil import start_anvil, wait_ready
from octant_devnet.chain import Chain, Log, Receipt
from octant_devnet.deploy import creation

GENESIS = 1_700_000_000
ZERO = "0x" + "00" * 20
STRANGER = "0x" + "5a" * 20
GLM = 10**18
UNAUTHORIZED = "HN:Common/unauthorized-caller"


@contextmanager
def reverts(code: str) -> Iterator[None]:
    """The block must revert with exactly this code."""
    seen: str | None = None
    try:
        yield
    except Reverted as error:
        seen = error.code
    assert seen == code, f"should revert with {code!r}, not {seen!r}"


def do(chain: Chain, sender: str, to: str, signature: str, *args: Any, value: int = 0) -> Receipt:
    """Send a call by its signature."""
    return chain.send(sender, to, encode_call(signature, args), value)


def new_contract(
    chain: Chain,
    name: str,
    types: Sequence[str] = (),
    *args: Any,
    sender: str = STRANGER,
    value: int = 0,
) -> str:
    """The address of a new contract; `types` are those of the constructor's `args`."""
    receipt = chain.send(sender, None, creation(name, types, args), value, gas=4_000_000)
    assert receipt.contract_address is not None
    return receipt.contract_address


def topic(signature: str) -> str:
    return "0x" + keccak(text=signature).hex()


def decoded(log: Log, *types: str) -> tuple[Any, ...]:
    return decode(types, log.data)


def padded(address: str) -> str:
    """As an indexed topic or a storage word."""
    return "0x" + address[2:].lower().rjust(64, "0")


def until(condition: Callable[[], bool], timeout: float = 10.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        time.sleep(0.005)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Nodes:
    """Starts nodes in a folder and stops those still running at the end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[tuple[subprocess.Popen[bytes], Chain]] = []

    def start(self, **options: Any) -> tuple[Chain, subprocess.Popen[bytes]]:
        for attempt in range(5):
            port = free_port()
            process = start_anvil(port, log=self._folder / f"anvil-{port}.log", **options)
            url = f"http://127.0.0.1:{port}"
            try:
                wait_ready(url, process=process)
            except RuntimeError:  # somebody else took the port meanwhile
                if attempt == 4:
                    raise
                continue
            chain = Chain(url)
            self._running.append((process, chain))
            return chain, process
        raise AssertionError("unreachable")

    def stop(self) -> None:
        for process, chain in self._running:
            chain.close()
            process.terminate()
        for process, _ in self._running:
            process.wait(10)
