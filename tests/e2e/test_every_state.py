"""Every operation about epochs, deposits, rewards, snapshots, allocations and withdrawals, in
every state of an epoch: what it answers, in exact numbers, or why it refuses.

Numbers are computed from the chain's own logs by the rules of Octant, or by hand.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.world import World
from octant_protocol.address import eip55, parse_address
from octant_protocol.calendar import EpochBounds
from octant_protocol.deposits import EffectiveDeposit
from octant_protocol.estimates import (
    CurrentEpoch,
    estimate_budget_by_days,
    estimate_future_budget,
)
from octant_protocol.finalization import Finalization
from octant_protocol.funding import AllocationRow
from octant_protocol.leverage import individual_leverage
from octant_protocol.proceeds import estimate_staking_proceeds, split_proceeds, user_budget
from octant_protocol.rules import EPOCH_4

from e2e import expected
from e2e.client import Gateway
from e2e.states import DURATION, FUTURE, GLM, STATES, WINDOW, Answer, Moment, Walk

pytestmark = [pytest.mark.xdist_group("states"), pytest.mark.timeout(300)]
INVALID = {"message": "Given epoch is not valid."}
NOT_IMPLEMENTED = {"message": "Functionality is not implemented for given epoch state"}
WINDOW_CLOSED = {"message": "This action is available only during the allocation window."}
MISSING = "Pending snapshot is missing! We need it here"


@pytest.fixture(scope="module")
def walk(run_folder: Path) -> Iterator[Walk]:
    options = WorldOptions(
        ports=random_ports(),
        snapshots="manual",
        epoch_duration=DURATION,
        decision_window=WINDOW,
        deterministic=True,
        durable=False,
        forked=True,
        people=False,
        confirm=False,
    )
    with World(run_folder / "states", options) as world:
        world.wait_ready(90)
        gateway = Gateway(world.gateway_url)
        yield Walk(world, gateway).run()
        gateway.close()


def not_indexed(epoch: int) -> dict[str, str]:
    return {"message": f"Epoch {epoch} has not yet been indexed in the Graph."}


def refused(answer: Answer, status: int, body: Any) -> None:
    assert (answer.status, answer.json) == (status, body)


def span(walk: Walk, epoch: int) -> EpochBounds:
    return expected.epoch_bounds(walk.chain, walk.deployment, epoch)


def deposits(walk: Walk, epoch: int, until: int | None = None) -> dict[bytes, EffectiveDeposit]:
    return expected.deposits(walk.chain, walk.deployment, epoch, until)


def total(found: dict[bytes, EffectiveDeposit]) -> int:
    return sum(deposit.effective for deposit in found.values())


def settled(walk: Walk) -> Finalization:
    assert walk.snapshot is not None
    return expected.settled(walk.chain, walk.deployment, 1, walk.snapshot, walk.accepted)


def info(epoch: int, proceeds: int, total_effective: int) -> dict[str, Any]:
    """Of an epoch without a snapshot."""
    split = split_proceeds(proceeds, total_effective, EPOCH_4)
    return {
        "epoch": epoch,
        "stakingProceeds": str(proceeds),
        "totalEffectiveDeposit": str(total_effective),
        "totalRewards": str(split.total_rewards),
        "vanillaIndividualRewards": str(split.vanilla_individual_rewards),
        "operationalCost": str(split.operational_cost),
        "ppf": str(split.ppf),
        "communityFund": str(split.community_fund),
        "totalWithdrawals": None,
        "patronsRewards": None,
        "matchedRewards": None,
        "leftover": None,
        "donatedToProjects": None,
        "stakingMatchedReservedForV2": "0",
    }


def donated_in_first_epoch(walk: Walk) -> int:
    """A finalized epoch's statistics follow its own retired rules: what lies below half the
    average gift was not matched then, and what was not used is not known."""
    gifts: dict[bytes, int] = {}
    for row in walk.accepted.rows():
        gifts[row.project] = gifts.get(row.project, 0) + row.amount
    whole = sum(gifts.values())
    below = sum(given for given in gifts.values() if given < int(whole / (2 * len(gifts))))
    return settled(walk).matched.matched + whole - below


BEFORE = ("current", "awaiting snapshot")
AFTER = ("pending", "finalizing", "finalized")


@pytest.mark.proves("GET /epochs/current")
@pytest.mark.proves("GET /epochs/indexed")
@pytest.mark.proves("GET /epochs/rewards-rate/{epoch_number}", "success", "InvalidEpoch")
@pytest.mark.parametrize("state", STATES)
def test_epoch_numbers__in_every_state__are_the_chains(walk: Walk, state: str) -> None:
    moment, current = walk.moments[state], 1 if state == "current" else 2
    assert moment.body("/epochs/current") == {"currentEpoch": current}
    assert moment.body("/epochs/indexed") == {"currentEpoch": current, "indexedEpoch": current}
    for epoch in (1, 2, FUTURE):
        assert moment.get(f"/epochs/rewards-rate/{epoch}").text == '{"rewardsRate":0.038}'
    for epoch in (-1, 0):
        refused(moment.get(f"/epochs/rewards-rate/{epoch}"), 400, INVALID)


@pytest.mark.proves("GET /epochs/info/{epoch_number}", "success", "InvalidEpoch")
@pytest.mark.parametrize("state", STATES)
def test_info__of_epochs_without_a_snapshot__is_estimated(walk: Walk, state: str) -> None:
    moment, current = walk.moments[state], 1 if state == "current" else 2
    estimate = estimate_staking_proceeds(DURATION)
    wanted = info(current, estimate, total(deposits(walk, current)))
    assert moment.body(f"/epochs/info/{current}") == wanted
    wanted = info(FUTURE, estimate, moment.locked)
    assert moment.body(f"/epochs/info/{FUTURE}") == wanted
    for epoch in (-1, 0):
        refused(moment.get(f"/epochs/info/{epoch}"), 400, INVALID)
    if state == "awaiting snapshot":
        wanted = info(1, moment.proceeds, total(deposits(walk, 1)))
        assert moment.body("/epochs/info/1") == wanted


@pytest.mark.parametrize("state", AFTER)
def test_info__from_the_snapshot_on__is_the_snapshots(walk: Walk, state: str) -> None:
    result, snapshot = settled(walk), walk.snapshot
    assert snapshot is not None
    assert walk.moments[state].body("/epochs/info/1") == info(
        1, snapshot.proceeds, snapshot.total_effective_deposit
    ) | {
        "totalWithdrawals": str(result.total_withdrawals),
        "patronsRewards": str(result.patrons_rewards),
        "matchedRewards": str(result.matched.matched),
        "leftover": str(result.leftover),
        "donatedToProjects": str(
            result.funding.donated if state != "finalized" else donated_in_first_epoch(walk)
        ),
    }
    assert result.patrons_rewards == snapshot.budgets[parse_address(walk.carol.address)]


@pytest.mark.proves(
    "GET /deposits/users/{user_address}/{epoch_number}", "success", "EffectiveDepositNotFound"
)
@pytest.mark.proves("GET /deposits/users/{user_address}/estimated_effective_deposit")
@pytest.mark.proves("GET /deposits/total_effective/estimated")
@pytest.mark.parametrize("state", STATES)
def test_deposits__in_every_state__follow_the_logs(walk: Walk, state: str) -> None:
    moment, current = walk.moments[state], 1 if state == "current" else 2
    alice = parse_address(walk.alice.address)
    running = deposits(walk, current)
    estimate = {"effectiveDeposit": str(running[alice].effective)}
    path = f"/deposits/users/{walk.alice.address}"
    assert moment.body(f"{path}/estimated_effective_deposit") == estimate
    assert moment.body(f"{path}/{current}") == estimate
    assert moment.body("/deposits/total_effective/estimated") == {
        "totalEffective": str(total(running))
    }
    for epoch in {-1, 0, 1, 2, FUTURE} - {current} - ({1} if state != "current" else set()):
        text = (
            f"The effective deposit for a user {walk.alice.address} "
            f"in the epoch {epoch} is not found"
        )
        refused(moment.get(f"{path}/{epoch}"), 400, {"message": text})
    if state != "current":
        stored = deposits(walk, 1)[alice].effective
        assert moment.body(f"{path}/1") == {"effectiveDeposit": str(stored)}


@pytest.mark.proves("GET /deposits/{epoch_number}/total_effective", "success", "InvalidEpoch")
@pytest.mark.proves("GET /deposits/{epoch_number}/locked_ratio", "success", "InvalidEpoch")
@pytest.mark.parametrize("state", STATES)
def test_deposit_totals__exist_with_the_pending_snapshot(walk: Walk, state: str) -> None:
    moment = walk.moments[state]
    for epoch in (-1, 0, 2, FUTURE, *([1] if state in BEFORE else [])):
        refused(moment.get(f"/deposits/{epoch}/total_effective"), 400, INVALID)
        refused(moment.get(f"/deposits/{epoch}/locked_ratio"), 400, INVALID)
    if state in AFTER:
        whole = total(deposits(walk, 1))
        assert moment.body("/deposits/1/total_effective") == {"totalEffective": str(whole)}
        ratio = str(Decimal(whole) / Decimal(10**27))
        assert moment.body("/deposits/1/locked_ratio") == {"lockedRatio": ratio}


@pytest.mark.proves("GET /rewards/budget/{user_address}/epoch/{epoch_number}")
@pytest.mark.proves("GET /rewards/budgets/epoch/{epoch_number}")
@pytest.mark.parametrize("state", STATES)
def test_budgets__exist_with_the_pending_snapshot(walk: Walk, state: str) -> None:
    moment, snapshot = walk.moments[state], walk.snapshot
    assert snapshot is not None
    for epoch in (-1, 0, 2, FUTURE, *([1] if state in BEFORE else [])):
        none = moment.get(f"/rewards/budget/{walk.alice.address}/epoch/{epoch}")
        assert (none.status, none.text) == (204, "")
        assert moment.body(f"/rewards/budgets/epoch/{epoch}") == {"budgets": []}
    if state in AFTER:
        budgets = {eip55(user): str(budget) for user, budget in snapshot.budgets.items()}
        assert moment.body(f"/rewards/budget/{walk.alice.address}/epoch/1") == {
            "budget": budgets[walk.alice.address]
        }
        assert moment.get(f"/rewards/budget/{walk.finn.address}/epoch/1").status == 204
        assert moment.body("/rewards/budgets/epoch/1") == {
            "budgets": [{"address": a, "amount": budgets[a]} for a in sorted(budgets)]
        }
        assert len(budgets) == 5


@pytest.mark.proves("GET /rewards/budget/{user_address}/upcoming")
@pytest.mark.parametrize("state", STATES)
def test_upcoming_budget__is_that_of_an_epoch_that_ends_now(walk: Walk, state: str) -> None:
    moment, current = walk.moments[state], 1 if state == "current" else 2
    start = span(walk, current).start
    now = deposits(walk, current, moment.now)
    split = split_proceeds(estimate_staking_proceeds(moment.now - start), total(now), EPOCH_4)
    for person in (walk.alice, walk.finn):
        budget = user_budget(
            now[parse_address(person.address)].effective,
            total(now),
            split.vanilla_individual_rewards,
            split.ppf,
            EPOCH_4,
        )
        answer = moment.body(f"/rewards/budget/{person.address}/upcoming")
        assert answer == {"upcomingBudget": str(budget)}


@pytest.mark.proves("POST /rewards/estimated_budget", "success", "MissingSnapshot")
@pytest.mark.proves("POST /rewards/estimated_budget/by_days")
@pytest.mark.parametrize("state", STATES)
def test_estimated_budgets__are_those_of_the_formulas(walk: Walk, state: str) -> None:
    moment, current = walk.moments[state], 1 if state == "current" else 2
    bounds = span(walk, current)
    first = span(walk, 1).start
    by_days = estimate_budget_by_days(
        days=100,
        amount=1_000 * GLM,
        now=moment.now,
        current=CurrentEpoch(bounds.start, DURATION, total(deposits(walk, current))),
        future_start=first,
        future_duration=DURATION,
        balance=moment.locked,
        rules=EPOCH_4,
    )
    assert by_days > 0
    answer = moment.answers["POST /rewards/estimated_budget/by_days"]
    assert (answer.status, answer.json) == (200, {"budget": str(by_days)})

    answer = moment.answers["POST /rewards/estimated_budget"]
    if state != "finalized":
        text = (
            "No snapshot has been taken. "
            "Try calling /snapshot/pending or /snapshot/finalized endpoint"
        )
        refused(answer, 500, {"message": text})
        return
    budget = 2 * estimate_future_budget(
        start=first, duration=DURATION, lock_duration=DURATION, amount=1_000 * GLM,
        balance=moment.locked, rules=EPOCH_4,
    )  # fmt: skip
    given = sum(row.amount for row in walk.accepted.rows())
    matched = int(budget * (settled(walk).matched.matched / given))
    assert (answer.status, answer.json) == (
        200,
        {"budget": str(budget), "matchedFunding": str(matched)},
    )


@pytest.mark.proves(
    "GET /rewards/leverage/{epoch_number}",
    "success",
    "InvalidEpoch",
    "NotImplementedForGivenEpochState",
)
@pytest.mark.parametrize("state", STATES)
def test_leverage__of_an_epoch__is_told_from_its_snapshot_on(walk: Walk, state: str) -> None:
    moment = walk.moments[state]
    current = 1 if state == "current" else 2
    for epoch in {-1, 0}:
        refused(moment.get(f"/rewards/leverage/{epoch}"), 400, INVALID)
    for epoch in {current, FUTURE} | ({1} if state in BEFORE else set()):
        refused(moment.get(f"/rewards/leverage/{epoch}"), 400, NOT_IMPLEMENTED)
    if state in AFTER:
        given = sum(row.amount for row in walk.accepted.rows())
        wanted = {"leverage": settled(walk).matched.matched / given}
        assert moment.body("/rewards/leverage/1") == wanted


@pytest.mark.proves(
    "GET /rewards/projects/estimated", "success", "AllocationWindowClosed", "PendingSnapshotMissing"
)
@pytest.mark.parametrize("state", STATES)
def test_estimated_project_rewards__are_told_while_the_window_is_open(
    walk: Walk, state: str
) -> None:
    answer = walk.moments[state].get("/rewards/projects/estimated")
    if state == "awaiting snapshot":
        refused(answer, 400, {"message": MISSING})
    elif state == "pending":
        rewards = [
            {"address": eip55(r.project), "allocated": str(r.allocated), "matched": str(r.matched)}
            for r in settled(walk).funding.projects
        ]
        assert (answer.status, answer.json) == (200, {"rewards": rewards})
        assert sum(int(r["matched"]) > 0 for r in rewards) == 2
    else:
        refused(answer, 403, WINDOW_CLOSED)


@pytest.mark.proves("GET /rewards/merkle_tree/{epoch_number}", "success", "InvalidEpoch")
@pytest.mark.proves("GET /rewards/projects/epoch/{epoch_number}", "success", "InvalidEpoch")
@pytest.mark.parametrize("state", STATES)
def test_final_rewards__exist_once_the_epoch_is_finalized(walk: Walk, state: str) -> None:
    moment, result = walk.moments[state], settled(walk)
    for epoch in (-1, 0, 2, FUTURE, *([1] if state != "finalized" else [])):
        refused(moment.get(f"/rewards/merkle_tree/{epoch}"), 400, INVALID)
        if epoch < 0:
            refused(moment.get(f"/rewards/projects/epoch/{epoch}"), 400, INVALID)
        else:
            assert moment.body(f"/rewards/projects/epoch/{epoch}") == {"rewards": []}
    if state == "finalized":
        assert result.tree is not None
        assert moment.body("/rewards/merkle_tree/1") == {
            "epoch": 1,
            "rewardsSum": str(sum(amount for _, amount in result.leaves)),
            "root": "0x" + result.tree.root.hex(),
            "leaves": [{"address": eip55(a), "amount": str(wei)} for a, wei in result.leaves],
            "leafEncoding": ["address", "uint256"],
        }
        assert moment.body("/rewards/projects/epoch/1") == {
            "rewards": [
                {
                    "address": eip55(r.project),
                    "allocated": str(r.allocated),
                    "matched": str(r.matched),
                }
                for r in sorted(result.rewarded, key=lambda r: eip55(r.project))
            ]
        }


@pytest.mark.proves("GET /rewards/threshold/{epoch_number}", "success", "InvalidEpoch")
@pytest.mark.parametrize("state", STATES)
def test_threshold__in_every_state__is_a_share_of_what_was_given(walk: Walk, state: str) -> None:
    moment = walk.moments[state]
    given = sum(row.amount for row in walk.accepted.rows()) if state in AFTER else 0
    assert moment.body("/rewards/threshold/1") == {"threshold": str(int(given / 20))}
    assert moment.body("/rewards/threshold/2") == {"threshold": "0"}
    assert moment.get(f"/rewards/threshold/{FUTURE}").text == '{"threshold":null}'
    assert moment.body("/rewards/threshold/0") == {"threshold": "0"}
    refused(moment.get("/rewards/threshold/-1"), 400, INVALID)


@pytest.mark.proves("GET /rewards/unused/{epoch_number}", "success", "EpochNotIndexed")
@pytest.mark.parametrize("state", STATES)
def test_unused_budgets__are_those_of_sleepers(walk: Walk, state: str) -> None:
    moment, current, snapshot = walk.moments[state], 1 if state == "current" else 2, walk.snapshot
    assert snapshot is not None
    for epoch in (-1, 0, *([2] if current == 1 else []), FUTURE):
        refused(moment.get(f"/rewards/unused/{epoch}"), 400, not_indexed(epoch))
    nothing = {"addresses": [], "value": "0"}
    assert moment.body(f"/rewards/unused/{current}") == nothing
    left = snapshot.budgets[parse_address(walk.dave.address)]
    slept = {"addresses": [walk.dave.address], "value": str(left)}
    assert moment.body("/rewards/unused/1") == (slept if state in AFTER else nothing)


@pytest.mark.proves("GET /snapshots/status/{epoch}", "success", "EpochNotStartedYet")
@pytest.mark.parametrize("state", STATES)
def test_snapshot_status__tells_the_state(walk: Walk, state: str) -> None:
    moment = walk.moments[state]
    flags = [moment.get(f"/snapshots/status/{epoch}").json for epoch in (-1, 0, 1, 2, FUTURE)]
    none = {"isCurrent": False, "isPending": False, "isFinalized": False}
    current, pending, finalized = ({**none, flag: True} for flag in none)
    early = {"message": "Given epoch has not yet started."}
    of_first = {
        "current": current,
        "awaiting snapshot": none,
        "pending": pending,
        "finalizing": none,
        "finalized": finalized,
    }
    second = early if state == "current" else current
    assert flags == [none, none, of_first[state], second, early]


@pytest.mark.proves("POST /snapshots/pending")
@pytest.mark.proves("POST /snapshots/finalized")
def test_snapshots__taken_again__answer_that_there_is_nothing_to_do(walk: Walk) -> None:
    for kind in ("pending", "finalized"):
        assert (walk.again[kind].status, walk.again[kind].text) == (200, "null")


@pytest.mark.proves("GET /snapshots/pending/simulate")
@pytest.mark.parametrize("state", STATES)
def test_pending_simulation__is_that_of_an_epoch_that_ends_now(walk: Walk, state: str) -> None:
    moment, current = walk.moments[state], 1 if state == "current" else 2
    now = deposits(walk, current, moment.now)
    whole = total(now)
    split = split_proceeds(moment.proceeds, whole, EPOCH_4)
    budgets = {
        user: user_budget(d.effective, whole, split.vanilla_individual_rewards, split.ppf, EPOCH_4)
        for user, d in now.items()
    }
    order = sorted(now, key=eip55)  # all active, or (in the second epoch) none
    assert moment.body("/snapshots/pending/simulate") == {
        "rewards": {
            "stakingProceeds": str(moment.proceeds),
            "lockedRatio": str(Decimal(whole) / Decimal(10**27)),
            "totalEffectiveDeposit": str(whole),
            "totalRewards": str(split.total_rewards),
            "vanillaIndividualRewards": str(split.vanilla_individual_rewards),
            "operationalCost": str(split.operational_cost),
            "communityFund": str(split.community_fund),
            "ppf": str(split.ppf),
        },
        "userDeposits": [
            {
                "userAddress": eip55(user),
                "effectiveDeposit": str(now[user].effective),
                "deposit": str(now[user].end_balance),
            }
            for user in order
        ],
        "userBudgets": [
            {"userAddress": eip55(user), "budget": str(budgets[user])}
            for user in order
            if budgets[user]
        ],
    }


@pytest.mark.proves(
    "GET /snapshots/finalized/simulate",
    "success",
    "SimulationOutsideWindow",
    "SimulationWithoutSnapshot",
)
@pytest.mark.parametrize("state", STATES)
def test_finalized_simulation__is_possible_while_the_window_is_open(walk: Walk, state: str) -> None:
    answer = walk.moments[state].get("/snapshots/finalized/simulate")
    if state == "awaiting snapshot":
        refused(answer, 400, {"detail": MISSING})
        return
    if state != "pending":
        refused(answer, 400, {"detail": "Possible only in open allocation window"})
        return
    result = settled(walk)
    assert result.tree is not None
    assert answer.json == {
        "patronsRewards": str(result.patrons_rewards),
        "matchedRewards": str(result.matched.matched),
        "projectsRewards": [
            {
                "address": eip55(r.project),
                "amount": str(r.allocated + r.matched),
                "matched": str(r.matched),
            }
            for r in result.rewarded
        ],
        "userRewards": [
            {"address": eip55(user), "amount": str(claim)} for user, claim in result.claims.items()
        ],
        "totalWithdrawals": str(result.total_withdrawals),
        "leftover": str(result.leftover),
        "merkleRoot": "0x" + result.tree.root.hex(),
        "stakingMatchedReservedForV2": "0",
    }


@pytest.mark.proves(
    "POST /allocations/allocate", "success", "BudgetNotFound", "AllocationWindowClosed"
)
@pytest.mark.proves("GET /allocations/epoch/{epoch_number}")
@pytest.mark.proves("GET /allocations/donors/{epoch_number}")
@pytest.mark.proves("GET /allocations/project/{project_address}/epoch/{epoch_number}")
@pytest.mark.proves("GET /allocations/user/{user_address}/epoch/{epoch_number}")
@pytest.mark.proves("GET /allocations/users/{user_address}/allocation_nonce")
@pytest.mark.parametrize("state", STATES)
def test_allocations__in_every_state__are_the_accepted_ones(walk: Walk, state: str) -> None:
    moment = walk.moments[state]
    alice, project = walk.alice.address, walk.projects[1].address
    rows = walk.accepted.rows() if state in AFTER else []
    for epoch in (-1, 0, 1, 2, FUTURE):
        live = [(eip55(r.user), eip55(r.project), str(r.amount)) for r in rows if epoch == 1]
        whole = [{"amount": a, "donor": u, "project": p} for u, p, a in live]
        path = f"/allocations/epoch/{epoch}"
        assert moment.body(f"{path}?includeZeroAllocations=true") == {"allocations": whole}
        assert moment.body(path) == {"allocations": [r for r in whole if r["amount"] != "0"]}
        donors = list(dict.fromkeys(u for u, _, _ in live))
        assert moment.body(f"/allocations/donors/{epoch}") == {"donors": donors}
        assert moment.body(f"/allocations/project/{project}/epoch/{epoch}") == [
            {"address": u, "amount": a} for u, p, a in live if p == project
        ]
        assert moment.body(f"/allocations/user/{alice}/epoch/{epoch}") == {
            "allocations": [{"address": p, "amount": a} for u, p, a in live if u == alice],
            "isManuallyEdited": False if live else None,
        }
    nonce = 2 if state in AFTER else 0
    answer = moment.body(f"/allocations/users/{alice}/allocation_nonce")
    assert answer == {"allocationNonce": nonce}
    refusal = moment.answers["POST /allocations/allocate"]
    if state in ("awaiting snapshot", "pending"):
        text = f"User {walk.finn.address} does not have a budget for epoch 1"
        refused(refusal, 404, {"message": text})
    else:
        refused(refusal, 403, WINDOW_CLOSED)


@pytest.mark.proves(
    "POST /allocations/leverage/{user_address}",
    "success",
    "AllocationWindowClosed",
    "PendingSnapshotMissing",
)
@pytest.mark.parametrize("state", STATES)
def test_leverage_simulation__follows_the_formula_while_the_window_is_open(
    walk: Walk, state: str
) -> None:
    moment = walk.moments[state]
    for person in (walk.dave, walk.alice):
        answer = moment.answers[f"POST /allocations/leverage/{person.address}"]
        if state == "awaiting snapshot":
            refused(answer, 400, {"message": MISSING})
        elif state != "pending":
            refused(answer, 403, WINDOW_CLOSED)
        else:
            check_leverage(walk, person.address, answer)


def check_leverage(walk: Walk, user: str, answer: Answer) -> None:
    rows = [AllocationRow(parse_address(p), wei, Decimal("0.01")) for p, wei in walk.plan]
    listed = sorted((parse_address(p.address) for p in walk.projects), key=eip55)
    leverage, after = individual_leverage(
        walk.accepted.rows(), parse_address(user), rows, listed, settled(walk).matched.matched
    )
    assert leverage > 0
    assert (answer.status, answer.json) == (
        200,
        {
            "leverage": str(Decimal(repr(leverage))),
            "threshold": None,
            "matched": [
                {"address": eip55(r.project), "value": str(r.matched)} for r in after.projects
            ],
        },
    )


@pytest.mark.proves("GET /withdrawals/{user_address}")
@pytest.mark.parametrize("state", STATES)
def test_withdrawals__are_offered_from_the_window_on(walk: Walk, state: str) -> None:
    moment, result = walk.moments[state], settled(walk)
    alice = parse_address(walk.alice.address)
    kept = {"epoch": 1, "amount": str(result.claims[alice]), "status": "pending"}
    path = f"/withdrawals/{walk.alice.address}"
    if state in BEFORE:
        assert moment.body(path) == []
    elif state != "finalized":
        assert moment.body(path) == [{**kept, "proof": []}]
    else:
        (answer,) = moment.body(path)
        assert {**answer, "proof": []} == {**kept, "proof": []}
        assert verify(walk, alice, answer)
        project = parse_address(walk.projects[1].address)
        (answer,) = moment.body(f"/withdrawals/{walk.projects[1].address}")
        assert verify(walk, project, answer)
    for nobody in (walk.carol, walk.dave):
        assert moment.body(f"/withdrawals/{nobody.address}") == []


def verify(walk: Walk, address: bytes, answer: dict[str, Any]) -> bool:
    """The proof leads from the leaf to the root."""
    from eth_utils.crypto import keccak

    tree = settled(walk).tree
    assert tree is not None
    word = bytes(12) + address + int(answer["amount"]).to_bytes(32, "big")
    node = keccak(keccak(word))
    for sibling in answer["proof"]:
        node = keccak(b"".join(sorted([node, bytes.fromhex(sibling[2:])])))
    return bool(node == tree.root)


def test_moments__of_all_states__have_no_server_error_but_the_listed_one(walk: Walk) -> None:
    def failed(moment: Moment) -> set[str]:
        return {name for name, answer in moment.answers.items() if answer.status >= 500}

    assert [failed(walk.moments[state]) for state in STATES] == [
        {"POST /rewards/estimated_budget"}
    ] * 4 + [set()]
