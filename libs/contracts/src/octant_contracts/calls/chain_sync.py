"""Calls that chain-sync answers: the chain as it is, projects, contract wallets."""

import msgspec

from octant_contracts.calls.base import Call, Nothing, OfEpoch, OfUser
from octant_contracts.calls.history import (
    HistoryCounts,
    HistoryCountsRequest,
    HistoryPage,
    HistoryRequest,
)
from octant_contracts.events import CHAIN_SYNC, FactsReverted, ProjectsSet
from octant_contracts.values import Address, BlockRef, EpochNumber, Hex, Timestamp, Wei


class ProjectsOfEpoch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    projects_addresses: list[Address]
    projects_cid: str


class ProjectDetailsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`phrases` are alternatives; an empty one finds every project."""

    epochs: list[EpochNumber]
    phrases: list[str]
    cursor: int = 0


class ProjectDetails(msgspec.Struct, frozen=True, kw_only=True):
    """`epoch`: decimal text."""

    name: str
    address: Address
    epoch: str


class FoundProjects(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    projects_details: list[ProjectDetails]
    next_cursor: int | None


class ClaimGlm(msgspec.Struct, frozen=True):
    """Whose claim it is, the signature tells."""

    signature: str


class ClaimableGlm(msgspec.Struct, frozen=True):
    """0 once claimed."""

    address: Address
    claimable: Wei


class StreamsRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`recipient` None: everybody's."""

    recipient: Address | None = None
    cursor: int = 0


class SablierStream(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`date_available_for_withdrawal`: decimal text of unix seconds."""

    amount: Wei
    date_available_for_withdrawal: str
    is_cancelled: bool
    remaining_amount: Wei
    recipient_address: Address


class SablierStreams(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Oldest stream first."""

    sablier_streams: list[SablierStream]
    next_cursor: int | None


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


PROJECTS_OF_EPOCH = Call(
    CHAIN_SYNC,
    "projects-of-epoch",
    OfEpoch,
    ProjectsOfEpoch,
    invalidated_by=(ProjectsSet, FactsReverted),
)
PROJECT_DETAILS = Call(
    CHAIN_SYNC,
    "project-details",
    ProjectDetailsRequest,
    FoundProjects,
    invalidated_by=(ProjectsSet, FactsReverted),
)
CLAIM_GLM = Call(CHAIN_SYNC, "claim-glm", ClaimGlm, Nothing, writes=True)
CLAIMABLE_GLM = Call(CHAIN_SYNC, "claimable-glm", OfUser, ClaimableGlm)
SABLIER_STREAMS = Call(CHAIN_SYNC, "sablier-streams", StreamsRequest, SablierStreams)
CHAIN_HISTORY = Call(CHAIN_SYNC, "history", HistoryRequest, HistoryPage)
CHAIN_HISTORY_COUNTS = Call(CHAIN_SYNC, "history-counts", HistoryCountsRequest, HistoryCounts)
CHAIN_STATUS = Call(CHAIN_SYNC, "status", Nothing, ChainStatus)
CHAIN_INFO = Call(CHAIN_SYNC, "info", Nothing, ChainInfo)
SYNC_TO_LATEST = Call(CHAIN_SYNC, "sync-to-latest", Nothing, BlockRef, timeout=10.0)
STAKING_PROCEEDS = Call(
    CHAIN_SYNC, "staking-proceeds", ProceedsRequest, StakingProceeds, timeout=10.0
)
LOCKED_GLM = Call(CHAIN_SYNC, "locked-glm", Nothing, WeiAmount)
CHECK_CONTRACT_SIGNATURE = Call(CHAIN_SYNC, "check-contract-signature", SignatureCheck, Verdict)
