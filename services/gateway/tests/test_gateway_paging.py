"""Paged calls become one answer; concurrent requests do not mix."""

import asyncio

from octant_contracts import calls
from octant_contracts.calls import (
    BudgetRow,
    Budgets,
    EpochAllocation,
    EpochAllocations,
    MerkleLeaf,
    MerkleTreePage,
    OfEpoch,
    ProjectsOfEpoch,
)
from octant_contracts.values import Address, Hex, Wei

USER = Address.parse("0xB32398833CF0A132a22104D8746a027A34A47269")


async def test_budgets__of_several_pages__are_joined_in_order(world) -> None:
    rows = [BudgetRow(Address(bytes([i]) * 20), Wei(i)) for i in range(1, 6)]
    pages = {
        0: Budgets(budgets=rows[:2], next_cursor=2),
        2: Budgets(budgets=[], next_cursor=4),
        4: Budgets(budgets=rows[2:], next_cursor=None),
    }
    world.services.on(calls.BUDGETS, lambda request: pages[request.cursor])
    response = await world.get("/rewards/budgets/epoch/4")
    assert response.json() == {
        "budgets": [{"address": row.address.text, "amount": str(row.amount)} for row in rows]
    }


async def test_merkle_tree__of_several_pages__keeps_its_frame(world) -> None:
    def page(cursor: int, following: int | None) -> MerkleTreePage:
        return MerkleTreePage(
            epoch=1,
            rewards_sum=Wei(3),
            root=Hex(b"\1" * 32),
            leaves=[MerkleLeaf(USER, Wei(cursor))],
            leaf_encoding=["address", "uint256"],
            next_cursor=following,
        )

    pages = {0: page(0, 1000), 1000: page(1000, None)}
    world.services.on(calls.MERKLE_TREE, lambda request: pages[request.cursor])
    answer = (await world.get("/rewards/merkle_tree/1")).json()
    assert [leaf["amount"] for leaf in answer["leaves"]] == ["0", "1000"]
    assert list(answer) == ["epoch", "rewardsSum", "root", "leaves", "leafEncoding"]


async def test_allocations__of_several_pages__are_read_as_of_the_first(world) -> None:
    def page(request: calls.EpochAllocationsRequest) -> EpochAllocations:
        last = request.cursor == 3
        return EpochAllocations(
            allocations=[EpochAllocation(Wei(request.cursor), USER, USER)],
            next_cursor=None if last else request.cursor + 1,
            as_of=77,
        )

    world.services.on(calls.EPOCH_ALLOCATIONS, page)
    answer = (await world.get("/allocations/epoch/1")).json()
    assert [a["amount"] for a in answer["allocations"]] == ["0", "1", "2", "3"]
    asked = world.services.requests(calls.EPOCH_ALLOCATIONS)
    assert [(r.cursor, r.as_of) for r in asked] == [(0, None), (1, 77), (2, 77), (3, 77)]


async def test_donors__of_several_pages__are_read_as_of_the_first(world) -> None:
    users = [Address(bytes([i]) * 20) for i in range(1, 6)]
    following = {0: 2, 2: 3, 3: None}

    def rows(cursor: int) -> list[Address]:
        return users[cursor : following[cursor]]

    world.services.on(
        calls.EPOCH_DONORS,
        lambda of: calls.EpochDonors(
            donors=rows(of.cursor), next_cursor=following[of.cursor], as_of=77
        ),
    )
    world.services.on(
        calls.PROJECT_DONORS,
        lambda of: calls.ProjectDonors(
            donors=[calls.ProjectDonor(user, Wei(1)) for user in rows(of.cursor)],
            next_cursor=following[of.cursor],
            as_of=77,
        ),
    )
    answer = await world.get("/allocations/donors/1")
    assert answer.json() == {"donors": [user.text for user in users]}
    answer = await world.get(f"/allocations/project/{USER.text}/epoch/1")
    assert answer.json() == [{"address": user.text, "amount": "1"} for user in users]
    for call in (calls.EPOCH_DONORS, calls.PROJECT_DONORS):
        asked = world.services.requests(call)
        assert [(r.cursor, r.as_of) for r in asked] == [(0, None), (2, 77), (3, 77)]


async def test_concurrent_requests__each_keep_their_own_id_in_their_calls(world) -> None:
    async def echo(request: OfEpoch) -> ProjectsOfEpoch:
        await asyncio.sleep(0.02)
        return ProjectsOfEpoch(projects_addresses=[], projects_cid=str(request.epoch))

    world.services.on(calls.PROJECTS_OF_EPOCH, echo)
    answers = await asyncio.gather(
        *(
            world.get(f"/projects/epoch/{i}", headers={"X-Request-Id": f"request-{i}"})
            for i in range(20)
        )
    )
    assert [a.json()["projectsCid"] for a in answers] == [str(i) for i in range(20)]
    assert [a.headers["x-request-id"] for a in answers] == [f"request-{i}" for i in range(20)]
    heard = {asked.correlation: asked.request.epoch for asked in world.services.asked}
    assert heard == {f"request-{i}": i for i in range(20)}


def _simulation(first: int, until: int, following: int | None) -> calls.PendingSimulation:
    return calls.PendingSimulation(
        rewards=calls.SimulatedSplit(
            staking_proceeds=Wei(until),
            locked_ratio="0",
            total_effective_deposit=Wei(2),
            total_rewards=Wei(3),
            vanilla_individual_rewards=Wei(4),
            operational_cost=Wei(5),
            community_fund=Wei(0),
            ppf=Wei(6),
        ),
        user_deposits=[
            calls.SimulatedDeposit(
                user_address=USER, effective_deposit=Wei(first), deposit=Wei(first)
            )
        ],
        user_budgets=[calls.SimulatedBudget(user_address=USER, budget=Wei(first))]
        if first == 0
        else [],
        as_of=until,
        next_cursor=following,
    )


async def test_simulation__of_several_pages__joins_both_lists_as_of_the_first(world) -> None:
    def page(request: calls.SimulationRequest) -> calls.PendingSimulation:
        assert request.until == (None if request.cursor == 0 else 50)
        return _simulation(request.cursor, 50, None if request.cursor else 1000)

    world.services.on(calls.SIMULATE_PENDING, page)
    answer = (await world.get("/snapshots/pending/simulate")).json()
    assert [row["deposit"] for row in answer["userDeposits"]] == ["0", "1000"]
    assert [row["budget"] for row in answer["userBudgets"]] == ["0"]
    assert list(answer) == ["rewards", "userDeposits", "userBudgets"]


async def test_simulation__that_changes_between_pages__is_asked_for_again(world) -> None:
    world.services.on(
        calls.SIMULATE_PENDING,
        lambda request: _simulation(request.cursor, request.cursor, None if request.cursor else 1),
    )
    response = await world.get("/snapshots/pending/simulate")
    assert response.status_code == 503
    assert response.headers["retry-after"] == "1"
    assert response.json() == {
        "message": "A list that changed while it was read is not loaded yet; try again in a moment."
    }
