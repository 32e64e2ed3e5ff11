"""/deposits: effective deposits of users, and everybody's estimated total."""

from octant_contracts.calls import (
    ESTIMATED_DEPOSIT,
    ESTIMATED_TOTAL_DEPOSIT,
    USER_DEPOSIT,
    EffectiveDepositAnswer,
    Nothing,
    TotalEffectiveDeposit,
)
from octant_contracts.calls import OfUser as UserRequest
from octant_contracts.calls import OfUserEpoch as UserEpochRequest

from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.parameters import NoParameters, OfUser, OfUserEpoch


async def of_epoch(gateway: Gateway, of: OfUserEpoch) -> bytes:
    return await gateway.raw(USER_DEPOSIT, UserEpochRequest(of.user_address, of.epoch_number))


async def estimated(gateway: Gateway, of: OfUser) -> bytes:
    return await gateway.raw(ESTIMATED_DEPOSIT, UserRequest(of.user_address))


async def estimated_total(gateway: Gateway, _: NoParameters) -> bytes:
    return await gateway.raw(ESTIMATED_TOTAL_DEPOSIT, Nothing())


OPERATIONS = (
    Operation(
        method="GET",
        path="/deposits/total_effective/estimated",
        summary="Everybody's effective deposit if the current epoch went on like this",
        tag="deposits",
        handler=estimated_total,
        answers={200: TotalEffectiveDeposit},
        refusals=("EpochNotIndexed",),
    ),
    Operation(
        method="GET",
        path="/deposits/users/{user_address}/estimated_effective_deposit",
        summary="A user's effective deposit if the current epoch went on like this",
        tag="deposits",
        handler=estimated,
        answers={200: EffectiveDepositAnswer},
        parameters=OfUser,
        refusals=("EpochNotIndexed",),
    ),
    Operation(
        method="GET",
        path="/deposits/users/{user_address}/{epoch_number}",
        summary="A user's effective deposit of an epoch; the estimate for the current one",
        tag="deposits",
        handler=of_epoch,
        answers={200: EffectiveDepositAnswer},
        parameters=OfUserEpoch,
        refusals=("EffectiveDepositNotFound", "EpochNotIndexed"),
    ),
)
