"""Command line of the replayer; exit status 1 on any failure."""

import sys
from collections.abc import Sequence
from pathlib import Path

from octant_protocol.replay.runner import replay_file


def main(arguments: Sequence[str]) -> int:
    """Replay the files named in `arguments` and print the report. Returns the exit status."""
    if not arguments:
        print("usage: python -m octant_protocol.replay FILE…", file=sys.stderr)
        return 2
    passed = failed = 0
    for argument in arguments:
        path = Path(argument)
        report = replay_file(path)
        print(f"{path.name}: passed {report.passed}, failed {len(report.failures)}{report.note}")
        for failure in report.failures:
            print(f"  {path.name} {failure}")
        passed += report.passed
        failed += len(report.failures)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
