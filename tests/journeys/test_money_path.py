"""From a lock to a withdrawal, as a person's scripts do it."""

from decimal import Decimal

import pytest
from octant_devnet import people
from octant_devnet.abi import Reverted
from octant_devnet.contracts import WithdrawPayload

from journeys.stage import GLM, Stage

pytestmark = pytest.mark.timeout(180)


def test_locking__over_two_epochs__is_weighed_by_time(fresh_stage: Stage) -> None:
    """J1, J2."""
    on = fresh_stage
    estimate = f"/deposits/users/{on.alice.address}/estimated_effective_deposit"
    assert on.get("/epochs/current") == {"currentEpoch": 1}
    assert on.get("/epochs/indexed") == {"currentEpoch": 1, "indexedEpoch": 1}
    assert on.get(estimate) == {"effectiveDeposit": "0"}
    on.chain.travel_to(on.chain.now() + 60)
    on.lock(on.alice, 8_000)
    first = int(on.get(estimate)["effectiveDeposit"])
    assert 0 < first < 8_000 * GLM
    on.lock(on.alice, 2_000)
    second = int(on.get(estimate)["effectiveDeposit"])
    assert second > first
    assert int(on.get("/deposits/total_effective/estimated")["totalEffective"]) == second
    on.to_epoch(2)
    assert on.take("pending") == {"epoch": 1}
    settled = on.get(f"/deposits/users/{on.alice.address}/1")
    assert settled == {"effectiveDeposit": str(second)}
    held = on.get(f"/deposits/users/{on.alice.address}/2")
    assert held == {"effectiveDeposit": str(10_000 * GLM)}
    total = on.get("/deposits/1/total_effective")["totalEffective"]
    ratio = on.get("/deposits/1/locked_ratio")["lockedRatio"]
    assert Decimal(ratio) == Decimal(total) / 10**27
    on.unlock(on.alice, 9_950)
    assert on.get(estimate) == {"effectiveDeposit": "0"}  # 50 GLM are left
    assert on.get(f"/deposits/users/{on.alice.address}/1") == settled
    assert on.get("/epochs/current") == {"currentEpoch": 2}


def test_an_epoch__from_its_locks_to_its_tree__adds_up(fresh_stage: Stage) -> None:
    """J3, J4, J8."""
    on = fresh_stage
    alice, bob = on.alice.address, on.bob.address
    on.lock(on.alice, 10_000)
    on.lock(on.bob, 15_000)
    assert on.get("/snapshots/status/1")["isCurrent"]
    assert set(on.get("/snapshots/pending/simulate")) == {"rewards", "userDeposits", "userBudgets"}
    on.to_epoch(2)
    status = on.get("/info/sync-status")
    assert (status["pendingSnapshot"], status["finalizedSnapshot"]) == ("in_progress", "too_early")
    assert on.take("pending") == {"epoch": 1}
    assert on.take("pending") is None
    assert on.get("/info/sync-status")["pendingSnapshot"] == "done"
    budgets = {
        b["address"]: int(b["amount"]) for b in on.get("/rewards/budgets/epoch/1")["budgets"]
    }
    assert budgets[bob] > budgets[alice] > 0
    assert budgets[alice] == int(on.get(f"/rewards/budget/{alice}/epoch/1")["budget"])

    projects = on.get("/projects/epoch/1")["projectsAddresses"]
    assert on.get("/projects/epoch/2")["projectsAddresses"] == projects
    first, second, third = projects[:3]
    assert on.gateway.nonce(on.alice) == 0
    on.allocate(on.alice, 1000, [first, second, third])
    on.allocate(on.bob, 1000, [first])
    rows = on.get("/allocations/epoch/1")["allocations"]
    assert [(r["donor"], r["project"], r["amount"]) for r in rows] == [
        (alice, first, "1000"), (alice, second, "1000"), (alice, third, "1000"),
        (bob, first, "1000"),
    ]  # fmt: skip
    assert on.get("/allocations/donors/1") == {"donors": [alice, bob]}
    assert [d["address"] for d in on.get(f"/allocations/project/{first}/epoch/1")] == [alice, bob]
    assert on.get(f"/allocations/user/{alice}/epoch/1")["isManuallyEdited"] is False
    assert on.gateway.nonce(on.alice) == 1
    plan = {"allocations": [{"proposalAddress": first, "amount": "5"}]}
    leverage = on.refused("POST", f"/allocations/leverage/{alice}", json=plan)
    assert leverage[0] == 200
    assert on.gateway.nonce(on.alice) == 1
    estimated = {r["address"]: r for r in on.get("/rewards/projects/estimated")["rewards"]}
    assert estimated[first]["allocated"] == "2000"

    on.allocate(on.alice, 5, [second])
    assert [d["address"] for d in on.get(f"/allocations/project/{first}/epoch/1")] == [bob]
    on.gateway.allocate(on.alice, [(p, 1000) for p in (first, second, third)])
    preview = on.get("/snapshots/finalized/simulate")
    assert on.take("finalized") is None
    on.to_epoch(3)
    assert on.take("pending") == {"epoch": 2}
    assert on.take("finalized") == {"epoch": 1}
    assert on.get("/snapshots/status/1") == {
        "isCurrent": False, "isPending": False, "isFinalized": True,
    }  # fmt: skip
    on.check_invariants(1)
    info = on.get("/epochs/info/1")
    for name in ("patronsRewards", "matchedRewards", "totalWithdrawals", "leftover"):
        assert info[name] == preview[name]
    assert on.get("/rewards/merkle_tree/1")["root"] == preview["merkleRoot"]
    rewards = on.get("/rewards/projects/epoch/1")["rewards"]
    assert {r["address"] for r in rewards} == {first, second, third}
    leaves = on.get("/rewards/merkle_tree/1")["leaves"]
    assert {leaf["address"] for leaf in leaves} == {alice, bob, first, second, third}
    assert on.get("/rewards/unused/1") == {"addresses": [], "value": "0"}
    assert on.get("/rewards/leverage/1")["leverage"] > 0

    def estimate(path: str, body: dict[str, object]) -> int:
        status, answer = on.refused("POST", f"/rewards/estimated_budget{path}", json=body)
        assert status == 200
        return int(answer["budget"])

    glm = str(10_000 * GLM)
    one, two = (estimate("", {"numberOfEpochs": n, "glmAmount": glm}) for n in (1, 2))
    assert 0 < one < two
    short, long = (estimate("/by_days", {"days": n, "glmAmount": glm}) for n in (200, 300))
    assert 0 < short < long


