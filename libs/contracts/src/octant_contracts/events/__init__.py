"""Facts in the past tense, one struct per event, one module per service that owns them.

The subject is `octant.<service>.v1.<event>`, the stream the service's own.
"""

from octant_contracts.events.allocations import *
from octant_contracts.events.base import *
from octant_contracts.events.chain_sync import *
from octant_contracts.events.epochs import *
from octant_contracts.events.rewards import *

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
    ALLOCATIONS: (
        Allocated,
        PatronModeSet,
        UqScoreSet,
        AllocationsSealed,
        TosAccepted,
        ScoreDelegated,
        MultisigChanged,
    ),
}

# Who projects whose stream. The gateway derives from it where a write must be visible.
CONSUMES: dict[str, tuple[str, ...]] = {
    CHAIN_SYNC: (REWARDS,),
    EPOCHS: (CHAIN_SYNC,),
    REWARDS: (CHAIN_SYNC, EPOCHS, ALLOCATIONS),
    ALLOCATIONS: (CHAIN_SYNC, EPOCHS, REWARDS),
    GATEWAY: (),
}

# Fields an event and a request may share: where they differ, the event does not change the answer.
CONCERNS: dict[type[Event], tuple[str, ...]] = {
    Allocated: ("user", "epoch"),
    UqScoreSet: ("user", "epoch"),
    PatronModeSet: ("user",),
    EstimatesChanged: ("epoch",),
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
