"""/deposits/{epoch}: totals of an epoch, frozen with its pending snapshot."""

from octant_contracts.calls import DEPOSIT_TOTALS, DepositTotals, TotalEffectiveDeposit
from octant_contracts.calls import OfEpoch as EpochRequest
from octant_contracts.values import encode

from octant_gateway.answers import LockedRatio
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.parameters import OfEpoch


async def total_effective(gateway: Gateway, of: OfEpoch) -> bytes:
    totals = await _totals(gateway, of)
    return encode(TotalEffectiveDeposit(total_effective=totals.total_effective_deposit))


async def locked_ratio(gateway: Gateway, of: OfEpoch) -> bytes:
    totals = await _totals(gateway, of)
    return encode(LockedRatio(locked_ratio=str(totals.locked_ratio)))


async def _totals(gateway: Gateway, of: OfEpoch) -> DepositTotals:
    return await gateway.ask(DEPOSIT_TOTALS, EpochRequest(of.epoch_number))


OPERATIONS = (
    Operation(
        method="GET",
        path="/deposits/{epoch_number}/total_effective",
        summary="Everybody's effective deposits of an epoch together",
        tag="deposits",
        handler=total_effective,
        reads=(DEPOSIT_TOTALS,),
        answers={200: TotalEffectiveDeposit},
        parameters=OfEpoch,
        refusals=("InvalidEpoch",),
    ),
    Operation(
        method="GET",
        path="/deposits/{epoch_number}/locked_ratio",
        summary="The same as a share of all GLM",
        tag="deposits",
        handler=locked_ratio,
        reads=(DEPOSIT_TOTALS,),
        answers={200: LockedRatio},
        parameters=OfEpoch,
        refusals=("InvalidEpoch",),
    ),
)
