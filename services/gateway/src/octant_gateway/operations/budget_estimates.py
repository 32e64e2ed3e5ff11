"""/rewards/estimated_budget: what GLM would earn if it were locked."""

from octant_contracts.calls import (
    ESTIMATED_BUDGET,
    ESTIMATED_BUDGET_BY_DAYS,
    DaysEstimateRequest,
    EpochsEstimateRequest,
    EstimatedBudget,
    EstimatedBudgetByDays,
)
from octant_contracts.values import Wei

from octant_gateway.bodies import DaysEstimateBody, EpochsEstimateBody
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.parameters import NoParameters


async def by_epochs(gateway: Gateway, _: NoParameters, body: EpochsEstimateBody) -> bytes:
    request = EpochsEstimateRequest(
        number_of_epochs=Wei(body.number_of_epochs), glm_amount=Wei(body.glm_amount)
    )
    return await gateway.raw(ESTIMATED_BUDGET, request)


async def by_days(gateway: Gateway, _: NoParameters, body: DaysEstimateBody) -> bytes:
    request = DaysEstimateRequest(days=Wei(body.days), glm_amount=Wei(body.glm_amount))
    return await gateway.raw(ESTIMATED_BUDGET_BY_DAYS, request)


OPERATIONS = (
    Operation(
        method="POST",
        path="/rewards/estimated_budget",
        summary="The budget of GLM locked over whole future epochs, and what it would attract",
        tag="rewards",
        handler=by_epochs,
        answers={200: EstimatedBudget},
        body=EpochsEstimateBody,
        refusals=("MissingSnapshot",),
    ),
    Operation(
        method="POST",
        path="/rewards/estimated_budget/by_days",
        summary="The budget of GLM locked from now on for some days",
        tag="rewards",
        handler=by_days,
        answers={200: EstimatedBudgetByDays},
        body=DaysEstimateBody,
        refusals=("EpochNotIndexed",),
    ),
)
