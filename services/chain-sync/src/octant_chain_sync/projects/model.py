"""The search for projects: which rows match, and in which order. Pure."""

from collections.abc import Iterable, Sequence

import msgspec
from octant_contracts.values import Address, EpochNumber


class Named(msgspec.Struct, frozen=True):
    """A project as an epoch's descriptions name it."""

    name: str
    address: Address
    epoch: EpochNumber


def search(rows: Iterable[Named], epochs: Sequence[int], phrases: Sequence[str]) -> list[Named]:
    """Rows, each once, by (epoch, phrase, row), all in the given order.

    A phrase is found in a name or an address, whatever the case; an empty one in every row.
    """
    by_epoch: dict[int, list[tuple[Named, str, str]]] = {epoch: [] for epoch in epochs}
    for row in rows:
        by_epoch[row.epoch].append((row, row.name.lower(), row.address.text.lower()))
    wanted = list(dict.fromkeys(phrase.strip().lower() for phrase in phrases))
    found: dict[Named, None] = {}
    for candidates in by_epoch.values():
        for phrase in wanted:
            for row, name, address in candidates:
                if phrase in name or phrase in address:
                    found.setdefault(row)
    return list(found)
