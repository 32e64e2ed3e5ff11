"""/allocations: signed allocations, who gave them, their nonces."""

from octant_contracts.calls import (
    ALLOCATE,
    ALLOCATION_NONCE,
    ALLOCATION_WINDOW,
    EPOCH_ALLOCATIONS,
    EPOCH_DONORS,
    PROJECT_DONORS,
    USER_ALLOCATIONS,
    AllocateRequest,
    AllocationInput,
    AllocationNonce,
    EpochAllocationsRequest,
    EpochDonorsRequest,
    Nothing,
    ProjectDonor,
    ProjectDonorsRequest,
    UserAllocations,
)
from octant_contracts.calls import OfUser as UserRequest
from octant_contracts.calls import OfUserEpoch as UserEpochRequest
from octant_contracts.errors import Refusal
from octant_contracts.values import Wei

from octant_gateway import answers
from octant_gateway.bodies import AllocateBody
from octant_gateway.gateway import Gateway
from octant_gateway.operation import NULL, Operation
from octant_gateway.paging import bare_rows, join_pages
from octant_gateway.parameters import (
    AllocationsOfEpoch,
    NoParameters,
    OfEpoch,
    OfProjectEpoch,
    OfUser,
    OfUserEpoch,
)


async def window_open(gateway: Gateway) -> None:
    """A closed window is told before what is wrong with the body."""
    window = await gateway.ask(ALLOCATION_WINDOW, Nothing())
    if window.pending_epoch is None:
        raise Refusal("AllocationWindowClosed")


async def allocate(gateway: Gateway, _: NoParameters, body: AllocateBody) -> bytes:
    request = AllocateRequest(
        user=body.user_address,
        allocations=[
            AllocationInput(item.project_address, Wei(item.amount))
            for item in body.payload.allocations
        ],
        nonce=Wei(body.payload.nonce),
        signature=body.signature,
        is_manually_edited=body.is_manually_edited,
    )
    await gateway.submit(ALLOCATE, request)
    return NULL


async def of_epoch(gateway: Gateway, of: AllocationsOfEpoch) -> bytes:
    async def page_at(cursor: int, as_of: int | None) -> bytes:
        return await gateway.raw(
            EPOCH_ALLOCATIONS,
            EpochAllocationsRequest(
                epoch=of.epoch_number,
                include_zero_allocations=of.include_zero_allocations,
                cursor=cursor,
                as_of=as_of,
            ),
        )

    return await join_pages("allocations", page_at)


async def donors(gateway: Gateway, of: OfEpoch) -> bytes:
    async def page_at(cursor: int, as_of: int | None) -> bytes:
        request = EpochDonorsRequest(epoch=of.epoch_number, cursor=cursor, as_of=as_of)
        return await gateway.raw(EPOCH_DONORS, request)

    return await join_pages("donors", page_at)


async def of_project(gateway: Gateway, of: OfProjectEpoch) -> bytes:
    async def page_at(cursor: int, as_of: int | None) -> bytes:
        return await gateway.raw(
            PROJECT_DONORS,
            ProjectDonorsRequest(
                project=of.project_address, epoch=of.epoch_number, cursor=cursor, as_of=as_of
            ),
        )

    return bare_rows("donors", await join_pages("donors", page_at))


async def of_user(gateway: Gateway, of: OfUserEpoch) -> bytes:
    return await gateway.raw(USER_ALLOCATIONS, UserEpochRequest(of.user_address, of.epoch_number))


async def nonce(gateway: Gateway, of: OfUser) -> bytes:
    return await gateway.raw(ALLOCATION_NONCE, UserRequest(of.user_address))


OPERATIONS = (
    Operation(
        method="POST",
        path="/allocations/allocate",
        summary="Replace a user's allocations of the pending epoch by a signed set",
        tag="allocations",
        handler=allocate,
        answers={201: None},
        body=AllocateBody,
        gate=window_open,
        refusals=(
            "AllocationWindowClosed",
            "EmptyAllocations",
            "WrongAllocationsNonce",
            "EpochNotIndexed",
            "NotAllowedInPatronMode",
            "BudgetNotFound",
            "RewardsBudgetExceeded",
            "ProjectAllocationToSelf",
            "InvalidProjects",
            "DuplicatedProjects",
            "InvalidSignature",
        ),
    ),
    Operation(
        method="GET",
        path="/allocations/epoch/{epoch_number}",
        summary="Live allocations of an epoch, oldest first",
        tag="allocations",
        handler=of_epoch,
        reads=(EPOCH_ALLOCATIONS,),
        answers={200: answers.AllocationsOfEpoch},
        parameters=AllocationsOfEpoch,
    ),
    Operation(
        method="GET",
        path="/allocations/donors/{epoch_number}",
        summary="Who has live allocations in an epoch, oldest first",
        tag="allocations",
        handler=donors,
        reads=(EPOCH_DONORS,),
        answers={200: answers.DonorsOfEpoch},
        parameters=OfEpoch,
    ),
    Operation(
        method="GET",
        path="/allocations/project/{project_address}/epoch/{epoch_number}",
        summary="Live allocations to a project in an epoch, oldest first",
        tag="allocations",
        handler=of_project,
        reads=(PROJECT_DONORS,),
        answers={200: list[ProjectDonor]},
        parameters=OfProjectEpoch,
    ),
    Operation(
        method="GET",
        path="/allocations/user/{user_address}/epoch/{epoch_number}",
        summary="A user's live allocations of an epoch",
        tag="allocations",
        handler=of_user,
        answers={200: UserAllocations},
        parameters=OfUserEpoch,
    ),
    Operation(
        method="GET",
        path="/allocations/users/{user_address}/allocation_nonce",
        summary="The nonce a user's next allocation must carry",
        tag="allocations",
        handler=nonce,
        answers={200: AllocationNonce},
        parameters=OfUser,
    ),
)
