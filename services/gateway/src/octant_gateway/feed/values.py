"""The values of state topics: read from the services as an HTTP request would."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct
from nats.js import JetStreamContext
from octant_contracts import calls
from octant_contracts.calls import Nothing, OfUser, OfUserEpoch, OfUserType
from octant_contracts.errors import ERRORS, Refusal
from octant_contracts.events import (
    ALLOCATIONS,
    CHAIN_SYNC,
    EPOCHS,
    REWARDS,
)
from octant_contracts.values import Address, EpochNumber, Wei, decode, encode

from octant_gateway import parameters
from octant_gateway.feed import payloads
from octant_gateway.gateway import Gateway
from octant_gateway.operations import allocations, withdrawals
from octant_gateway.operations.info import statuses_of
from octant_gateway.sync_status import sync_status

NULL = b"null"
T = TypeVar("T")


class Unchanged(Exception):
    """There is no newer value than the one that is known."""


class Sources(Struct, frozen=True):
    gateway: Gateway
    jetstream: JetStreamContext


async def sync(of: Sources, _: Address | None) -> bytes:
    told = await statuses_of(of.gateway)
    stored = {EPOCHS: told.epochs, REWARDS: told.rewards, ALLOCATIONS: told.allocations}
    heights = {name: None if s is None else s.head_number for name, s in stored.items()}
    heights[CHAIN_SYNC] = None if told.chain is None else told.chain.indexed_height
    return encode(payloads.Sync(**msgspec.structs.asdict(sync_status(told)), heights=heights))


class _Row(Struct):
    allocated: str
    matched: str


class _Rewards(Struct):
    rewards: Raw


class _Donors(Struct):
    donors: list[Raw]


class _Funding(Struct, frozen=True, kw_only=True):
    epoch: EpochNumber
    rewards: Raw
    allocated: int
    matched: int
    leverage: float
    donors: int


async def project_rewards(of: Sources, _: Address | None) -> bytes:
    found = await _funding(of.gateway)
    if found is None:
        return NULL
    return encode(
        payloads.Rewards(
            epoch=found.epoch,
            rewards=found.rewards,  # type: ignore[arg-type]  # the rows' JSON
            leverage=found.leverage,
            total_allocated=Wei(found.allocated),
            donors=found.donors,
        )
    )


async def leverage(of: Sources, _: Address | None) -> bytes:
    found = await _funding(of.gateway)
    if found is None:
        return NULL
    return encode(
        payloads.LeverageNow(
            epoch=found.epoch,
            leverage=found.leverage,
            total_allocated=Wei(found.allocated),
            donors=found.donors,
            matched=Wei(found.matched),
        )
    )


async def threshold(of: Sources, _: Address | None) -> bytes:
    last = await _last_epoch(of.gateway)
    return NULL if last == 0 else await of.gateway.raw(calls.THRESHOLD, calls.OfEpoch(last))


async def project_donors(of: Sources, project: Address | None) -> bytes:
    assert project is not None
    last = await _last_epoch(of.gateway)
    if last == 0:
        return NULL
    donors = await allocations.of_project(
        of.gateway,
        parameters.OfProjectEpoch(project_address=project.text, epoch_number=last),  # type: ignore[arg-type]  # parses text
    )
    return encode(payloads.DonorsOf(project, Raw(donors)))  # type: ignore[arg-type]  # the rows' JSON


async def deposit(of: Sources, user: Address | None) -> bytes:
    return await of.gateway.raw(calls.ESTIMATED_DEPOSIT, _user(user))


async def budget(of: Sources, user: Address | None) -> bytes:
    request = _user(user)
    upcoming = await _or_none(of.gateway.ask(calls.UPCOMING_BUDGET, request))
    last = await _last_epoch(of.gateway)
    found = None
    if last > 0:
        asked = OfUserEpoch(request.user, last)
        found = (await of.gateway.ask(calls.USER_BUDGET, asked)).budget
    return encode(
        payloads.BudgetOf(
            upcoming_budget=None if upcoming is None else upcoming.upcoming_budget,
            epoch=last or None,
            budget=found,
        )
    )


async def patron(of: Sources, user: Address | None) -> bytes:
    return await of.gateway.raw(calls.PATRON_MODE, _user(user))


async def tos(of: Sources, user: Address | None) -> bytes:
    return await of.gateway.raw(calls.CONSENT, _user(user))


async def uniqueness(of: Sources, user: Address | None) -> bytes:
    request = _user(user)
    counted = (await of.gateway.ask(calls.ALLOCATION_WINDOW, Nothing())).pending_epoch
    if counted is None:
        counted = (await of.gateway.ask(calls.ALLOCATIONS_STATUS, Nothing())).current_epoch
    asked = OfUserEpoch(request.user, counted)
    quotient = (await of.gateway.ask(calls.UNIQUENESS_QUOTIENT, asked)).quotient
    antisybil = await _or_none(of.gateway.ask(calls.ANTISYBIL_STATUS, request))
    return encode(
        payloads.Uniqueness(
            epoch=counted,
            uniqueness_quotient=quotient.uniqueness_quotient,
            antisybil=None if antisybil is None else antisybil.status,
        )
    )


async def withdrawals_of(of: Sources, user: Address | None) -> bytes:
    request = parameters.OfUser(user_address=_user(user).user.text)  # type: ignore[arg-type]  # parses text
    return await withdrawals.of_user(of.gateway, request)


async def multisig(of: Sources, user: Address | None) -> bytes:
    who = _user(user).user
    return encode(
        payloads.Multisig(
            tos=await of.gateway.ask(calls.PENDING_MULTISIG, OfUserType(who, "tos")),
            allocation=await of.gateway.ask(calls.PENDING_MULTISIG, OfUserType(who, "allocation")),
        )
    )


def _user(user: Address | None) -> OfUser:
    assert user is not None
    return OfUser(user)


async def _or_none(answer: Awaitable[T]) -> T | None:
    """None where the service says that there is nothing; a service that is away raises."""
    try:
        return await answer
    except Refusal as refusal:
        if ERRORS[refusal.code].status >= 500:
            raise
        return None


async def _last_epoch(gateway: Gateway) -> EpochNumber:
    """The last one with a pending snapshot: its window is open or was open last; 0: none."""
    return (await gateway.ask(calls.REWARDS_STATUS, Nothing())).last_pending_snapshot


async def _funding(gateway: Gateway) -> _Funding | None:
    """None when there is nothing to show; Unchanged between a window's end and final numbers."""
    last = await _last_epoch(gateway)
    if last == 0:
        return None
    request = calls.OfEpoch(last)
    try:
        answer = await gateway.raw(calls.ESTIMATED_PROJECT_REWARDS, Nothing())
    except Refusal as refusal:
        if refusal.code == "InvalidMatchedRewardsStrategy":
            return None
        if refusal.code not in ("AllocationWindowClosed", "PendingSnapshotMissing"):
            raise
        answer = await gateway.raw(calls.PROJECT_REWARDS, request)
        if not decode(answer, calls.ProjectRewards).rewards:
            raise Unchanged from None
    total, donors = await asyncio.gather(
        gateway.ask(calls.LEVERAGE, request),
        allocations.donors(gateway, parameters.OfEpoch(epoch_number=last)),
    )
    rewards = msgspec.json.decode(answer, type=_Rewards).rewards
    rows = msgspec.json.decode(rewards, type=list[_Row])
    return _Funding(
        epoch=last,
        rewards=rewards,
        allocated=sum(int(row.allocated) for row in rows),
        matched=sum(int(row.matched) for row in rows),
        leverage=total.leverage,
        donors=len(msgspec.json.decode(donors, type=_Donors).donors),
    )
