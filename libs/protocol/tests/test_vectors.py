"""The committed vectors, and the replayer's own honesty."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from octant_protocol.replay.__main__ import main
from octant_protocol.replay.compare import first_difference
from octant_protocol.replay.runner import replay_file

VECTORS = Path(__file__).resolve().parents[3] / "tests" / "vectors"

MUST_PASS = [
    "budget_estimates",
    "capped_quadratic_funding",
    "effective_deposit",
    "estimated_epoch_budget",
    "finalized_snapshot",
    "historical_project_rewards",
    "leftover",
    "leverage",
    "mainnet_epochs",
    "matched_rewards",
    "merkle_tree",
    "octant_rewards",
    "pending_snapshot",
    "sablier_events",
    "signatures",
    "staking_proceeds",
    "threshold",
    "unify_deposit_events",
    "user_budget",
]


def _document(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VECTORS / f"{name}.json").read_text())
    return document


def _write(directory: Path, name: str, document: object) -> Path:
    path = directory / f"{name}.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("name", MUST_PASS)
def test_replay__committed_file__every_case_passes(name: str) -> None:
    report = replay_file(VECTORS / f"{name}.json")

    assert report.failures == []
    assert report.passed > 0


def test_replay__file_with_cases__counts_each_of_them() -> None:
    assert replay_file(VECTORS / "leftover.json").passed == len(_document("leftover")["cases"])


@pytest.mark.parametrize(
    ("name", "field", "corrupted"),
    [
        ("leverage", "leverage", 3.0000000000000004),
        ("octant_rewards", "total_rewards", 321928767123288000000),
        ("octant_rewards", "ppf", "0"),
        ("merkle_tree", "tree_indices", []),
        ("user_budget", "budget", "1526868989237988"),
    ],
)
def test_replay__corrupted_expected_value__names_file_case_and_field(
    name: str,
    field: str,
    corrupted: object,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = _document(name)
    case = document["cases"][0]
    case["expected"][field] = corrupted

    status = main([str(_write(tmp_path, name, document))])

    lines = capsys.readouterr().out.splitlines()
    assert status == 1
    assert lines[1].startswith(f"  {name}.json {case['id']} {field}")
    assert repr(corrupted) in lines[1] or "(length)" in lines[1]
    assert lines[-1] == f"{len(document['cases']) - 1} passed, 1 failed"


def test_replay__corrupted_signature_entry__names_section_and_field(tmp_path: Path) -> None:
    document = _document("signatures")
    document["eoa_verification"][0]["expected"] = "invalid"

    report = replay_file(_write(tmp_path, "signatures", document))

    assert report.failures == ["eoa_verification v-ok expected: expected 'invalid', got 'valid'"]


def test_replay__expected_key_nobody_computes__fails(tmp_path: Path) -> None:
    document = _document("user_budget")
    document["cases"] = document["cases"][:1]
    document["cases"][0]["expected"]["surprise"] = "1"

    report = replay_file(_write(tmp_path, "user_budget", document))

    assert report.passed == 0
    assert "surprise: expected '1', got '(not computed)'" in report.failures[0]


def test_replay__key_absent_from_expected__is_not_checked(tmp_path: Path) -> None:
    document = _document("octant_rewards")
    document["cases"] = [document["cases"][0]]
    del document["cases"][0]["expected"]["ppf"]

    assert replay_file(_write(tmp_path, "octant_rewards", document)).passed == 1


def test_replay__refusal_expected_of_a_normal_case__fails(tmp_path: Path) -> None:
    document = _document("matched_rewards")
    document["cases"] = [document["cases"][0]]
    document["cases"][0]["expected"] = {"error": "locked_ratio > tr_percent"}

    report = replay_file(_write(tmp_path, "matched_rewards", document))

    assert "expected a refusal" in report.failures[0]


def test_replay__result_expected_of_a_refused_case__fails(tmp_path: Path) -> None:
    document = _document("matched_rewards")
    refused = [case for case in document["cases"] if "error" in case["expected"]]
    refused[0]["expected"] = {"matched_rewards": "1"}
    document["cases"] = refused[:1]

    report = replay_file(_write(tmp_path, "matched_rewards", document))

    assert report.passed == 0
    assert "greater than TR percent" in report.failures[0]


def test_replay__case_without_an_input__fails_alone(tmp_path: Path) -> None:
    document = _document("user_budget")
    document["cases"] = document["cases"][:2]
    del document["cases"][0]["input"]["ppf"]

    report = replay_file(_write(tmp_path, "user_budget", document))

    assert report.passed == 1
    assert report.failures == [f"{document['cases'][0]['id']} raised KeyError: 'ppf'"]


def test_replay__mainnet_epochs_of_later_rules__recompute_to_the_wei(tmp_path: Path) -> None:
    published = {
        "stakingProceeds": "412042049081445321216",
        "totalEffectiveDeposit": "94755727584613854218098688",
        "totalRewards": "288429434357011724851",
        "vanillaIndividualRewards": "39043344156167524035",
        "operationalCost": "103010512270361330304",
        "ppf": "105171373022338338390",
        "communityFund": None,
        "totalWithdrawals": "5",
        "patronsRewards": "300000000000000000",
        "leftover": "1",
    }
    epochs = [
        published | {"epoch": 9, "matchedRewards": "144514717178505862425"},
        published | {"epoch": 12, "matchedRewards": "300000000000000000"},
    ]
    document = {"epochs": epochs, "exceptions": []}

    report = replay_file(_write(tmp_path, "mainnet_epochs", document))

    # The leftover of these epochs depends on what is not published, so it is not compared.
    assert (report.passed, report.failures) == (2, [])


def test_replay__excepted_mainnet_field__still_feeds_the_others(tmp_path: Path) -> None:
    document = _document("mainnet_epochs")
    document["exceptions"] = []

    report = replay_file(_write(tmp_path, "mainnet_epochs", document))

    assert [failure.split(":")[0] for failure in report.failures] == [
        "epoch 1 operationalCost",
        "epoch 3 leftover",
    ]


def _finalization(identifier: str) -> dict[str, Any]:
    document = _document("finalized_snapshot")
    cases = [case for case in document["cases"] if case["id"].endswith(identifier)]
    return document | {"cases": cases}


def test_replay__crash_without_a_reason__fails(tmp_path: Path) -> None:
    document = _finalization("-016")
    document["cases"][0]["input"]["pending_snapshot_row"]["ppf"] = "0"

    report = replay_file(_write(tmp_path, "finalized_snapshot", document))

    assert "nothing in the case explains the status 500" in report.failures[0]


def test_replay__crash_on_a_high_ratio__passes_by_refusing(tmp_path: Path) -> None:
    document = _finalization("-018")
    case = document["cases"][0]
    case["input"]["epoch"] = 10
    case["expected"] = {"simulate_status": 500, "simulate_body": "Internal Server Error"}

    assert replay_file(_write(tmp_path, "finalized_snapshot", document)).passed == 1


def test_replay__simulation_before_the_end__compares_sorted_lists(tmp_path: Path) -> None:
    document = _document("pending_snapshot")
    case = next(case for case in document["cases"] if case["id"].endswith("-003"))
    row = case["expected"]["deposit_rows"]
    case["input"]["simulate_at"] -= 1
    case["expected"]["simulate_response"] = {
        "userDeposits": [
            {"userAddress": user, "effectiveDeposit": effective, "deposit": end}
            for user, effective, end in reversed(row)
        ]
    }
    document["cases"] = [case]

    assert replay_file(_write(tmp_path, "pending_snapshot", document)).failures == []


def test_replay__estimate_without_finalized_row__is_the_documented_error(tmp_path: Path) -> None:
    document = _document("budget_estimates")
    case = document["cases"][0]
    case["input"]["finalized_matched_rewards"] = None
    case["expected"] = {"status": 500}
    document["cases"] = [case]

    assert replay_file(_write(tmp_path, "budget_estimates", document)).passed == 1


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "leftover"}', "\xff", '"text"'])
def test_replay__malformed_file__fails_with_text(content: str, tmp_path: Path) -> None:
    path = tmp_path / "leftover.json"
    path.write_bytes(content.encode("latin-1"))

    report = replay_file(path)

    assert report.passed == 0
    assert len(report.failures) == 1


def test_replay__file_without_cases__fails(tmp_path: Path) -> None:
    report = replay_file(_write(tmp_path, "leftover", {"name": "leftover", "cases": []}))

    assert report.failures == ["holds no cases"]


def test_replay__unknown_file__counts_as_failed_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main([str(_write(tmp_path, "horoscopes", {"name": "horoscopes", "cases": [{}]}))])

    output = capsys.readouterr().out
    assert status == 1
    assert "horoscopes.json cannot replay yet" in output
    assert output.splitlines()[-1] == "0 passed, 1 failed"


def test_replay__unknown_signature_section__counts_as_failed(tmp_path: Path) -> None:
    document = {"allocation_eip712": [], "palm_reading": [{"id": "p"}]}

    report = replay_file(_write(tmp_path, "signatures", document))

    assert report.failures == ["palm_reading raised ValueError: cannot replay yet"]


def test_command_line__missing_file__exits_1_without_traceback(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "octant_protocol.replay", str(tmp_path / "nowhere.json")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 1
    assert result.stderr == ""
    assert "nowhere.json cannot be read" in result.stdout
    assert result.stdout.splitlines()[-1] == "0 passed, 1 failed"


def test_command_line__good_file__exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([str(VECTORS / "leftover.json")])

    assert status == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(" passed, 0 failed")


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        (0, 0.0, True),
        (1, True, False),
        ("1", 1, False),
        (None, None, True),
        (None, "0", False),
        ([1], [1, 2], False),
        ([1, 2], (1, 2), True),
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {}, False),
        (0.1, 0.1, True),
        (0.1, 0.10000000000000002, False),
    ],
)
def test_comparison__json_values__is_exact(expected: object, got: object, same: bool) -> None:
    assert (first_difference(expected, got) is None) is same
