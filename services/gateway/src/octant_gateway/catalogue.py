"""The catalogue: every public HTTP operation. A new one is an entry in its group's module."""

from octant_gateway.operation import Operation
from octant_gateway.operations import (
    allocations,
    deposits,
    epochs,
    info,
    projects,
    rewards,
    snapshots,
    users,
    withdrawals,
)

CATALOGUE: tuple[Operation, ...] = (
    *allocations.OPERATIONS,
    *rewards.OPERATIONS,
    *epochs.OPERATIONS,
    *projects.OPERATIONS,
    *users.OPERATIONS,
    *deposits.OPERATIONS,
    *snapshots.OPERATIONS,
    *withdrawals.OPERATIONS,
    *info.OPERATIONS,
)
