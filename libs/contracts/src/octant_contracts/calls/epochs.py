"""Calls that epochs answers: the calendar, deposits, statistics of an epoch."""

import msgspec

from octant_contracts.calls.base import (
    CALENDAR,
    LIVE,
    Call,
    Nothing,
    OfEpoch,
    OfUser,
    OfUserEpoch,
    PageOfEpoch,
    ServiceStatus,
)
from octant_contracts.events import (
    EPOCHS,
    REWARDS,
)
from octant_contracts.values import Address, EpochNumber, Timestamp, Wei


class CurrentEpoch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    current_epoch: EpochNumber


class IndexedEpoch(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    current_epoch: EpochNumber
    indexed_epoch: EpochNumber


class EpochInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`GET /epochs/info/{n}`: all fields always present, null where the state has none."""

    epoch: EpochNumber
    staking_proceeds: Wei
    total_effective_deposit: Wei
    total_rewards: Wei
    vanilla_individual_rewards: Wei
    operational_cost: Wei
    ppf: Wei | None
    community_fund: Wei | None
    total_withdrawals: Wei | None
    patrons_rewards: Wei | None
    matched_rewards: Wei | None
    leftover: Wei | None
    donated_to_projects: Wei | None
    staking_matched_reserved_for_v2: Wei = msgspec.field(name="stakingMatchedReservedForV2")


class EffectiveDepositAnswer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    effective_deposit: Wei


class SettledDeposit(msgspec.Struct, frozen=True, kw_only=True):
    user: Address
    effective_deposit: Wei
    end_balance: Wei


class SettledDeposits(msgspec.Struct, frozen=True, kw_only=True):
    """Rows in ascending byte order of the address."""

    deposits: list[SettledDeposit]
    next_cursor: int | None


class RewardsRate(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The yearly rate that proceeds are estimated with."""

    rewards_rate: float


class TotalEffectiveDeposit(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    total_effective: Wei


class DepositsUntilRequest(msgspec.Struct, frozen=True, kw_only=True):
    """`until` None is the head's time; later pages repeat the `until` of the first."""

    until: Timestamp | None = None
    cursor: int = 0


class DepositUntil(msgspec.Struct, frozen=True, kw_only=True):
    """`active`: the user moved GLM in the epoch; others only carried a balance into it."""

    user: Address
    effective_deposit: Wei
    end_balance: Wei
    active: bool


class DepositsUntil(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody's deposits as if the current epoch ended at `until` (exclusive).

    Rows are in ascending byte order of the address; `count` and `digest` are those of all pages.
    """

    epoch: EpochNumber
    start: Timestamp
    until: Timestamp
    total_effective_deposit: Wei
    count: int
    digest: str
    deposits: list[DepositUntil]
    next_cursor: int | None


class UserDepositUntil(msgspec.Struct, frozen=True, kw_only=True):
    """One user's part of `DepositsUntil` at the head's time."""

    epoch: EpochNumber
    start: Timestamp
    until: Timestamp
    total_effective_deposit: Wei
    effective_deposit: Wei


class FirstDeposit(msgspec.Struct, frozen=True):
    """The first settled epoch that the user has a deposit row of, zero or not; None: no row."""

    epoch: EpochNumber | None


CURRENT_EPOCH = Call(
    EPOCHS,
    "current",
    Nothing,
    CurrentEpoch,
    invalidated_by=CALENDAR,
)
INDEXED_EPOCH = Call(EPOCHS, "indexed", Nothing, IndexedEpoch)
EPOCH_INFO = Call(
    EPOCHS,
    "info",
    OfEpoch,
    EpochInfo,
    timeout=12.0,
    asks=(REWARDS,),
    invalidated_by=LIVE,
    final=True,
)
EPOCHS_STATUS = Call(EPOCHS, "status", Nothing, ServiceStatus)
USER_DEPOSIT = Call(EPOCHS, "user-deposit", OfUserEpoch, EffectiveDepositAnswer)
ESTIMATED_DEPOSIT = Call(EPOCHS, "estimated-deposit", OfUser, EffectiveDepositAnswer)
SETTLED_DEPOSITS = Call(EPOCHS, "settled-deposits", PageOfEpoch, SettledDeposits)
REWARDS_RATE = Call(EPOCHS, "rewards-rate", OfEpoch, RewardsRate)
ESTIMATED_TOTAL_DEPOSIT = Call(
    EPOCHS, "estimated-total-deposit", Nothing, TotalEffectiveDeposit, timeout=12.0
)
DEPOSITS_UNTIL = Call(EPOCHS, "deposits-until", DepositsUntilRequest, DepositsUntil, timeout=12.0)
USER_DEPOSIT_UNTIL = Call(EPOCHS, "user-deposit-until", OfUser, UserDepositUntil, timeout=12.0)
FIRST_DEPOSIT = Call(EPOCHS, "first-deposit", OfUser, FirstDeposit)
