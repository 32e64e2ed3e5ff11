"""The catalogue of state topics: how each is read, and which events may change it.

An event of a user concerns only the topics of that user, one of a donor only projects to which
the donor gives or gave.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from msgspec import Struct
from octant_contracts import events
from octant_contracts.calls import Consent, EffectiveDepositAnswer, PatronMode, ProjectThreshold
from octant_contracts.calls.rewards import Withdrawal
from octant_contracts.events import Event
from octant_contracts.values import Address

from octant_gateway.feed import calendar, payloads, values
from octant_gateway.feed.values import Sources

TICK = 0.05  # seconds between two frames of a topic, at least

Read = Callable[[Sources, Address | None], Awaitable[bytes]]


class Kind(Struct, frozen=True, kw_only=True):
    """`everybody`: events that concern every topic of the kind; `own`: those of its address."""

    name: str
    summary: str
    read: Read
    data: Any
    """The type of the value; null besides where there may be nothing to tell."""
    addressed: bool = False
    everybody: tuple[type[Event], ...] = ()
    own: tuple[type[Event], ...] = ()
    pause: float = TICK
    """Seconds between two frames."""
    every: float | None = None
    """Read again after so many seconds: what no event tells."""


_REORG = (events.FactsReverted,)
_FUNDING = (
    events.EstimatesChanged,
    events.PendingSnapshotTaken,
    events.FinalizedSnapshotTaken,
    events.WindowOpened,
    events.WindowClosed,
)
_LOCKING = (events.Locked, events.Unlocked)

KINDS: tuple[Kind, ...] = (
    Kind(
        name="epoch",
        summary="The current epoch",
        read=calendar.epoch,
        data=payloads.Epoch | None,
        everybody=(events.EpochStarted,),
    ),
    Kind(
        name="window",
        summary="The allocation window",
        read=calendar.window,
        data=payloads.Window,
        everybody=(events.WindowOpened, events.WindowClosed, events.EpochStarted),
    ),
    Kind(
        name="snapshot",
        summary="How far the snapshots are",
        read=calendar.snapshots,
        data=payloads.Snapshots,
        everybody=(
            events.PendingSnapshotTaken,
            events.FinalizedSnapshotTaken,
            events.EpochStarted,
            events.WindowOpened,
            events.WindowClosed,
        ),
    ),
    Kind(
        name="sync",
        summary="How far the services are",
        read=values.sync,
        data=payloads.Sync,
        pause=1.0,
        every=1.0,
    ),
    Kind(
        name="block",
        summary="The indexed head",
        read=calendar.block,
        data=payloads.Block | None,
        everybody=(events.BlockAdvanced,),
        pause=1.0,
    ),
    Kind(
        name="project.rewards",
        summary="What the projects get, or would get if the window closed now",
        read=values.project_rewards,
        data=payloads.Rewards | None,
        everybody=_FUNDING,
    ),
    Kind(
        name="leverage",
        summary="The sums of project.rewards",
        read=values.leverage,
        data=payloads.LeverageNow | None,
        everybody=_FUNDING,
    ),
    Kind(
        name="threshold",
        summary="What a project has to exceed to be matched; null since epoch 4",
        read=values.threshold,
        data=ProjectThreshold | None,
        everybody=_FUNDING,
    ),
    Kind(
        name="project.donors",
        summary="Who allocates to a project",
        read=values.project_donors,
        data=payloads.DonorsOf | None,
        addressed=True,
        everybody=(events.PendingSnapshotTaken,),
    ),
    Kind(
        name="deposit",
        summary="A user's effective deposit of the current epoch, estimated",
        read=values.deposit,
        data=EffectiveDepositAnswer,
        addressed=True,
        everybody=(events.EpochStarted, events.DepositsSettled, *_REORG),
        own=_LOCKING,
    ),
    Kind(
        name="budget",
        summary="A user's budgets",
        read=values.budget,
        data=payloads.BudgetOf,
        addressed=True,
        everybody=(events.EpochStarted, events.PendingSnapshotTaken, *_REORG),
        own=_LOCKING,
        every=60.0,
    ),
    Kind(
        name="patron",
        summary="Whether a user is a patron",
        read=values.patron,
        data=PatronMode,
        addressed=True,
        own=(events.PatronModeSet,),
    ),
    Kind(
        name="tos",
        summary="Whether a user has accepted the terms of service",
        read=values.tos,
        data=Consent,
        addressed=True,
        own=(events.TosAccepted,),
    ),
    Kind(
        name="uq",
        summary="A user's uniqueness quotient and antisybil score",
        read=values.uniqueness,
        data=payloads.Uniqueness,
        addressed=True,
        everybody=(events.EpochStarted, events.WindowOpened, events.WindowClosed),
        own=(events.UqScoreSet, events.ScoreDelegated, events.Allocated),
        every=60.0,
    ),
    Kind(
        name="withdrawals",
        summary="What a user can take out of the vault",
        read=values.withdrawals_of,
        data=list[Withdrawal],
        addressed=True,
        everybody=(
            events.PendingSnapshotTaken,
            events.FinalizedSnapshotTaken,
            events.MerkleRootSet,
            *_REORG,
        ),
        own=(events.Withdrawn, events.Allocated, events.PatronModeSet),
    ),
    Kind(
        name="multisig",
        summary="What waits for the signatures of a contract wallet's owners",
        read=values.multisig,
        data=payloads.Multisig,
        addressed=True,
        own=(events.MultisigChanged,),
    ),
)

DONATIONS = (events.Allocated, events.PatronModeSet)
"""Concern the `project.donors` of those who give or gave."""
