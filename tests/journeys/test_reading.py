"""History page by page, projects and how to find them."""

import base64

import pytest
from octant_devnet import contracts
from octant_devnet.chain import Chain

from journeys.stage import GLM, Stage

pytestmark = pytest.mark.timeout(180)


def cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.proves("GET /history/{user_address}", "success", "InvalidCursor")
def test_history__of_a_busy_person__comes_in_pages_without_gaps(fresh_stage: Stage) -> None:
    """J17."""
    on = fresh_stage
    alice = on.alice.address
    path = f"/history/{alice}"
    assert on.get(path) == {"history": [], "nextCursor": None}
    for _ in range(5):
        on.lock(on.alice, 200)
    on.unlock(on.alice, 10)
    on.to_epoch(2)
    on.take("pending")
    on.allocate(on.alice, 1_000, on.projects[:3])
    # Rewards tells the leverage an instant after the allocation itself.
    on.gateway.wait_for(
        "the leverage", lambda: on.get(path)["history"][0]["eventData"]["leverage"] is not None
    )
    items = on.get(path)["history"]
    assert [item["type"] for item in items] == ["allocation", "unlock", *["lock"] * 5]
    newest = items[0]
    assert newest["eventData"] == {
        "amount": None,
        "transactionHash": None,
        "epoch": None,
        "isManuallyEdited": False,
        "leverage": newest["eventData"]["leverage"],
        "allocations": [{"projectAddress": p, "amount": "1000"} for p in on.projects[:3]],
    }
    assert float(newest["eventData"]["leverage"]) >= 0
    assert items[1]["eventData"]["amount"] == str(10 * GLM)
    assert items[1]["eventData"]["transactionHash"].startswith("0x")
    for amount in range(20):  # many in one second of chain time
        on.allocate(on.alice, amount, on.projects[:1])
    on.gateway.wait_for(
        "every leverage",
        lambda: all(
            item["eventData"]["leverage"] is not None
            for item in on.get(f"{path}?limit=100")["history"]
            if item["type"] == "allocation"
        ),
    )
    whole = on.get(f"{path}?limit=100")
    assert whole["nextCursor"] is None
    assert len(whole["history"]) == 27
    for limit in (1, 4, 12):
        found, next_cursor = [], ""
        while True:
            page = on.get(f"{path}?limit={limit}" + (f"&cursor={next_cursor}" if found else ""))
            assert len(page["history"]) <= limit
            found += page["history"]
            next_cursor = page["nextCursor"]
            if next_cursor is None:
                break
        assert found == whole["history"]
    assert on.get(f"{path}?limit=150") == whole
    for bad in ("x", "", cursor("1.x")):
        assert on.refused("GET", f"{path}?cursor={bad}") == (400, {"message": "Invalid cursor"})
    assert on.refused("GET", f"{path}?limit=0")[0] == 422
    # What comes between two pages does not shift the next one.
    first = on.get(f"{path}?limit=5")
    on.chain.travel_to(on.chain.now() + 5)
    on.height_synced()
    on.allocate(on.alice, 77, on.projects[:1])
    rest = on.get(f"{path}?limit=100&cursor={first['nextCursor']}")["history"]
    assert first["history"] + rest == whole["history"]


@pytest.mark.proves("GET /projects/epoch/{epoch_number}", "success", "InvalidEpoch")
def test_projects__set_for_a_later_epoch__count_from_it_on(fresh_stage: Stage) -> None:
    """J18."""
    on = fresh_stage
    listed = on.get("/projects/epoch/1")
    assert listed["projectsAddresses"] == on.projects
    assert listed["projectsCid"]
    assert on.get("/projects/epoch/99") == listed
    assert on.refused("GET", "/projects/epoch/-1") == (
        400, {"message": "Given epoch is not valid."},
    )  # fmt: skip
    fewer = on.projects[:5]
    send(on.chain, on, contracts.set_proposal_addresses(2, fewer))
    on.to_epoch(2)
    send(on.chain, on, contracts.set_cid("QmAnother"))
    assert on.get("/projects/epoch/1") == listed
    assert on.get("/projects/epoch/2") == {
        "projectsAddresses": fewer, "projectsCid": "QmAnother",
    }  # fmt: skip
    assert on.get("/projects/epoch/99")["projectsAddresses"] == fewer


def send(chain: Chain, on: Stage, data: bytes) -> None:
    """As the multisig of the contracts."""
    chain.send(on.deployment.multisig_key, on.deployment.proposals, data)
    on.height_synced()
