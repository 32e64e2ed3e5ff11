"""Which ports a world listens on: the well-known ones, or whatever is free."""

import random
from collections.abc import Mapping

import msgspec
from octant_contracts.events import SERVICES

from octant_devnet.servers import port_in_use

DEFAULTS = {"gateway": 5000, "feed": 5001, "anvil": 8545, "nats": 4222, "postgres": 5433} | {
    f"operations of {service}": 5101 + number for number, service in enumerate(SERVICES)
}


class Ports(msgspec.Struct, frozen=True):
    """One port per listener, all on the loopback."""

    gateway: int
    feed: int
    anvil: int
    nats: int
    postgres: int
    operations: Mapping[str, int]


def usual_ports(wanted: Mapping[str, int] = DEFAULTS) -> tuple[Ports, dict[str, int]]:
    """The well-known ports; for one that is taken the next free, and by listener what it was."""
    chosen: dict[str, int] = {}
    moved: dict[str, int] = {}
    for name, usual in wanted.items():
        port = usual
        others = {p for n, p in wanted.items() if n != name} | set(chosen.values())
        while port_in_use(port) or port in others:
            port += 1
        chosen[name] = port
        if port != usual:
            moved[name] = usual
    return _ports(chosen), moved


def random_ports() -> Ports:
    """Free ports outside of the range that outgoing connections take theirs from."""
    chosen: dict[str, int] = {}
    for name in DEFAULTS:
        port = random.randrange(20000, 32000)
        while port_in_use(port) or port in chosen.values():
            port = random.randrange(20000, 32000)
        chosen[name] = port
    return _ports(chosen)


def _ports(chosen: Mapping[str, int]) -> Ports:
    return Ports(
        gateway=chosen["gateway"],
        feed=chosen["feed"],
        anvil=chosen["anvil"],
        nats=chosen["nats"],
        postgres=chosen["postgres"],
        operations={service: chosen[f"operations of {service}"] for service in SERVICES},
    )
