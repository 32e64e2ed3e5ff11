"""Writes the rows that every installation begins with from a file of facts about the reference:

python make_first_rows.py ../../tests/vectors/seed_data.json
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "src" / "octant_chain_sync" / "first_rows"


def main(facts_file: str) -> None:
    """One line per row, in the order of their ids."""
    facts = json.loads(Path(facts_file).read_text())
    projects = ("\t".join(map(str, row)) for row in facts["project_details"])
    _write("project_details.tsv", projects)
    _write("epoch_zero_claims.txt", facts["epoch_zero_claims"])


def _write(name: str, lines: Iterable[str]) -> None:
    (FOLDER / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
