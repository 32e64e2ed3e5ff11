"""What an allocation would move, before it is signed."""

from collections.abc import Iterable, Sequence

from octant_chassis.database import Database
from octant_contracts.calls import MatchedProject, SimulatedLeverage, SimulateLeverageRequest
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Wei
from octant_protocol.funding import AllocationRow, FundingSums, ProjectSum
from octant_protocol.leverage import leverage_between
from octant_protocol.numeric import double_text
from octant_protocol.rules import MatchingPercents, live_rules_for
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards.chain import repository as chain
from octant_rewards.estimates.service import matched_pool
from octant_rewards.funding import repository as funding
from octant_rewards.snapshots import repository as snapshots


async def simulate_leverage(
    database: Database, percents: MatchingPercents, request: SimulateLeverageRequest
) -> SimulatedLeverage:
    """The user's live rows of the epoch replaced by new ones; nothing is stored."""
    async with database.reading() as connection:
        pending = await snapshots.pending(connection, request.epoch)
        if pending is None:
            raise Refusal("PendingSnapshotMissing")
        listed = await chain.projects(connection, request.epoch)
        _refuse_unknown(listed, (item.project for item in request.allocations))
        pool = (await matched_pool(connection, pending, percents)).matched.matched
        others = await _sums_without(connection, request.epoch, request.user)
    projects = sorted((bytes(p) for p in listed), key=lambda p: Address(p).text)
    rules = live_rules_for(request.epoch).with_percents(percents)
    new_rows = [
        AllocationRow(bytes(item.project), item.amount, request.uniqueness_quotient)
        for item in request.allocations
    ]
    before = FundingSums(sums=others).result(projects, pool, rules)
    after = FundingSums(new_rows, sums=others).result(projects, pool, rules)
    return SimulatedLeverage(
        leverage=double_text(leverage_between(before, after, new_rows)),
        threshold=None,
        matched=[MatchedProject(Address(p.project), Wei(p.matched)) for p in after.projects],
    )


def _refuse_unknown(listed: Sequence[Address], chosen: Iterable[Address]) -> None:
    if unknown := sorted({p.text for p in chosen} - {p.text for p in listed}):
        quoted = ", ".join(f"'{text}'" for text in unknown)
        raise Refusal("InvalidProjects", projects=f"{{{quoted}}}")


async def _sums_without(connection: AsyncConnection, epoch: int, user: Address) -> list[ProjectSum]:
    """The sums of everybody else; only the user's own projects are summed anew."""
    theirs = await funding.projects_of(connection, epoch, user)
    if not theirs:
        return await funding.sums(connection, epoch)
    live = await funding.load(connection, epoch, projects=theirs, without=user)
    anew = (live.sum_of(bytes(project)) for project in theirs)
    keyed = [*await funding.keyed_sums(connection, epoch, without=theirs), *filter(None, anew)]
    return [known for _, known in sorted(keyed, key=lambda item: item[0])]