def test_withdrawing__over_two_epochs__pays_each_once_in_order(fresh_stage: Stage) -> None:
    """J9."""
    on = fresh_stage
    everybody = (on.alice, on.bob, on.carol)
    for who in everybody:
        on.lock(who, 10_000)
    on.to_epoch(2)
    on.take("pending")
    for who in everybody:
        on.allocate(who, 0, on.projects[:3])
    budgets = {b["address"]: b["amount"] for b in on.get("/rewards/budgets/epoch/1")["budgets"]}

    def offered(who: people.Person) -> list[dict[str, object]]:
        entries: list[dict[str, object]] = on.get(f"/withdrawals/{who.address}")
        return entries

    (entry,) = offered(on.alice)
    assert entry == {
        "epoch": 1, "amount": budgets[on.alice.address], "proof": [], "status": "pending",
    }  # fmt: skip
    on.to_epoch(3)
    on.take("pending")
    for who in everybody:
        on.allocate(who, 0, on.projects[:1])
    assert on.take("finalized") == {"epoch": 1}
    on.confirm(1)
    last, first = offered(on.alice)
    assert (first["epoch"], first["status"]) == (1, "available")
    assert (last["epoch"], last["status"]) == (2, "pending")
    assert first["amount"] == budgets[on.alice.address]

    def payload(entry: dict[str, object], more: int = 0) -> WithdrawPayload:
        proof = [bytes.fromhex(str(node)[2:]) for node in entry["proof"]]  # type: ignore[union-attr]
        return WithdrawPayload(int(str(entry["epoch"])), int(str(entry["amount"])) + more, proof)

    available = next(e for e in offered(on.bob) if e["status"] == "available")
    with pytest.raises(Reverted, match="invalid-merkle-proof"):
        people.withdraw(on.chain, on.deployment, on.bob, [payload(available, 1)])
    before = on.chain.balance(on.bob.address)
    receipt = people.withdraw(on.chain, on.deployment, on.bob, [payload(available)])
    assert on.chain.balance(on.bob.address) == before + int(str(available["amount"])) - receipt.fee
    on.height_synced()
    assert [e["epoch"] for e in offered(on.bob)] == [2]

    on.to_epoch(4)
    assert on.take("finalized") == {"epoch": 2}
    on.confirm(2)
    both = offered(on.alice)
    assert [(e["epoch"], e["status"]) for e in both] == [(1, "available"), (2, "available")]
    people.withdraw(on.chain, on.deployment, on.alice, [payload(e) for e in both])
    later = offered(on.carol)
    people.withdraw(on.chain, on.deployment, on.carol, [payload(later[1])])
    with pytest.raises(Reverted, match="already-claimed"):
        people.withdraw(on.chain, on.deployment, on.carol, [payload(later[0])])
    on.height_synced()
    assert [offered(who) for who in (on.alice, on.carol)] == [[], []]
    for epoch in (1, 2):
        on.check_invariants(epoch)
