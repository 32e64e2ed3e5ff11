"""/rewards: budgets, project rewards, leverage, merkle trees."""

from octant_contracts.calls import (
    BUDGETS,
    ESTIMATED_PROJECT_REWARDS,
    LEVERAGE,
    MERKLE_TREE,
    PROJECT_REWARDS,
    THRESHOLD,
    UNUSED_BUDGETS,
    UPCOMING_BUDGET,
    USER_BUDGET,
    Leverage,
    Nothing,
    PageOfEpoch,
    ProjectRewards,
    ProjectThreshold,
    UpcomingBudget,
)
from octant_contracts.calls import OfEpoch as EpochRequest
from octant_contracts.calls import OfUser as UserRequest
from octant_contracts.calls import OfUserEpoch as UserEpochRequest
from octant_contracts.values import encode

from octant_gateway.answers import EpochBudgets, MerkleTree, UnusedRewards, UserBudget
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Answer, Operation
from octant_gateway.paging import join_pages
from octant_gateway.parameters import NoParameters, OfEpoch, OfUser, OfUserEpoch


async def budget(gateway: Gateway, of: OfUserEpoch) -> bytes | Answer:
    answer = await gateway.ask(USER_BUDGET, UserEpochRequest(of.user_address, of.epoch_number))
    if answer.budget is None:
        return Answer(204, b"")
    return encode(UserBudget(answer.budget))


async def upcoming(gateway: Gateway, of: OfUser) -> bytes:
    return await gateway.raw(UPCOMING_BUDGET, UserRequest(of.user_address))


async def budgets(gateway: Gateway, of: OfEpoch) -> bytes:
    async def page_at(cursor: int, _: int | None) -> bytes:
        return await gateway.raw(BUDGETS, PageOfEpoch(of.epoch_number, cursor))

    return await join_pages("budgets", page_at)


async def estimated_projects(gateway: Gateway, _: NoParameters) -> bytes:
    return await gateway.raw(ESTIMATED_PROJECT_REWARDS, Nothing())


async def projects(gateway: Gateway, of: OfEpoch) -> bytes:
    return await gateway.raw(PROJECT_REWARDS, EpochRequest(of.epoch_number))


async def leverage(gateway: Gateway, of: OfEpoch) -> bytes:
    return await gateway.raw(LEVERAGE, EpochRequest(of.epoch_number))


async def threshold(gateway: Gateway, of: OfEpoch) -> bytes:
    return await gateway.raw(THRESHOLD, EpochRequest(of.epoch_number))


async def unused(gateway: Gateway, of: OfEpoch) -> bytes:
    async def page_at(cursor: int, _: int | None) -> bytes:
        return await gateway.raw(UNUSED_BUDGETS, PageOfEpoch(of.epoch_number, cursor))

    return await join_pages("addresses", page_at)


async def merkle_tree(gateway: Gateway, of: OfEpoch) -> bytes:
    async def page_at(cursor: int, _: int | None) -> bytes:
        return await gateway.raw(MERKLE_TREE, PageOfEpoch(of.epoch_number, cursor))

    return await join_pages("leaves", page_at)


OPERATIONS = (
    Operation(
        method="GET",
        path="/rewards/budget/{user_address}/epoch/{epoch_number}",
        summary="A user's budget of an epoch; 204 without one",
        tag="rewards",
        handler=budget,
        reads=(USER_BUDGET,),
        answers={200: UserBudget, 204: None},
        parameters=OfUserEpoch,
    ),
    Operation(
        method="GET",
        path="/rewards/budget/{user_address}/upcoming",
        summary="A user's budget if the current epoch ended now",
        tag="rewards",
        handler=upcoming,
        answers={200: UpcomingBudget},
        parameters=OfUser,
        refusals=("EpochNotIndexed",),
    ),
    Operation(
        method="GET",
        path="/rewards/budgets/epoch/{epoch_number}",
        summary="All budgets of an epoch, in address order",
        tag="rewards",
        handler=budgets,
        reads=(BUDGETS,),
        answers={200: EpochBudgets},
        parameters=OfEpoch,
    ),
    Operation(
        method="GET",
        path="/rewards/projects/estimated",
        summary="What the projects would get if the allocation window closed now",
        tag="rewards",
        handler=estimated_projects,
        reads=(ESTIMATED_PROJECT_REWARDS,),
        answers={200: ProjectRewards},
        refusals=(
            "AllocationWindowClosed",
            "PendingSnapshotMissing",
            "InvalidMatchedRewardsStrategy",
        ),
    ),
    Operation(
        method="GET",
        path="/rewards/projects/epoch/{epoch_number}",
        summary="Final rewards of an epoch's projects",
        tag="rewards",
        handler=projects,
        reads=(PROJECT_REWARDS,),
        answers={200: ProjectRewards},
        parameters=OfEpoch,
        refusals=("InvalidEpoch",),
    ),
    Operation(
        method="GET",
        path="/rewards/leverage/{epoch_number}",
        summary="Matched rewards of an epoch per wei donated",
        tag="rewards",
        handler=leverage,
        reads=(LEVERAGE,),
        answers={200: Leverage},
        parameters=OfEpoch,
        refusals=(
            "NotImplementedForGivenEpochState",
            "InvalidEpoch",
            "InvalidMatchedRewardsStrategy",
        ),
    ),
    Operation(
        method="GET",
        path="/rewards/threshold/{epoch_number}",
        summary="What a project had to exceed to be matched; null since epoch 4",
        tag="rewards",
        handler=threshold,
        reads=(THRESHOLD,),
        answers={200: ProjectThreshold},
        parameters=OfEpoch,
        refusals=("InvalidEpoch",),
    ),
    Operation(
        method="GET",
        path="/rewards/unused/{epoch_number}",
        summary="Whose budgets of an epoch were neither allocated nor given as patrons",
        tag="rewards",
        handler=unused,
        reads=(UNUSED_BUDGETS,),
        answers={200: UnusedRewards},
        parameters=OfEpoch,
        refusals=("EpochNotIndexed",),
    ),
    Operation(
        method="GET",
        path="/rewards/merkle_tree/{epoch_number}",
        summary="The rewards tree of an epoch, leaves in address order",
        tag="rewards",
        handler=merkle_tree,
        reads=(MERKLE_TREE,),
        answers={200: MerkleTree},
        parameters=OfEpoch,
        refusals=("InvalidEpoch",),
    ),
)
