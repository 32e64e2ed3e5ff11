"""Pure decisions of the indexer: what to read at a block, and what changed."""

from collections.abc import Iterable, Mapping

import msgspec
from octant_contracts.values import Address
from octant_protocol import calendar
from octant_protocol.calendar import EpochProps


class ProjectList(msgspec.Struct, frozen=True, kw_only=True):
    """The projects of an epoch in contract order, and the CID of their descriptions."""

    projects: tuple[Address, ...]
    cid: str


def current_epoch(props: Mapping[int, EpochProps], timestamp: int) -> int:
    """0 before the start, and while nothing is known."""
    return calendar.epoch_at(list(props.values()), timestamp) if props else 0


def indexes_to_read(known: Iterable[int], newest: int) -> list[int]:
    """Entries of 0…newest that are not known, and the last two, which alone may change."""
    have = set(known)
    return [i for i in range(newest + 1) if i not in have or i >= newest - 1]


def epochs_to_read(known: Iterable[int], since: int, current: int) -> list[int]:
    """Epochs whose list may differ from ours, up to the next one.

    `since` is the epoch of our last look: its list, and those of epochs skipped since then,
    may have changed before they ended.
    """
    have = set(known)
    return [e for e in range(current + 2) if e not in have or e >= since]


def changed_props(
    known: Mapping[int, EpochProps], read: Mapping[int, EpochProps], newest: int
) -> list[EpochProps]:
    """Entries to announce, in order. What was read beyond the newest does not exist."""
    return [p for i, p in sorted(read.items()) if i <= newest and known.get(i) != p]


def changed_projects(
    known: Mapping[int, ProjectList],
    read: Mapping[int, tuple[Address, ...]],
    *,
    cid: str,
    current: int,
    fixed_cids: Mapping[int, str],
) -> dict[int, ProjectList]:
    """Lists to announce, by epoch.

    An epoch that is over keeps the CID of our last look while it lasted; the contract knows
    only the present one.
    """
    changed: dict[int, ProjectList] = {}
    for epoch, projects in sorted(read.items()):
        before = known.get(epoch)
        own = before.cid if before is not None and epoch < current else cid
        now = ProjectList(projects=projects, cid=fixed_cids.get(epoch, own))
        if now != before:
            changed[epoch] = now
    return changed
