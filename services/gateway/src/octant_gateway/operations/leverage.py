"""/allocations/leverage: what an allocation would move, before it is signed."""

from octant_contracts.calls import (
    ALLOCATION_TERMS,
    SIMULATE_LEVERAGE,
    AllocationInput,
    SimulatedLeverage,
    SimulateLeverageRequest,
)
from octant_contracts.calls import OfUser as UserRequest
from octant_contracts.errors import Refusal
from octant_contracts.values import Wei

from octant_gateway.bodies import LeverageBody
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.operations.allocations import window_open
from octant_gateway.parameters import OfUser


async def simulate(gateway: Gateway, of: OfUser, body: LeverageBody) -> bytes:
    terms = await gateway.ask(ALLOCATION_TERMS, UserRequest(of.user_address))
    if terms.epoch is None or terms.uniqueness_quotient is None:
        raise Refusal("AllocationWindowClosed")
    request = SimulateLeverageRequest(
        user=of.user_address,
        epoch=terms.epoch,
        uniqueness_quotient=terms.uniqueness_quotient,
        allocations=[
            AllocationInput(item.project_address, Wei(item.amount)) for item in body.allocations
        ],
    )
    return await gateway.submit(SIMULATE_LEVERAGE, request)


OPERATIONS = (
    Operation(
        method="POST",
        path="/allocations/leverage/{user_address}",
        summary="Leverage and matched rewards if a user allocated like this",
        tag="allocations",
        handler=simulate,
        answers={200: SimulatedLeverage},
        parameters=OfUser,
        body=LeverageBody,
        gate=window_open,
        refusals=(
            "AllocationWindowClosed",
            "PendingSnapshotMissing",
            "InvalidProjects",
            "InvalidMatchedRewardsStrategy",
        ),
    ),
)
