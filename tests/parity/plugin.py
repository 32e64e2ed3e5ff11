"""Collects what passing tests prove, and writes the parity table at the end of a full run.

A test says what it proves with `@pytest.mark.proves("GET /epochs/current", "success", …)`:
the subject and outcomes of `promises`. With `--parity FILE` the run fails unless every promise
was proved in it, and unless FILE is what it proves.
"""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from parity import promises
from parity.promises import SUCCESS, Promise

PROPERTY = "proves"
OPTION = "--parity"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, type=Path, help="the parity table that this run must prove")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "proves(subject, *outcomes): rows of docs/parity.md")
    if not hasattr(config, "workerinput"):  # the run itself, not one of its workers
        config.pluginmanager.register(Collector(config), "parity-collector")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call" and report.passed:
        proved = [
            (marker.args[0], outcome)
            for marker in item.iter_markers(PROPERTY)
            for outcome in (marker.args[1:] or (SUCCESS,))
        ]
        if proved:
            report.user_properties.append((PROPERTY, json.dumps(proved)))
    return report


class Collector:
    """Lives in the process that hears of all results."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._proofs: dict[Promise, set[str]] = {}
        self._verdict: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, value in report.user_properties:
            if name == PROPERTY and report.when == "call":
                for subject, outcome in json.loads(str(value)):
                    test = report.nodeid.partition("[")[0].partition("@")[0]  # xdist adds the group
                    self._proofs.setdefault(Promise(subject, outcome), set()).add(test)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        path: Path | None = self._config.getoption(OPTION)
        if path is None:
            return
        wanted = promises.promises()
        unknown = sorted(self._proofs.keys() - set(wanted))
        missing = [promise for promise in wanted if promise not in self._proofs]
        self._verdict += [f"nobody promises {p.subject}: {p.outcome}" for p in unknown]
        self._verdict += [f"no passing test proves {p.subject}: {p.outcome}" for p in missing]
        table = render(wanted, self._proofs)
        proved = self._config.rootpath / "var" / "parity.md"
        proved.parent.mkdir(exist_ok=True)
        proved.write_text(table)
        if not path.exists() or path.read_text() != table:
            self._verdict.append(f"{path} is not what this run proves: make parity")
        if self._verdict and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._verdict:
            terminalreporter.section("parity")
            for line in self._verdict:
                terminalreporter.line(line)


def render(wanted: list[Promise], proofs: dict[Promise, set[str]]) -> str:
    """Markdown; the same proofs give the same text."""
    lines = [
        "# Parity",
        "",
        "Generated from the markers of tests that passed: what the public surface promises, and",
        "what proves it. `make parity` writes it anew.",
        "",
        "| what | outcome | proved by |",
        "|---|---|---|",
    ]
    for promise in wanted:
        tests = sorted(proofs.get(promise, ()))
        shown = "; ".join(f"`{test.rpartition('/')[2]}`" for test in tests[:2]) or "**nothing**"
        if len(tests) > 2:
            shown += f" and {len(tests) - 2} more"
        lines.append(f"| `{promise.subject}` | {promises.explain(promise)} | {shown} |")
    return "\n".join(lines) + "\n"
