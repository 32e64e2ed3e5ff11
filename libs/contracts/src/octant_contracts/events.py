"""Facts in the past tense, one struct per event, grouped by the service that owns them.

`EVENTS` maps the subject's event name to its struct; the subject is
`octant.<service>.v1.<event>`, the stream the service's own.
"""

from decimal import Decimal

import msgspec

from octant_contracts.values import Address, BlockRef, EpochNumber, Hex, Timestamp, Wei


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events; carries nothing itself."""


# chain-sync


class Locked(Event, frozen=True, kw_only=True):
    """GLM locked in Deposits."""

    block: BlockRef
    log_index: int
    transaction_hash: Hex
    user: Address
    amount: Wei
    deposit_before: Wei


class Unlocked(Event, frozen=True, kw_only=True):
    """GLM taken out of Deposits."""

    block: BlockRef
    log_index: int
    transaction_hash: Hex
    user: Address
    amount: Wei
    deposit_before: Wei


class Withdrawn(Event, frozen=True, kw_only=True):
    """One batchWithdraw: `amount` is the whole batch, `epoch` its last epoch."""

    block: BlockRef
    log_index: int
    transaction_hash: Hex
    user: Address
    amount: Wei
    epoch: EpochNumber


class MerkleRootSet(Event, frozen=True, kw_only=True):
    """The Vault has a root for the epoch: its rewards can be withdrawn."""

    block: BlockRef
    log_index: int
    transaction_hash: Hex
    epoch: EpochNumber
    root: Hex


class EpochPropsSet(Event, frozen=True, kw_only=True):
    """One entry of Epochs.epochProps as of `block` (the contract emits nothing itself)."""

    block: BlockRef
    index: int
    from_epoch: EpochNumber
    to_epoch: EpochNumber
    from_ts: Timestamp
    duration: int
    decision_window: int


class ProjectsSet(Event, frozen=True, kw_only=True):
    """The project list of an epoch, in contract order, and the CID as of `block`."""

    block: BlockRef
    epoch: EpochNumber
    projects: list[Address]
    cid: str


class BlockAdvanced(Event, frozen=True, kw_only=True):
    """The indexed head. Facts up to and including this block precede it in the stream."""

    block: BlockRef
    final_block: int


class FactsReverted(Event, frozen=True, kw_only=True):
    """A reorganisation: facts of blocks above `to_block` never happened."""

    to_block: BlockRef
    from_number: int


class FactsSealed(Event, frozen=True, kw_only=True):
    """All locks and unlocks of an epoch are final. `digest` over the facts in chain order."""

    epoch: EpochNumber
    start: Timestamp
    end: Timestamp
    to_block: BlockRef
    count: int
    digest: str


# epochs


class EpochStarted(Event, frozen=True, kw_only=True):
    """First indexed block of an epoch."""

    epoch: EpochNumber
    start: Timestamp
    end: Timestamp
    decision_window: int


class EpochEnded(Event, frozen=True, kw_only=True):
    epoch: EpochNumber
    end: Timestamp


class WindowOpened(Event, frozen=True, kw_only=True):
    """People may allocate the budgets of `epoch` until `closes_at` (inclusive)."""

    epoch: EpochNumber
    opens_at: Timestamp
    closes_at: Timestamp


class WindowClosed(Event, frozen=True, kw_only=True):
    epoch: EpochNumber
    closes_at: Timestamp


class DepositsSettled(Event, frozen=True, kw_only=True):
    """Effective deposits of an epoch are final; rows are read with `epochs.deposits`."""

    epoch: EpochNumber
    start: Timestamp
    end: Timestamp
    finalized_at: Timestamp
    to_block: BlockRef
    total_effective_deposit: Wei
    count: int
    digest: str


# rewards


class PendingSnapshotTaken(Event, frozen=True, kw_only=True):
    """Budgets of an epoch exist; rows are read with `rewards.budgets`."""

    epoch: EpochNumber
    finalized_at: Timestamp
    block: BlockRef
    staking_proceeds: Wei
    total_effective_deposit: Wei
    locked_ratio: Decimal
    budgets_count: int
    budgets_digest: str


class EstimatesChanged(Event, frozen=True, kw_only=True):
    """The live estimate of the epoch includes everything up to `sequence`."""

    epoch: EpochNumber
    sequence: int


class LeverageComputed(Event, frozen=True, kw_only=True):
    """What an allocation moved: the change of its projects' matches per wei it gave."""

    epoch: EpochNumber
    user: Address
    nonce: int
    sequence: int
    leverage: float


