"""`world.json`: where everything of a running world answers."""

from pathlib import Path
from typing import Annotated

import msgspec

from octant_devnet.deploy import Deployment

CHAIN_NAME = "localhost"


class Contracts(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    glm: str
    auth: str | None = None
    epochs: str
    deposits: str
    proposals: str
    vault: str
    withdrawals_target: str


class ChainEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    rpc_url: str
    chain_id: int
    contracts: Contracts
    chain_name: str = "unknown"
    start_block: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """First block with a contract whose logs are read."""
    confirmations: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Blocks after which one is final; None: the node's `finalized` tag."""
    deployer_key: str | None = None
    multisig_key: str | None = None
    """Whoever has it puts merkle roots on chain, and pays into the vault."""


class GatewayEntry(msgspec.Struct, frozen=True, rename="camel"):
    url: str
    feed_url: str


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
    """The chain of this machine."""
    return ChainEntry(
        rpc_url=rpc_url,
        chain_id=chain_id,
        contracts=Contracts(**{f: getattr(deployment, f) for f in Contracts.__struct_fields__}),
        chain_name=CHAIN_NAME,
        start_block=deployment.start_block,
        confirmations=0,  # time travel never makes a block final
        deployer_key=deployment.deployer_key,
        multisig_key=deployment.multisig_key,
    )


def path_in(folder: Path) -> Path:
    return folder / "world.json"


def write(folder: Path, content: WorldFile) -> None:
    path = path_in(folder)
    write_private(path, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def write_private(path: Path, content: bytes) -> None:
    """All or nothing, and for nobody else's eyes: it may hold a key."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    temporary.write_bytes(content)
    temporary.replace(path)


def read(folder: Path) -> WorldFile | None:
    """None when nothing is up."""
    try:
        return msgspec.json.decode(path_in(folder).read_bytes(), type=WorldFile)
    except FileNotFoundError:
        return None
