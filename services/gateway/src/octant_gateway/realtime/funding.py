"""The funding of an epoch at one moment: reading it, and what of it clients have to be told."""

from collections.abc import Collection, Iterator

import msgspec
from msgspec import Raw, Struct
from octant_contracts.calls import (
    EPOCH_ALLOCATIONS,
    ESTIMATED_PROJECT_REWARDS,
    PROJECT_REWARDS,
    REWARDS_STATUS,
    THRESHOLD,
    EpochAllocationsRequest,
    Nothing,
    OfEpoch,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import EpochNumber

from octant_gateway.gateway import Gateway
from octant_gateway.realtime.payloads import Donor, ProjectDonors, ProjectReward, Threshold

# There is nothing to show: no window, no budgets yet, or no rule that matches.
NOTHING = ("AllocationWindowClosed", "PendingSnapshotMissing", "InvalidMatchedRewardsStrategy")

Message = tuple[str, Raw]
"""An event and its payload's JSON."""


class Funding(Struct, frozen=True, kw_only=True):
    """`revision` is the sequence up to which `donors` are known; it never decreases."""

    epoch: EpochNumber
    revision: int
    threshold: str | None
    rewards: list[ProjectReward]
    donors: dict[str, list[Donor]]
    """By project, in the order of `rewards`."""


async def read_open(gateway: Gateway) -> Funding | None:
    """Of the open window; None when there is none, or none to show."""
    try:
        rewards = _rewards(await gateway.raw(ESTIMATED_PROJECT_REWARDS, Nothing()))
        epoch = (await gateway.ask(REWARDS_STATUS, Nothing())).last_pending_snapshot
    except Refusal as refusal:
        if refusal.code in NOTHING:
            return None
        raise
    return await _complete(gateway, epoch, rewards)


async def read_closed(gateway: Gateway, last: Funding) -> Funding:
    """Of an epoch whose window has closed: final once it is finalized, until then as it was."""
    final = _rewards(await gateway.raw(PROJECT_REWARDS, OfEpoch(last.epoch)))
    by_address = {reward.address: reward for reward in final}
    rewards = [
        by_address.get(known.address, ProjectReward(known.address, "0", "0"))
        for known in last.rewards
    ]
    return await _complete(gateway, last.epoch, rewards if final else last.rewards)


def snapshot(funding: Funding) -> list[Message]:
    """Everything, as a client gets it that has just connected."""
    return [*_totals(funding), *(_donors(funding, project) for project in funding.donors)]


def news(
    known: Funding | None, fresh: Funding, touched: Collection[str], *, changed: bool
) -> list[Message]:
    """What clients that know `known` have to be told.

    `changed`: the totals go out even if they are the same; `touched`: so do these projects.
    """
    if known is None or known.epoch != fresh.epoch:
        return snapshot(fresh)
    projects = [
        project
        for project, donors in fresh.donors.items()
        if project in touched or known.donors.get(project) != donors
    ]
    same = (known.threshold, known.rewards) == (fresh.threshold, fresh.rewards)
    totals = _totals(fresh) if changed or projects or not same else ()
    return [*totals, *(_donors(fresh, project) for project in projects)]


def _totals(funding: Funding) -> Iterator[Message]:
    threshold = Threshold(threshold=funding.threshold, revision=funding.revision)
    yield "threshold", _json(threshold)
    yield "project_rewards", _json(funding.rewards)


def _donors(funding: Funding, project: str) -> Message:
    donors = funding.donors[project]
    payload = ProjectDonors(project=project, donors=donors, revision=funding.revision)
    return "project_donors", _json(payload)


def _json(payload: object) -> Raw:
    return Raw(msgspec.json.encode(payload))


class _Rewards(Struct):
    rewards: list[ProjectReward]


class _Threshold(Struct):
    threshold: str | None


class _Donation(Struct):
    amount: str
    donor: str
    project: str


class _Donations(Struct, rename="camel"):
    allocations: list[_Donation]
    next_cursor: int | None
    as_of: int


def _rewards(answer: bytes) -> list[ProjectReward]:
    return msgspec.json.decode(answer, type=_Rewards).rewards


async def _complete(gateway: Gateway, epoch: EpochNumber, rewards: list[ProjectReward]) -> Funding:
    threshold = msgspec.json.decode(
        await gateway.raw(THRESHOLD, OfEpoch(epoch)), type=_Threshold
    ).threshold
    donors: dict[str, list[Donor]] = {reward.address: [] for reward in rewards}
    cursor: int | None = 0
    as_of: int | None = None
    while cursor is not None:
        request = EpochAllocationsRequest(
            epoch=epoch, include_zero_allocations=True, cursor=cursor, as_of=as_of
        )
        page = msgspec.json.decode(await gateway.raw(EPOCH_ALLOCATIONS, request), type=_Donations)
        for donation in page.allocations:
            if (of_project := donors.get(donation.project)) is not None:
                of_project.append(Donor(donation.donor, donation.amount))
        cursor, as_of = page.next_cursor, page.as_of
    return Funding(
        epoch=epoch, revision=as_of or 0, threshold=threshold, rewards=rewards, donors=donors
    )