class FinalizedSnapshotTaken(Event, frozen=True, kw_only=True):
    """The epoch's numbers are final. `merkle_root` is null when nobody earned anything."""

    epoch: EpochNumber
    matched_rewards: Wei
    patrons_rewards: Wei
    leftover: Wei
    total_withdrawals: Wei
    staking_matched_reserved_for_v2: Wei
    merkle_root: Hex | None
    leaves_count: int


# allocations


class AllocationItem(msgspec.Struct, frozen=True, kw_only=True):
    project: Address
    amount: Wei


class Allocated(Event, frozen=True, kw_only=True):
    """A user's whole new set for the epoch; it replaces every earlier one."""

    sequence: int
    epoch: EpochNumber
    user: Address
    nonce: int
    time: Timestamp
    uniqueness_quotient: Decimal
    is_manually_edited: bool | None
    allocations: list[AllocationItem]


class PatronModeSet(Event, frozen=True, kw_only=True):
    """`revoked_epoch`: the open epoch whose live allocations of the user ended with this."""

    sequence: int
    user: Address
    enabled: bool
    time: Timestamp
    revoked_epoch: EpochNumber | None


class UqScoreSet(Event, frozen=True, kw_only=True):
    epoch: EpochNumber
    user: Address
    score: Decimal


class AllocationsSealed(Event, frozen=True, kw_only=True):
    """The window is closed: the live allocations, in order, and the patrons are frozen."""

    epoch: EpochNumber
    last_sequence: int
    count: int
    digest: str
    patrons_count: int
    patrons_digest: str


CHAIN_SYNC = "chain-sync"
EPOCHS = "epochs"
REWARDS = "rewards"
ALLOCATIONS = "allocations"
GATEWAY = "gateway"
SERVICES = (CHAIN_SYNC, EPOCHS, REWARDS, ALLOCATIONS, GATEWAY)

PRODUCED: dict[str, tuple[type[Event], ...]] = {
    CHAIN_SYNC: (
        Locked,
        Unlocked,
        Withdrawn,
        MerkleRootSet,
        EpochPropsSet,
        ProjectsSet,
        BlockAdvanced,
        FactsReverted,
        FactsSealed,
    ),
    EPOCHS: (EpochStarted, EpochEnded, WindowOpened, WindowClosed, DepositsSettled),
    REWARDS: (PendingSnapshotTaken, EstimatesChanged, LeverageComputed, FinalizedSnapshotTaken),
    ALLOCATIONS: (Allocated, PatronModeSet, UqScoreSet, AllocationsSealed),
}

# Who projects whose stream. The gateway derives from it where a write must be visible.
CONSUMES: dict[str, tuple[str, ...]] = {
    CHAIN_SYNC: (REWARDS,),
    EPOCHS: (CHAIN_SYNC,),
    REWARDS: (CHAIN_SYNC, EPOCHS, ALLOCATIONS),
    ALLOCATIONS: (CHAIN_SYNC, EPOCHS, REWARDS),
    GATEWAY: (),
}


def event_name(kind: type[Event]) -> str:
    """`PendingSnapshotTaken` → `pending-snapshot-taken`."""
    name = kind.__name__
    return "".join("-" + c.lower() if c.isupper() and i else c.lower() for i, c in enumerate(name))


PRODUCER: dict[type[Event], str] = {k: s for s, kinds in PRODUCED.items() for k in kinds}
BY_SUBJECT: dict[str, type[Event]] = {
    f"octant.{s}.v1.{event_name(k)}": k for s, kinds in PRODUCED.items() for k in kinds
}


def subject(kind: type[Event]) -> str:
    """The subject an event of this kind is published on."""
    return f"octant.{PRODUCER[kind]}.v1.{event_name(kind)}"


def stream_name(service: str) -> str:
    """The JetStream stream that holds all events of a service."""
    return "octant-" + service


def stream_subjects(service: str) -> list[str]:
    return [f"octant.{service}.v1.>"]
