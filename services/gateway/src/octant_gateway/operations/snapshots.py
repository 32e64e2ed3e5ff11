"""/snapshots: take them, and see which an epoch has."""

from octant_contracts.calls import (
    SIMULATE_FINALIZED,
    SIMULATE_PENDING,
    SNAPSHOT_STATUS,
    TAKE_FINALIZED_SNAPSHOT,
    TAKE_PENDING_SNAPSHOT,
    Call,
    FinalizedSimulationRequest,
    Nothing,
    SimulationRequest,
    SnapshotStatus,
    SnapshotTaken,
)
from octant_contracts.calls import OfEpoch as EpochRequest
from octant_contracts.values import encode

from octant_gateway.answers import FinalizedPreview, PendingPreview, SnapshotOf
from octant_gateway.gateway import Gateway
from octant_gateway.operation import NULL, Answer, Operation
from octant_gateway.paging import join_pages
from octant_gateway.parameters import NoParameters, OfSnapshot


async def take_pending(gateway: Gateway, _: NoParameters) -> bytes | Answer:
    return await _take(gateway, TAKE_PENDING_SNAPSHOT)


async def take_finalized(gateway: Gateway, _: NoParameters) -> bytes | Answer:
    return await _take(gateway, TAKE_FINALIZED_SNAPSHOT)


async def _take(gateway: Gateway, call: Call[Nothing, SnapshotTaken]) -> bytes | Answer:
    taken = await gateway.ask(call, Nothing())
    return Answer(200, NULL) if taken.epoch is None else encode(SnapshotOf(taken.epoch))


async def preview_pending(gateway: Gateway, _: NoParameters) -> bytes:
    async def page_at(cursor: int, as_of: int | None) -> bytes:
        return await gateway.raw(SIMULATE_PENDING, SimulationRequest(until=as_of, cursor=cursor))

    return await join_pages(("userDeposits", "userBudgets"), page_at)


async def preview_finalized(gateway: Gateway, _: NoParameters) -> bytes:
    async def page_at(cursor: int, as_of: int | None) -> bytes:
        request = FinalizedSimulationRequest(cursor=cursor, as_of=as_of)
        return await gateway.raw(SIMULATE_FINALIZED, request)

    return await join_pages("userRewards", page_at)


async def status(gateway: Gateway, of: OfSnapshot) -> bytes:
    return await gateway.raw(SNAPSHOT_STATUS, EpochRequest(of.epoch))


OPERATIONS = (
    Operation(
        method="POST",
        path="/snapshots/pending",
        summary="Compute the budgets of the epoch that ended; 200 when there is nothing to do",
        tag="snapshots",
        handler=take_pending,
        answers={201: SnapshotOf, 200: None},
        refusals=("SnapshotTooEarly", "UpstreamFailed"),
    ),
    Operation(
        method="POST",
        path="/snapshots/finalized",
        summary="Compute an epoch's rewards after its window; 200 when there is nothing to do",
        tag="snapshots",
        handler=take_finalized,
        answers={201: SnapshotOf, 200: None},
        refusals=("SnapshotTooEarly",),
    ),
    Operation(
        method="GET",
        path="/snapshots/pending/simulate",
        summary="The pending snapshot that would be taken if the current epoch ended now",
        tag="snapshots",
        handler=preview_pending,
        answers={200: PendingPreview},
        refusals=("EpochNotIndexed", "UpstreamFailed"),
    ),
    Operation(
        method="GET",
        path="/snapshots/finalized/simulate",
        summary="The finalized snapshot that would be taken if the open window closed now",
        tag="snapshots",
        handler=preview_finalized,
        answers={200: FinalizedPreview},
        refusals=(
            "SimulationOutsideWindow",
            "SimulationWithoutSnapshot",
            "InvalidMatchedRewardsStrategy",
        ),
    ),
    Operation(
        method="GET",
        path="/snapshots/status/{epoch}",
        summary="Which state an epoch is in, and whether it has its snapshot",
        tag="snapshots",
        handler=status,
        answers={200: SnapshotStatus},
        parameters=OfSnapshot,
        refusals=("EpochNotStartedYet",),
    ),
)
