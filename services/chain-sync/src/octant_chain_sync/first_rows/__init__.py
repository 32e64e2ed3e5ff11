"""Rows that every installation begins with, on any chain: who may claim GLM, and the names of
the projects of epochs 1 to 11. `make_first_rows.py` writes the files.
"""

from importlib.resources import files

from octant_contracts.values import Address
from sqlalchemy import Connection, insert

from octant_chain_sync.tables import epoch_zero_claims, project_details


def install(connection: Connection) -> None:
    """Into empty tables, in the order of the files: ids follow it."""
    names = (line.split("\t") for line in _lines("project_details.tsv"))
    connection.execute(
        insert(project_details),
        [
            {"epoch": int(epoch), "address": Address.parse(address), "name": name}
            for epoch, address, name in names
        ],
    )
    connection.execute(
        insert(epoch_zero_claims),
        [{"address": Address.parse(address)} for address in _lines("epoch_zero_claims.txt")],
    )


def _lines(name: str) -> list[str]:
    return files(__package__).joinpath(name).read_text(encoding="utf-8").splitlines()
