"""What operators and the web client ask first: is everything there, and how far is it?"""

from pathlib import Path

import pytest

from journeys.stage import EPOCH, Stage, stage

pytestmark = pytest.mark.timeout(180)


def states(on: Stage) -> tuple[str, str]:
    status = on.get("/info/sync-status")
    return status["pendingSnapshot"], status["finalizedSnapshot"]


@pytest.mark.proves("GET /info/sync-status")
def test_sync_status__through_the_life_of_epochs__follows_the_table(run_folder: Path) -> None:
    """J20: with a window of half an epoch, and an epoch whose snapshots nobody took."""
    with stage(run_folder / "sync-status", window=EPOCH // 2) as on:
        on.lock(on.alice, 1_000)
        assert states(on) == ("not_applicable", "not_applicable")
        on.to_epoch(2)
        assert states(on) == ("in_progress", "too_early")
        on.take("pending")
        assert states(on) == ("done", "too_early")
        on.close_window()
        assert states(on) == ("done", "in_progress")
        on.take("finalized")
        assert states(on) == ("done", "done")
        on.to_epoch(3)
        assert states(on) == ("in_progress", "too_early")
        on.take("pending")
        assert states(on) == ("done", "too_early")
        on.to_epoch(4)
        # The snapshot of epoch 2 was never finalized, that of epoch 3 is due.
        assert states(on) == ("in_progress", "error")
        on.to_epoch(5)
        assert states(on) == ("error", "error")


@pytest.mark.proves("GET /info/healthcheck")
@pytest.mark.proves("GET /info/chain-info")
@pytest.mark.proves("GET /info/version")
def test_health__while_parts_are_down__names_exactly_these(fresh_stage: Stage) -> None:
    """J19."""
    on = fresh_stage
    up = {"blockchain": "UP", "db": "UP", "subgraph": "UP"}
    assert on.get("/info/healthcheck") == up
    contracts = on.get("/info/chain-info")
    assert (contracts["chainName"], contracts["chainId"]) == ("localhost", 1337)
    assert [c["name"] for c in contracts["smartContracts"]] == [
        "Auth", "Deposits", "Epochs", "GLM", "Projects", "Vault", "WithdrawalsTarget",
    ]  # fmt: skip
    deployed = on.deployment
    assert contracts["smartContracts"][4]["address"] == deployed.proposals
    assert set(on.get("/info/version")) == {"id", "env", "chain"}
    parts = {
        "anvil": {**up, "blockchain": "DOWN"},
        "chain-sync": {"blockchain": "DOWN", "db": "UP", "subgraph": "DOWN"},
        "rewards": {**up, "db": "DOWN"},
    }
    for part, expected in parts.items():
        on.world.hold(part)
        on.world.kill(part)

        def told(expected: dict[str, str] = expected) -> bool:
            response = on.gateway.http_or_none("/info/healthcheck")
            return (
                response is not None and response.status_code == 500 and response.json() == expected
            )

        on.gateway.wait_for(f"{part} to be missed", told)
        status = on.gateway.http_or_none("/info/sync-status")
        assert status is not None
        assert status.status_code == 500
        assert (status.json()["blockchainHeight"] is None) == (expected["blockchain"] == "DOWN")
        on.world.release(part)

        def well() -> bool:
            response = on.gateway.http_or_none("/info/healthcheck")
            return response is not None and response.status_code == 200

        on.gateway.wait_for(f"{part} to be back", well)
