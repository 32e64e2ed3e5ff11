"""`world.json`: where everything of a running world answers."""

from pathlib import Path

import msgspec

from octant_devnet.deploy import Deployment


class Contracts(msgspec.Struct, frozen=True, rename="camel"):
    glm: str
    auth: str
    epochs: str
    deposits: str
    proposals: str
    vault: str
    withdrawals_target: str


class ChainEntry(msgspec.Struct, frozen=True, rename="camel"):
    rpc_url: str
    chain_id: int
    contracts: Contracts
    deployer_key: str
    multisig_key: str


class GatewayEntry(msgspec.Struct, frozen=True, rename="camel"):
    url: str
    feed_url: str | None


class Address(msgspec.Struct, frozen=True):
    url: str


class ServiceEntry(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    operations_url: str
    pid: int


class WorldFile(msgspec.Struct, frozen=True):
    """Removed when the world stops; pids change when a service is started again."""

    chain: ChainEntry
    gateway: GatewayEntry
    nats: Address
    postgres: Address
    services: list[ServiceEntry]


def chain_entry(rpc_url: str, chain_id: int, deployment: Deployment) -> ChainEntry:
    return ChainEntry(
        rpc_url=rpc_url,
        chain_id=chain_id,
        contracts=Contracts(**{f: getattr(deployment, f) for f in Contracts.__struct_fields__}),
        deployer_key=deployment.deployer_key,
        multisig_key=deployment.multisig_key,
    )


def path_in(folder: Path) -> Path:
    return folder / "world.json"


def write(folder: Path, content: WorldFile) -> None:
    path = path_in(folder)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")
    temporary.replace(path)


def read(folder: Path) -> WorldFile | None:
    """None when nothing is up."""
    try:
        return msgspec.json.decode(path_in(folder).read_bytes(), type=WorldFile)
    except FileNotFoundError:
        return None
