"""/projects: who can receive allocations, and the search for them."""

from typing import TypeVar

from octant_contracts.calls import (
    PROJECT_DETAILS,
    PROJECTS_OF_EPOCH,
    ProjectDetailsRequest,
    ProjectsOfEpoch,
)
from octant_contracts.calls import OfEpoch as EpochRequest
from octant_contracts.errors import Refusal

from octant_gateway.answers import ProjectsDetails
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.paging import join_pages
from octant_gateway.parameters import OfEpoch, ProjectSearch

T = TypeVar("T")

MOST = 1000  # distinct epochs, and distinct phrases: far above use
EPOCH_LIMIT = 2**31


async def of_epoch(gateway: Gateway, of: OfEpoch) -> bytes:
    return await gateway.raw(PROJECTS_OF_EPOCH, EpochRequest(of.epoch_number))


async def details(gateway: Gateway, search: ProjectSearch) -> bytes:
    epochs = _distinct(_integers(search.epochs))
    phrases = _distinct(search.search_phrases.split(","))

    async def page_at(cursor: int, _: int | None) -> bytes:
        request = ProjectDetailsRequest(epochs=epochs, phrases=phrases, cursor=cursor)
        return await gateway.submit(PROJECT_DETAILS, request)

    return await join_pages("projectsDetails", page_at)


def _integers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise Refusal("InvalidProjectDetailsInput") from None
    if not all(-EPOCH_LIMIT <= number < EPOCH_LIMIT for number in numbers):
        raise Refusal("InvalidProjectDetailsInput")
    return numbers


def _distinct(values: list[T]) -> list[T]:
    """Each once, in order."""
    found = list(dict.fromkeys(values))
    if len(found) > MOST:
        raise Refusal("InvalidProjectDetailsInput")
    return found


OPERATIONS = (
    Operation(
        method="GET",
        path="/projects/epoch/{epoch_number}",
        summary="The projects of an epoch, in contract order, and the CID of their descriptions",
        tag="projects",
        handler=of_epoch,
        reads=(PROJECTS_OF_EPOCH,),
        answers={200: ProjectsOfEpoch},
        parameters=OfEpoch,
        refusals=("InvalidEpoch",),
    ),
    Operation(
        method="GET",
        path="/projects/details",
        summary="Projects of some epochs whose name or address contains one of some phrases",
        tag="projects",
        handler=details,
        reads=(PROJECT_DETAILS,),
        answers={200: ProjectsDetails},
        parameters=ProjectSearch,
        refusals=("InvalidProjectDetailsInput",),
    ),
)
