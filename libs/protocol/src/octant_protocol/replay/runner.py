"""Runs the cases of one vector file and collects what passed and what differs."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from octant_protocol.matching import LockedRatioTooHigh
from octant_protocol.replay import (
    deposit_cases,
    finalization_cases,
    mainnet_cases,
    reward_cases,
    signature_cases,
    snapshot_cases,
)
from octant_protocol.replay.compare import first_difference

Case = dict[str, Any]
Check = tuple[str, Callable[[], object], Case]
"""Id, computation, expected values."""

_CASES: dict[str, Callable[[Case], Case]] = {
    **reward_cases.BY_FILE,
    **deposit_cases.BY_FILE,
    **snapshot_cases.BY_FILE,
    **finalization_cases.BY_FILE,
}
_NORMALISE: dict[str, Callable[[Case], Case]] = {
    "pending_snapshot": snapshot_cases.normalise_pending,
    "finalized_snapshot": finalization_cases.normalise_finalized,
}
# What a case of any content may raise; it must not end the run.
_CASE_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
# Expected keys of a case on which a correct implementation may refuse.
_REFUSALS = frozenset({"error", "simulate_status"})
_WITHOUT_CASES = frozenset({"seed_data"})


@dataclass(slots=True)
class Report:
    """Counts of one file; `failures` are lines naming case, field, expected and got."""

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    note: str = ""


def replay_file(path: Path) -> Report:
    """Replay one file. Never raises for bad content: what cannot be replayed is a failure."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return Report(failures=[f"cannot be read: {error.strerror}"])
    except (ValueError, RecursionError) as error:  # JSON and UTF-8 errors alike
        return Report(failures=[f"is not JSON: {error}"])
    if not isinstance(document, dict):
        return Report(failures=["is not a vector file: the top level is no object"])
    name = str(document.get("name", path.stem))
    if name in _WITHOUT_CASES:
        return Report(note=" (rows of an empty database, no cases)")
    checks = _checks(name, document)
    if checks is None:
        return Report(failures=[f"cannot replay yet: no replay for {name!r}"])
    return _run(checks, _NORMALISE.get(name, _as_it_is))


def _checks(name: str, document: Case) -> Iterable[Check] | None:
    if "allocation_eip712" in document or name == "signatures":
        return signature_cases.checks(document)
    if name == "mainnet_epochs" or {"epochs", "exceptions"} <= document.keys():
        return mainnet_cases.checks(document)
    return _file_checks(name, document) if name in _CASES else None


def _file_checks(name: str, document: Case) -> Iterator[Check]:
    for number, case in enumerate(document["cases"], start=1):
        if not isinstance(case, dict):
            raise TypeError(f"case {number} is no object")
        compute = _CASES[name]
        if name == "finalized_snapshot" and _REFUSALS & case.get("expected", {}).keys():
            compute = finalization_cases.crash_case
        yield (
            str(case.get("id", f"case {number}")),
            lambda case=case, compute=compute: compute(case["input"]),  # type: ignore[misc]
            case,
        )


def _run(checks: Iterable[Check], normalise: Callable[[Case], Case]) -> Report:
    report = Report()
    try:
        for identifier, compute, case in checks:
            problem = _problem(compute, case, normalise)
            if problem is None:
                report.passed += 1
            else:
                report.failures.append(f"{identifier} {problem}")
    except _CASE_ERRORS as error:
        report.failures.append(f"is not a vector file: {_describe(error)}")
    if not report.passed and not report.failures:
        report.failures.append("holds no cases")
    return report


def _problem(
    compute: Callable[[], object], case: Case, normalise: Callable[[Case], Case]
) -> str | None:
    expected = case.get("expected")
    if not isinstance(expected, dict):
        return "expected: the case has no expected values"
    try:
        got = compute()
        difference = first_difference(normalise(expected), got)
    except LockedRatioTooHigh as refusal:
        refused = _REFUSALS & expected.keys()
        return None if refused else f"error: expected a result, got {refusal}"
    except _CASE_ERRORS as error:
        return f"raised {_describe(error)}"
    if "error" in expected:
        return f"error: expected a refusal, got {got!r}"
    return None if difference is None else str(difference)


def _as_it_is(expected: Case) -> Case:
    return expected


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
