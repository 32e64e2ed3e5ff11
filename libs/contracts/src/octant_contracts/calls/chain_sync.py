"""Calls that chain-sync answers: the chain as it is, projects, contract wallets."""

import msgspec

from octant_contracts.calls.base import Call, Nothing, OfEpoch
from octant_contracts.events import CHAIN_SYNC
from octant_contracts.values import Address, BlockRef, EpochNumber, Hex, Timestamp, Wei


class ProjectsOfEpoch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    projects_addresses: list[Address]
    projects_cid: str


class ChainStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The chain as the node tells it now (None: no answer or wrong chain), and our index."""

    blockchain_height: int | None
    blockchain_epoch: EpochNumber | None
    window_open: bool | None
    indexed_height: int
    head_timestamp: Timestamp


class SmartContract(msgspec.Struct, frozen=True):
    name: str
    address: Address


class ChainInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    chain_name: str
    chain_id: int
    smart_contracts: list[SmartContract]


class ProceedsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Staking proceeds of [start, end), read at `block`."""

    epoch: EpochNumber
    start: Timestamp
    end: Timestamp
    block: int


class StakingProceeds(msgspec.Struct, frozen=True, kw_only=True):
    """Negative when a test network's surplus is larger than the balance."""

    value: Wei
    block: BlockRef


class WeiAmount(msgspec.Struct, frozen=True):
    value: Wei


class SignatureCheck(msgspec.Struct, frozen=True):
    """Asks the chain whether a contract wallet accepts `signature` over `digest`."""

    user: Address
    digest: Hex
    signature: str


class Verdict(msgspec.Struct, frozen=True):
    valid: bool


PROJECTS_OF_EPOCH = Call(CHAIN_SYNC, "projects-of-epoch", OfEpoch, ProjectsOfEpoch)
CHAIN_STATUS = Call(CHAIN_SYNC, "status", Nothing, ChainStatus)
CHAIN_INFO = Call(CHAIN_SYNC, "info", Nothing, ChainInfo)
SYNC_TO_LATEST = Call(CHAIN_SYNC, "sync-to-latest", Nothing, BlockRef, timeout=10.0)
STAKING_PROCEEDS = Call(
    CHAIN_SYNC, "staking-proceeds", ProceedsRequest, StakingProceeds, timeout=10.0
)
LOCKED_GLM = Call(CHAIN_SYNC, "locked-glm", Nothing, WeiAmount)
CHECK_CONTRACT_SIGNATURE = Call(CHAIN_SYNC, "check-contract-signature", SignatureCheck, Verdict)
