"""The catalogue: every public HTTP operation. A new one is an entry in its group's module."""

from octant_gateway.operation import Operation
from octant_gateway.operations import (
    allocations,
    budget_estimates,
    config,
    delegation,
    deposit_totals,
    deposits,
    epochs,
    glms,
    history,
    info,
    leverage,
    multisig,
    projects,
    rewards,
    snapshots,
    streams,
    users,
    withdrawals,
)

CATALOGUE: tuple[Operation, ...] = (
    *allocations.OPERATIONS,
    *leverage.OPERATIONS,
    *rewards.OPERATIONS,
    *budget_estimates.OPERATIONS,
    *epochs.OPERATIONS,
    *projects.OPERATIONS,
    *users.OPERATIONS,
    *delegation.OPERATIONS,
    *multisig.OPERATIONS,
    *streams.OPERATIONS,
    *deposits.OPERATIONS,
    *deposit_totals.OPERATIONS,
    *snapshots.OPERATIONS,
    *withdrawals.OPERATIONS,
    *history.OPERATIONS,
    *glms.OPERATIONS,
    *info.OPERATIONS,
    *config.OPERATIONS,
)
