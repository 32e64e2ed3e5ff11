"""Health and progress of the whole, from what the four services tell. Pure.

A status is None when its service did not answer in time.
"""

import msgspec
from octant_contracts.calls import ChainStatus, RewardsStatus, ServiceStatus

from octant_gateway.answers import Health, SyncStatus

UP, DOWN = "UP", "DOWN"


class Statuses(msgspec.Struct, frozen=True, kw_only=True):
    chain: ChainStatus | None
    epochs: ServiceStatus | None
    rewards: RewardsStatus | None
    allocations: ServiceStatus | None


def health(statuses: Statuses) -> Health:
    chain = statuses.chain
    stored = (statuses.epochs, statuses.rewards, statuses.allocations)
    return Health(
        blockchain=UP if chain is not None and chain.blockchain_height is not None else DOWN,
        db=DOWN if None in stored else UP,
        subgraph=UP if chain is not None and chain.indexed_height > 0 else DOWN,
    )


def is_healthy(told: Health) -> bool:
    return DOWN not in (told.blockchain, told.db, told.subgraph)


def sync_status(statuses: Statuses) -> SyncStatus:
    """A part that is down has nulls."""
    told = health(statuses)
    chain, rewards = statuses.chain, statuses.rewards
    height = epoch = pending = finalized = None
    if chain is not None and told.blockchain == UP:
        height, epoch = chain.blockchain_height, chain.blockchain_epoch
    if chain is not None and rewards is not None and told.db == UP and epoch is not None:
        pending = pending_snapshot(epoch, rewards.last_pending_snapshot)
        finalized = finalized_snapshot(
            epoch, rewards.last_finalized_snapshot, window_open=bool(chain.window_open)
        )
    indexed_height, indexed_epoch = slowest(statuses)
    return SyncStatus(
        blockchain_epoch=epoch,
        indexed_epoch=indexed_epoch,
        blockchain_height=height,
        indexed_height=indexed_height,
        pending_snapshot=pending,
        finalized_snapshot=finalized,
    )


def slowest(statuses: Statuses) -> tuple[int | None, int | None]:
    """The block and epoch that all have come to; None while one is silent: it may be behind."""
    chain, epochs = statuses.chain, statuses.epochs
    rewards, allocations = statuses.rewards, statuses.allocations
    if chain is None or epochs is None or rewards is None or allocations is None:
        return None, None
    if health(statuses).subgraph == DOWN:
        return None, None
    heights = (epochs.head_number, rewards.head_number, allocations.head_number)
    return (
        min(chain.indexed_height, *heights),
        min(epochs.current_epoch, allocations.current_epoch),
    )


def pending_snapshot(current: int, last: int) -> str:
    if current <= 1:
        return "not_applicable"
    if last == current - 2:
        return "in_progress"
    return "done" if last == current - 1 else "error"


def finalized_snapshot(current: int, last: int, *, window_open: bool) -> str:
    if current <= 1:
        return "not_applicable"
    if last == current - 2:
        return "too_early" if window_open else "in_progress"
    return "done" if last == current - 1 and not window_open else "error"
