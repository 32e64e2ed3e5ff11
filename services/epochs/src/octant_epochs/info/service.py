"""`/epochs/info/{n}`: estimated here until the epoch's snapshot, told by rewards afterwards."""

from octant_chassis.calls import Caller
from octant_chassis.database import Database
from octant_contracts.calls import (
    EPOCH_STATISTICS,
    LOCKED_GLM,
    STAKING_PROCEEDS,
    EpochInfo,
    Nothing,
    OfEpoch,
    ProceedsRequest,
    RewardsRate,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import EpochNumber
from octant_protocol.calendar import bounds, pending_epoch
from octant_protocol.proceeds import ESTIMATED_RATE

from octant_epochs.calendar import service as calendar
from octant_epochs.calendar.model import View
from octant_epochs.deposits.estimates import Estimates, total_effective_deposit
from octant_epochs.info import model


async def epoch_info(
    database: Database, caller: Caller, estimates: Estimates, request: OfEpoch
) -> EpochInfo:
    """Statistics of an epoch by its state. No other service is asked inside a transaction."""
    epoch = request.epoch
    async with database.reading() as connection:
        view = await calendar.view(connection)
    current_epoch = view.current_epoch
    if epoch > current_epoch:
        return await _future(caller, view, epoch)
    if epoch == 0 and current_epoch == 0:
        raise Refusal("EpochNotIndexed", epoch=0)
    if epoch < 1:
        raise Refusal("InvalidEpoch")
    if epoch == current_epoch:
        span = bounds(view.props, epoch)
        return model.current(span, await total_effective_deposit(database, estimates, view, epoch))
    statistics = await caller.ask(EPOCH_STATISTICS, OfEpoch(epoch))
    if statistics.info is not None:
        return statistics.info
    if epoch != pending_epoch(view.props, view.timestamp):
        raise Refusal("InvalidEpoch")
    return await _pre_pending(database, caller, estimates, view, epoch)


async def rewards_rate(request: OfEpoch) -> RewardsRate:
    """The same for every epoch there can be."""
    if request.epoch < 1:
        raise Refusal("InvalidEpoch")
    return RewardsRate(rewards_rate=ESTIMATED_RATE)


async def _future(caller: Caller, view: View, epoch: EpochNumber) -> EpochInfo:
    if not view.props:
        raise Refusal("NotLoadedYet", what="The calendar")
    locked = await caller.ask(LOCKED_GLM, Nothing())
    return model.future(epoch, view.props, locked.value)


async def _pre_pending(
    database: Database, caller: Caller, estimates: Estimates, view: View, epoch: EpochNumber
) -> EpochInfo:
    span = bounds(view.props, epoch)
    proceeds = await caller.ask(
        STAKING_PROCEEDS,
        ProceedsRequest(epoch=epoch, start=span.start, end=span.end, block=view.number),
    )
    total_effective = await total_effective_deposit(database, estimates, view, epoch)
    return model.from_totals(epoch, proceeds.value, total_effective)
