"""/epochs: the calendar and an epoch's statistics."""

from octant_contracts.calls import (
    CURRENT_EPOCH,
    EPOCH_INFO,
    INDEXED_EPOCH,
    REWARDS_RATE,
    CurrentEpoch,
    EpochInfo,
    IndexedEpoch,
    Nothing,
    RewardsRate,
)
from octant_contracts.calls import OfEpoch as EpochRequest

from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.parameters import NoParameters, OfEpoch


async def current(gateway: Gateway, _: NoParameters) -> bytes:
    return await gateway.raw(CURRENT_EPOCH, Nothing())


async def indexed(gateway: Gateway, _: NoParameters) -> bytes:
    return await gateway.raw(INDEXED_EPOCH, Nothing())


async def info(gateway: Gateway, of: OfEpoch) -> bytes:
    return await gateway.raw(EPOCH_INFO, EpochRequest(of.epoch_number))


async def rewards_rate(gateway: Gateway, of: OfEpoch) -> bytes:
    return await gateway.raw(REWARDS_RATE, EpochRequest(of.epoch_number))


OPERATIONS = (
    Operation(
        method="GET",
        path="/epochs/current",
        summary="The chain's current epoch; 0 before the first",
        tag="epochs",
        handler=current,
        reads=(CURRENT_EPOCH,),
        answers={200: CurrentEpoch},
    ),
    Operation(
        method="GET",
        path="/epochs/indexed",
        summary="The chain's current epoch and the latest indexed one",
        tag="epochs",
        handler=indexed,
        answers={200: IndexedEpoch},
        refusals=("EpochsNotFound",),
    ),
    Operation(
        method="GET",
        path="/epochs/info/{epoch_number}",
        summary="Statistics of an epoch, as far as its state has them",
        tag="epochs",
        handler=info,
        reads=(EPOCH_INFO,),
        answers={200: EpochInfo},
        parameters=OfEpoch,
        refusals=("InvalidEpoch", "EpochNotIndexed", "InvalidMatchedRewardsStrategy"),
    ),
    Operation(
        method="GET",
        path="/epochs/rewards-rate/{epoch_number}",
        summary="The yearly rate with which staking proceeds are estimated",
        tag="epochs",
        handler=rewards_rate,
        answers={200: RewardsRate},
        parameters=OfEpoch,
        refusals=("InvalidEpoch",),
    ),
)
