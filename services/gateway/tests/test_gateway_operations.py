"""Every operation: what it asks, what it answers, how a refusal of its service shows."""

import json
import re
from decimal import Decimal

import pytest
from octant_contracts import calls
from octant_contracts.calls import (
    AllocationInput,
    AllocationNonce,
    BudgetRow,
    Budgets,
    ChainInfo,
    CurrentEpoch,
    EffectiveDepositAnswer,
    EpochAllocation,
    EpochAllocations,
    EpochInfo,
    IndexedEpoch,
    Leverage,
    MerkleLeaf,
    MerkleTreePage,
    Nothing,
    OfEpoch,
    OfUser,
    OfUserEpoch,
    PatronMode,
    ProjectRewards,
    ProjectRewardsRow,
    ProjectsOfEpoch,
    SetPatronMode,
    SmartContract,
    SnapshotStatus,
    SnapshotTaken,
    UserAllocation,
    UserAllocations,
    Withdrawal,
    Withdrawals,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Hex, Wei
from octant_gateway.catalogue import CATALOGUE

from . import user_cases

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
PROJECT = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f"
USER = Address.parse(ALICE)
BODY = {
    "payload": {"allocations": [{"proposalAddress": PROJECT, "amount": "1000"}], "nonce": 0},
    "userAddress": ALICE,
    "signature": "0xabc",
    "isManuallyEdited": False,
}
BIG = 2**255 + 1
HEADERS = {"X-Real-IP": user_cases.IP}

INFO = EpochInfo(
    epoch=5,
    staking_proceeds=Wei(412042049081445321216),
    total_effective_deposit=Wei(BIG),
    total_rewards=Wei(3),
    vanilla_individual_rewards=Wei(4),
    operational_cost=Wei(5),
    ppf=None,
    community_fund=Wei(6),
    total_withdrawals=None,
    patrons_rewards=None,
    matched_rewards=None,
    leftover=Wei(-7),
    donated_to_projects=None,
    staking_matched_reserved_for_v2=Wei(0),
)
INFO_JSON = {
    "epoch": 5,
    "stakingProceeds": "412042049081445321216",
    "totalEffectiveDeposit": str(BIG),
    "totalRewards": "3",
    "vanillaIndividualRewards": "4",
    "operationalCost": "5",
    "ppf": None,
    "communityFund": "6",
    "totalWithdrawals": None,
    "patronsRewards": None,
    "matchedRewards": None,
    "leftover": "-7",
    "donatedToProjects": None,
    "stakingMatchedReservedForV2": "0",
}

# method, path, body, call, expected request, answer, status, expected JSON
CASES = [
    ("GET", "/epochs/current", None, calls.CURRENT_EPOCH, Nothing(),
     CurrentEpoch(current_epoch=3), 200, {"currentEpoch": 3}),
    ("GET", "/epochs/indexed", None, calls.INDEXED_EPOCH, Nothing(),
     IndexedEpoch(current_epoch=2, indexed_epoch=1), 200, {"currentEpoch": 2, "indexedEpoch": 1}),
    ("GET", "/epochs/info/5", None, calls.EPOCH_INFO, OfEpoch(5), INFO, 200, INFO_JSON),
    ("GET", "/epochs/rewards-rate/5", None, calls.REWARDS_RATE, OfEpoch(5),
     calls.RewardsRate(rewards_rate=0.038), 200, {"rewardsRate": 0.038}),
    ("GET", "/deposits/total_effective/estimated", None, calls.ESTIMATED_TOTAL_DEPOSIT, Nothing(),
     calls.TotalEffectiveDeposit(total_effective=Wei(BIG)), 200, {"totalEffective": str(BIG)}),
    ("GET", f"/deposits/users/{ALICE}/4", None, calls.USER_DEPOSIT, OfUserEpoch(USER, 4),
     EffectiveDepositAnswer(effective_deposit=Wei(BIG)), 200, {"effectiveDeposit": str(BIG)}),
    ("GET", f"/deposits/users/{ALICE}/estimated_effective_deposit", None,
     calls.ESTIMATED_DEPOSIT, OfUser(USER),
     EffectiveDepositAnswer(effective_deposit=Wei(7)), 200, {"effectiveDeposit": "7"}),
    ("GET", f"/rewards/budget/{ALICE}/epoch/4", None, calls.USER_BUDGET, OfUserEpoch(USER, 4),
     calls.Budget(Wei(0)), 200, {"budget": "0"}),
    ("GET", f"/rewards/budget/{ALICE}/epoch/4", None, calls.USER_BUDGET, OfUserEpoch(USER, 4),
     calls.Budget(None), 204, None),
    ("GET", "/rewards/budgets/epoch/4", None, calls.BUDGETS, calls.PageOfEpoch(4, 0),
     Budgets(budgets=[BudgetRow(USER, Wei(1))], next_cursor=None), 200,
     {"budgets": [{"address": ALICE, "amount": "1"}]}),
    ("GET", f"/rewards/budget/{ALICE}/upcoming", None, calls.UPCOMING_BUDGET, OfUser(USER),
     calls.UpcomingBudget(upcoming_budget=Wei(BIG)), 200, {"upcomingBudget": str(BIG)}),
    ("POST", "/rewards/estimated_budget", {"number_of_epochs": " 4.0 ", "glmAmount": str(BIG)},
     calls.ESTIMATED_BUDGET,
     calls.EpochsEstimateRequest(number_of_epochs=Wei(4), glm_amount=Wei(BIG)),
     calls.EstimatedBudget(budget=Wei(1), matched_funding=Wei(BIG)), 200,
     {"budget": "1", "matchedFunding": str(BIG)}),
    ("POST", "/rewards/estimated_budget/by_days", {"days": -3, "glmAmount": -1},
     calls.ESTIMATED_BUDGET_BY_DAYS,
     calls.DaysEstimateRequest(days=Wei(-3), glm_amount=Wei(-1)),
     calls.EstimatedBudgetByDays(Wei(0)), 200, {"budget": "0"}),
    ("GET", "/rewards/threshold/2", None, calls.THRESHOLD, OfEpoch(2),
     calls.ProjectThreshold(Wei(9)), 200, {"threshold": "9"}),
    ("GET", "/rewards/threshold/4", None, calls.THRESHOLD, OfEpoch(4),
     calls.ProjectThreshold(None), 200, {"threshold": None}),
    ("GET", "/rewards/unused/4", None, calls.UNUSED_BUDGETS, calls.PageOfEpoch(4, 0),
     calls.UnusedBudgets(addresses=[USER], value=Wei(3), next_cursor=None), 200,
     {"addresses": [ALICE], "value": "3"}),
    ("GET", "/deposits/3/total_effective", None, calls.DEPOSIT_TOTALS, OfEpoch(3),
     calls.DepositTotals(total_effective_deposit=Wei(BIG), locked_ratio=Decimal("0.0000004")),
     200, {"totalEffective": str(BIG)}),
    ("GET", "/deposits/3/locked_ratio", None, calls.DEPOSIT_TOTALS, OfEpoch(3),
     calls.DepositTotals(total_effective_deposit=Wei(1), locked_ratio=Decimal("0.0000004")),
     200, {"lockedRatio": "4E-7"}),
    ("GET", "/snapshots/pending/simulate", None, calls.SIMULATE_PENDING,
     calls.SimulationRequest(),
     calls.PendingSimulation(
         rewards=calls.SimulatedSplit(
             staking_proceeds=Wei(1), locked_ratio="9E-7", total_effective_deposit=Wei(2),
             total_rewards=Wei(3), vanilla_individual_rewards=Wei(4), operational_cost=Wei(5),
             community_fund=Wei(0), ppf=Wei(6)),
         user_deposits=[calls.SimulatedDeposit(
             user_address=USER, effective_deposit=Wei(7), deposit=Wei(8))],
         user_budgets=[calls.SimulatedBudget(user_address=USER, budget=Wei(9))],
         as_of=1_700_000_000, next_cursor=None), 200,
     {"rewards": {"stakingProceeds": "1", "lockedRatio": "9E-7", "totalEffectiveDeposit": "2",
                  "totalRewards": "3", "vanillaIndividualRewards": "4", "operationalCost": "5",
                  "communityFund": "0", "ppf": "6"},
      "userDeposits": [{"userAddress": ALICE, "effectiveDeposit": "7", "deposit": "8"}],
      "userBudgets": [{"userAddress": ALICE, "budget": "9"}]}),
    ("GET", "/snapshots/finalized/simulate", None, calls.SIMULATE_FINALIZED,
     calls.FinalizedSimulationRequest(),
     calls.FinalizedSimulation(
         patrons_rewards=Wei(1), matched_rewards=Wei(2),
         projects_rewards=[calls.SimulatedProject(Address.parse(PROJECT), Wei(5), Wei(3))],
         user_rewards=[calls.SimulatedClaim(USER, Wei(4))], total_withdrawals=Wei(9),
         leftover=Wei(-1), merkle_root=None, staking_matched_reserved_for_v2=Wei(0), as_of=7,
         next_cursor=None), 200,
     {"patronsRewards": "1", "matchedRewards": "2",
      "projectsRewards": [{"address": PROJECT, "amount": "5", "matched": "3"}],
      "userRewards": [{"address": ALICE, "amount": "4"}], "totalWithdrawals": "9",
      "leftover": "-1", "merkleRoot": None, "stakingMatchedReservedForV2": "0"}),
    ("GET", "/rewards/projects/estimated", None, calls.ESTIMATED_PROJECT_REWARDS, Nothing(),
     ProjectRewards([ProjectRewardsRow(Address.parse(PROJECT), Wei(1), Wei(2))]), 200,
     {"rewards": [{"address": PROJECT, "allocated": "1", "matched": "2"}]}),
    ("GET", "/rewards/projects/epoch/1", None, calls.PROJECT_REWARDS, OfEpoch(1),
     ProjectRewards([]), 200, {"rewards": []}),
    ("GET", "/rewards/leverage/1", None, calls.LEVERAGE, OfEpoch(1),
     Leverage(1.5625), 200, {"leverage": 1.5625}),
    ("GET", "/rewards/merkle_tree/1", None, calls.MERKLE_TREE, calls.PageOfEpoch(1, 0),
     MerkleTreePage(epoch=1, rewards_sum=Wei(3), root=Hex(b"\1" * 32),
                    leaves=[MerkleLeaf(USER, Wei(3))], leaf_encoding=["address", "uint256"],
                    next_cursor=None), 200,
     {"epoch": 1, "rewardsSum": "3", "root": "0x" + "01" * 32,
      "leaves": [{"address": ALICE, "amount": "3"}], "leafEncoding": ["address", "uint256"]}),
    ("POST", "/allocations/allocate", BODY, calls.ALLOCATE,
     calls.AllocateRequest(user=USER, nonce=Wei(0), signature="0xabc", is_manually_edited=False,
                           allocations=[AllocationInput(Address.parse(PROJECT), Wei(1000))]),
     Nothing(), 201, None),
    ("GET", "/allocations/epoch/1", None, calls.EPOCH_ALLOCATIONS,
     calls.EpochAllocationsRequest(epoch=1),
     EpochAllocations(allocations=[EpochAllocation(Wei(1), USER, Address.parse(PROJECT))],
                      next_cursor=None, as_of=9), 200,
     {"allocations": [{"amount": "1", "donor": ALICE, "project": PROJECT}]}),
    ("GET", "/allocations/epoch/1?includeZeroAllocations=true", None, calls.EPOCH_ALLOCATIONS,
     calls.EpochAllocationsRequest(epoch=1, include_zero_allocations=True),
     EpochAllocations(allocations=[], next_cursor=None, as_of=0), 200, {"allocations": []}),
    ("GET", "/allocations/donors/1", None, calls.EPOCH_DONORS, calls.EpochDonorsRequest(epoch=1),
     calls.EpochDonors(donors=[USER, Address.parse(PROJECT)], next_cursor=None, as_of=9), 200,
     {"donors": [ALICE, PROJECT]}),
    ("GET", f"/allocations/project/{PROJECT.lower()}/epoch/1", None, calls.PROJECT_DONORS,
     calls.ProjectDonorsRequest(project=Address.parse(PROJECT), epoch=1),
     calls.ProjectDonors(donors=[calls.ProjectDonor(USER, Wei(0))], next_cursor=None, as_of=9),
     200, [{"address": ALICE, "amount": "0"}]),
    ("GET", f"/allocations/project/{PROJECT}/epoch/-1", None, calls.PROJECT_DONORS,
     calls.ProjectDonorsRequest(project=Address.parse(PROJECT), epoch=-1),
     calls.ProjectDonors(donors=[], next_cursor=None, as_of=0), 200, []),
    ("GET", f"/allocations/user/{ALICE}/epoch/1", None, calls.USER_ALLOCATIONS,
     OfUserEpoch(USER, 1),
     UserAllocations(allocations=[UserAllocation(Address.parse(PROJECT), Wei(5))],
                     is_manually_edited=None), 200,
     {"allocations": [{"address": PROJECT, "amount": "5"}], "isManuallyEdited": None}),
    ("GET", f"/allocations/users/{ALICE}/allocation_nonce", None, calls.ALLOCATION_NONCE,
     OfUser(USER), AllocationNonce(allocation_nonce=3), 200, {"allocationNonce": 3}),
    ("GET", f"/user/{ALICE}/patron-mode", None, calls.PATRON_MODE, OfUser(USER),
     PatronMode(False), 200, {"status": False}),
    ("PATCH", f"/user/{ALICE}/patron-mode", {"signature": "0x12"}, calls.SET_PATRON_MODE,
     SetPatronMode(USER, "0x12"), PatronMode(True), 200, {"status": True}),
    ("POST", "/snapshots/pending", None, calls.TAKE_PENDING_SNAPSHOT, Nothing(),
     SnapshotTaken(4), 201, {"epoch": 4}),
    ("POST", "/snapshots/pending", None, calls.TAKE_PENDING_SNAPSHOT, Nothing(),
     SnapshotTaken(None), 200, None),
    ("POST", "/snapshots/finalized", None, calls.TAKE_FINALIZED_SNAPSHOT, Nothing(),
     SnapshotTaken(4), 201, {"epoch": 4}),
    ("POST", "/snapshots/finalized", None, calls.TAKE_FINALIZED_SNAPSHOT, Nothing(),
     SnapshotTaken(None), 200, None),
    ("GET", "/snapshots/status/4", None, calls.SNAPSHOT_STATUS, OfEpoch(4),
     SnapshotStatus(is_current=False, is_pending=True, is_finalized=False), 200,
     {"isCurrent": False, "isPending": True, "isFinalized": False}),
    ("GET", f"/withdrawals/{ALICE}", None, calls.WITHDRAWALS, OfUser(USER),
     Withdrawals([Withdrawal(epoch=1, amount=Wei(9), proof=[Hex(b"\2" * 32)], status="pending")]),
     200, [{"epoch": 1, "amount": "9", "proof": ["0x" + "02" * 32], "status": "pending"}]),
    ("GET", f"/withdrawals/{ALICE}", None, calls.WITHDRAWALS, OfUser(USER),
     Withdrawals([]), 200, []),
    ("GET", "/projects/epoch/1", None, calls.PROJECTS_OF_EPOCH, OfEpoch(1),
     ProjectsOfEpoch(projects_addresses=[Address.parse(PROJECT)], projects_cid="Qm"), 200,
     {"projectsAddresses": [PROJECT], "projectsCid": "Qm"}),
    ("GET", "/projects/details?epochs=1,2&searchPhrases=Al%2Cb", None, calls.PROJECT_DETAILS,
     calls.ProjectDetailsRequest(epochs=[1, 2], phrases=["Al", "b"]),
     calls.FoundProjects(projects_details=[
         calls.ProjectDetails(name="Alpha", address=USER, epoch="2")], next_cursor=None), 200,
     {"projectsDetails": [{"name": "Alpha", "address": ALICE, "epoch": "2"}]}),
    ("GET", f"/user/{ALICE}/sablier-streams", None, calls.SABLIER_STREAMS,
     calls.StreamsRequest(recipient=USER),
     calls.SablierStreams(sablier_streams=[], next_cursor=None), 200, {"sablierStreams": []}),
    ("GET", "/user/sablier-streams/all", None, calls.SABLIER_STREAMS, calls.StreamsRequest(),
     calls.SablierStreams(sablier_streams=[], next_cursor=None), 200, {"sablierStreams": []}),
    ("POST", "/glms/claim", {"signature": "0x12"}, calls.CLAIM_GLM, calls.ClaimGlm("0x12"),
     Nothing(), 201, None),
    ("GET", f"/glms/claim/{ALICE}/check", None, calls.CLAIMABLE_GLM, OfUser(USER),
     calls.ClaimableGlm(USER, Wei(0)), 200, {"address": ALICE, "claimable": "0"}),
    ("GET", "/info/chain-info", None, calls.CHAIN_INFO, Nothing(),
     ChainInfo(chain_name="local", chain_id=1337, smart_contracts=[SmartContract("Auth", USER)]),
     200, {"chainName": "local", "chainId": 1337,
           "smartContracts": [{"name": "Auth", "address": ALICE}]}),
    *user_cases.CASES,
]  # fmt: skip
NAMES = [f"{c[0]} {c[1]} {c[6]}" for c in CASES]


def matches(template: str, path: str) -> bool:
    parts, given = template.split("/"), path.split("?")[0].split("/")
    return len(parts) == len(given) and all(
        p.startswith("{") or p == g for p, g in zip(parts, given, strict=True)
    )


def test_cases__cover_the_whole_catalogue__but_what_other_tests_cover() -> None:
    uncovered = {
        o.path
        for o in CATALOGUE
        if not any(c[0] == o.method and matches(o.path, c[1]) for c in CASES)
    }
    assert uncovered == {
        "/info/healthcheck",
        "/info/sync-status",
        "/info/version",
        "/config.json",
        "/allocations/leverage/{user_address}",
        "/history/{user_address}",
    }


@pytest.mark.parametrize("case", CASES, ids=NAMES)
async def test_operation__when_its_service_answers__gives_the_public_form(world, case) -> None:
    method, path, body, call, request, answer, status, expected = case
    world.services.on(call, answer)
    response = await world.client.request(method, path, json=body, headers=HEADERS)
    assert response.status_code == status
    if status == 204:
        assert response.content == b""
    else:
        assert response.headers["content-type"] == "application/json"
        assert response.json() == expected
        assert response.text == json.dumps(expected, separators=(",", ":"))
    assert [asked.request for asked in world.services.asked] == [request]
    (reads,) = {o.reads for o in CATALOGUE if o.method == method and fits(o.path, path)}
    assert reads in ((), (call,))  # or the cache would not keep it


def fits(template: str, path: str) -> bool:
    pattern = re.sub(r"{\w+}", "[^/]+", template)
    return re.fullmatch(pattern, path.partition("?")[0]) is not None


async def test_operations__when_their_service_refuses__render_the_refusal(world) -> None:
    for method, path, body, call, *_ in CASES:
        world.services.on(call, Refusal("EpochNotIndexed", epoch=7))
        response = await world.client.request(method, path, json=body, headers=HEADERS)
        assert response.status_code == 400, path
        assert response.json() == {"message": "Epoch 7 has not yet been indexed in the Graph."}


async def test_operations__when_their_service_is_away__say_so_and_when_to_retry(world) -> None:
    await world.services.stop_all()
    for method, path, body, call, *_ in CASES:
        response = await world.client.request(method, path, json=body, headers=HEADERS)
        assert response.status_code == 503, path
        assert response.headers["retry-after"] == "1"
        assert response.json() == {
            "message": f"The {call.service} service does not answer at the moment; try again."
        }


@pytest.mark.parametrize(
    ("refusal", "status", "message"),
    [
        (
            Refusal("WrongAllocationsNonce", used=5, expected=3),
            400,
            "Attempt to use wrong value of nonce (5 instead of 3) when signing allocations",
        ),
        (
            Refusal("NotAllowedInPatronMode", user=ALICE),
            403,
            f"This action is not allowed in patron mode; user address: {ALICE}",
        ),
        (
            Refusal("BudgetNotFound", user=ALICE, epoch=2),
            404,
            f"User {ALICE} does not have a budget for epoch 2",
        ),
        (
            Refusal("InvalidSignature", signature="0xabc", user=ALICE),
            400,
            f"Given signature 0xabc is invalid or does not belong to {ALICE}",
        ),
        (
            Refusal("AllocationWindowClosed"),
            403,
            "This action is available only during the allocation window.",
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Refusal) else "",
)
async def test_allocate__refused_by_the_rules__answers_the_text_clients_know(
    world, refusal, status, message
) -> None:
    world.services.on(calls.ALLOCATE, refusal)
    response = await world.client.post("/allocations/allocate", json=BODY)
    assert (response.status_code, response.json()) == (status, {"message": message})


async def test_service__that_fails_inside__is_a_bare_500_with_a_request_id(world) -> None:
    world.services.on(calls.CURRENT_EPOCH, RuntimeError("a secret"))
    response = await world.get("/epochs/current")
    assert (response.status_code, response.json()) == (500, {"message": "Internal server error"})
    assert response.headers["x-request-id"]


async def test_leverage__of_a_planned_allocation__is_weighed_by_the_users_terms(world) -> None:
    project = Address.parse(PROJECT)
    world.services.on(
        calls.ALLOCATION_TERMS,
        calls.AllocationTerms(epoch=4, uniqueness_quotient=Decimal("0.01")),
    )
    world.services.on(
        calls.SIMULATE_LEVERAGE,
        calls.SimulatedLeverage("0.07", None, [calls.MatchedProject(project, Wei(BIG))]),
    )
    body = {"allocations": [{"proposalAddress": PROJECT, "amount": "70"}]}
    response = await world.client.post(f"/allocations/leverage/{ALICE}", json=body)
    assert (response.status_code, response.json()) == (
        200,
        {
            "leverage": "0.07",
            "threshold": None,
            "matched": [{"address": PROJECT, "value": str(BIG)}],
        },
    )
    assert world.services.requests(calls.SIMULATE_LEVERAGE) == [
        calls.SimulateLeverageRequest(
            user=USER,
            epoch=4,
            uniqueness_quotient=Decimal("0.01"),
            allocations=[AllocationInput(project, Wei(70))],
        )
    ]


@pytest.mark.parametrize("body", [{"allocations": []}, {"allocations": "no list"}])
async def test_leverage__while_the_window_is_closed__says_so_before_anything_else(
    world, body
) -> None:
    world.services.on(
        calls.ALLOCATION_TERMS, calls.AllocationTerms(epoch=None, uniqueness_quotient=None)
    )
    world.services.on(calls.ALLOCATION_WINDOW, calls.Window(pending_epoch=None))
    response = await world.client.post(f"/allocations/leverage/{ALICE}", json=body)
    assert (response.status_code, response.json()) == (
        403,
        {"message": "This action is available only during the allocation window."},
    )
