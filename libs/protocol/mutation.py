"""Breaks the rules in every way mutmut knows, and counts what the tests notice.

Without arguments all mutants anew; with patterns (`octant_protocol.merkle.*`) those alone. Works
in var/mutation. Mutants that no test can notice are in equivalent_mutants.txt and do not count.
"""
# ruff: noqa: T201

import re
import shutil
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WORK = ROOT / "var" / "mutation" / "protocol"
MUTMUT = Path(sys.executable).with_name("mutmut")
PROCESSES = 2
FLOOR = 0.95


def prepare(*, anew: bool) -> None:
    """A project folder of links; mutmut writes its mutated copy beside them."""
    WORK.mkdir(parents=True, exist_ok=True)
    links = {WORK / name: HERE / name for name in ("src", "tests", "pyproject.toml")}
    links[WORK.parent / "tests"] = ROOT / "tests"  # the vectors
    for link, target in links.items():
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    mutants = WORK / "mutants"
    if anew:
        shutil.rmtree(mutants, ignore_errors=True)
    # Which test reaches which function may have changed too.
    (mutants / "mutmut-stats.json").unlink(missing_ok=True)


def mutmut(*arguments: str) -> str:
    """What mutmut prints."""
    return subprocess.run(
        [MUTMUT, *arguments], cwd=WORK, check=True, capture_output=True, text=True
    ).stdout


def run(patterns: list[str]) -> None:
    command = [MUTMUT, "run", "--max-children", str(PROCESSES), *patterns]
    log = None if sys.stdout.isatty() else (WORK / "mutmut.log").open("w")
    subprocess.run(command, cwd=WORK, check=True, stdout=log, stderr=subprocess.STDOUT)


def change(mutant: str) -> str:
    """`function: old line → new line` of a mutant."""
    old, new = [], []
    for line in mutmut("show", mutant).splitlines():
        if re.match(r"[-+](?![-+]{2})", line):
            (old if line[0] == "-" else new).append(line[1:].strip())
    # A name is octant_protocol.module.x_function__mutmut_1, or xǁClassǁmethod.
    function = re.sub(r"(?<=\.)x_?ǁ?|__mutmut_\d+", "", mutant).replace("ǁ", ".")
    return f"{function.removeprefix('octant_protocol.')}: {' '.join(old)} → {' '.join(new)}"


def main(patterns: list[str]) -> int:
    prepare(anew=not patterns)
    run(patterns)
    listed = (HERE / "equivalent_mutants.txt").read_text().splitlines()
    equivalent = {line for line in listed if " → " in line}
    seen: set[str] = set()
    killed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    survivors: list[str] = []
    for line in mutmut("results", "--all", "true").splitlines():
        mutant, status = line.strip().rsplit(": ", 1)
        if patterns and not any(fnmatch(mutant, pattern) for pattern in patterns):
            continue
        module = mutant.split(".")[1]
        if status in ("killed", "timeout"):
            killed[module] += 1
        elif (what := change(mutant)) in equivalent:
            seen.add(what)
            continue
        else:
            survivors.append(f"{what} ({status})")
        total[module] += 1
    for module in sorted(total):
        print(f"{module:<16}{killed[module]:>5} / {total[module]:<5}")
    print(*survivors, sep="\n")
    if not patterns:
        print(*(f"no longer survives: {what}" for what in sorted(equivalent - seen)), sep="\n")
    score = killed.total() / total.total()
    print(f"killed {killed.total()} / {total.total()} = {score:.1%}, {len(seen)} equivalent")
    return int(score < FLOOR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
