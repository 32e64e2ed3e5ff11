"""J23: what the metrics view of a finalized epoch asks for answers, and adds up."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from octant_protocol.address import eip55, parse_address

from journeys.settled import FINAL, Settled

pytestmark = [pytest.mark.xdist_group("settled"), pytest.mark.timeout(180)]

CALLS = {
    "info": f"/epochs/info/{FINAL}",
    "budgets": f"/rewards/budgets/epoch/{FINAL}",
    "leverage": f"/rewards/leverage/{FINAL}",
    "projects": f"/projects/epoch/{FINAL}",
    "rewards": f"/rewards/projects/epoch/{FINAL}",
    "threshold": f"/rewards/threshold/{FINAL}",
    "unused": f"/rewards/unused/{FINAL}",
    "allocations": f"/allocations/epoch/{FINAL}",
    "patrons": f"/user/patrons/{FINAL}",
    "streams": "/user/sablier-streams/all",
    "rate": f"/epochs/rewards-rate/{FINAL}",
}
KEPT = CALLS.keys() - {"projects", "streams", "rate"}
"""What is final with the epoch."""
NUMBERS = {"epoch", "leverage", "rewardsRate"}
"""Told as JSON numbers; whatever else counts is decimal text."""
TEXTS = {"projectsCid"}


def leaves_of(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value in an answer, under the nearest name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves_of(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves_of(inner, name)
    else:
        yield name, value


def amounts(rows: list[dict[str, str]], name: str) -> int:
    return sum(int(row[name]) for row in rows)


def test_metrics__of_a_finalized_epoch__answer_and_add_up(settled: Settled) -> None:
    on = settled.on
    told: dict[str, Any] = {}
    for what, path in CALLS.items():
        response = settled.ask("GET", path)
        assert response.status_code == 200, f"{path}: {response.text}"
        told[what] = response.json()
        if what in KEPT:
            assert response.headers["cache-control"].endswith("immutable"), path

    # I5: what counts is decimal text, an address is in its checksummed form.
    for name, value in leaves_of(told):
        if name in NUMBERS:
            assert isinstance(value, int | float)
        elif value is not None and name not in TEXTS:
            assert re.fullmatch(r"[0-9]+|0x[0-9a-fA-F]{40}", value), f"{name}: {value!r}"
            assert not value.startswith("0x") or value == eip55(parse_address(value))

    info, unused = told["info"], told["unused"]
    budgets = {row["address"]: int(row["amount"]) for row in told["budgets"]["budgets"]}
    given = told["allocations"]["allocations"]
    donors = {row["donor"] for row in given}
    assert (donors, set(told["patrons"]["patrons"])) == ({on.alice.address}, {on.bob.address})
    assert set(budgets) == {person.address for person in (on.alice, on.bob, on.carol)}
    assert int(info["patronsRewards"]) == budgets[on.bob.address]
    assert unused == {
        "addresses": [on.carol.address], "value": str(budgets[on.carol.address]),
    }  # fmt: skip

    rewards = told["rewards"]["rewards"]
    assert {row["address"] for row in rewards} == set(on.projects[:3])
    assert amounts(given, "amount") == amounts(rewards, "allocated") == 3 * 10**12
    matched = amounts(rewards, "matched")
    assert 0 < matched <= int(info["matchedRewards"])
    # Every project is rounded down, the sum of all is not.
    donated = amounts(rewards, "allocated") + matched
    assert 0 <= int(info["donatedToProjects"]) - donated < len(rewards)
    kept = budgets[on.alice.address] - 3 * 10**12
    assert int(info["totalWithdrawals"]) == kept + int(info["donatedToProjects"])
    assert told["leverage"]["leverage"] == pytest.approx(
        int(info["matchedRewards"]) / amounts(given, "amount"), rel=1e-12
    )
    assert told["projects"]["projectsAddresses"] == on.projects
    on.check_invariants(FINAL)
