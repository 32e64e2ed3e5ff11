"""/projects: who can receive allocations."""

from octant_contracts.calls import PROJECTS_OF_EPOCH, ProjectsOfEpoch
from octant_contracts.calls import OfEpoch as EpochRequest

from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.parameters import OfEpoch


async def of_epoch(gateway: Gateway, of: OfEpoch) -> bytes:
    return await gateway.raw(PROJECTS_OF_EPOCH, EpochRequest(of.epoch_number))


OPERATIONS = (
    Operation(
        method="GET",
        path="/projects/epoch/{epoch_number}",
        summary="The projects of an epoch, in contract order, and the CID of their descriptions",
        tag="projects",
        handler=of_epoch,
        answers={200: ProjectsOfEpoch},
        parameters=OfEpoch,
        refusals=("InvalidEpoch",),
    ),
)
