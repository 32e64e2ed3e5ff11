"""Composition root: read me first. Events come in from three services, calls from the gateway."""

from functools import partial

from octant_chassis.service import Service, start
from octant_contracts.calls import (
    ALLOCATE,
    ALLOCATION_NONCE,
    ALLOCATION_TERMS,
    ALLOCATION_WINDOW,
    ALLOCATIONS_STATUS,
    EPOCH_ALLOCATIONS,
    EPOCH_DONORS,
    PATRON_MODE,
    PROJECT_DONORS,
    SET_PATRON_MODE,
    USER_ALLOCATIONS,
)
from octant_contracts.events import (
    CHAIN_SYNC,
    EPOCHS,
    REWARDS,
    BlockAdvanced,
    EpochStarted,
    FactsReverted,
    FinalizedSnapshotTaken,
    LeverageComputed,
    PendingSnapshotTaken,
    ProjectsSet,
    WindowClosed,
    WindowOpened,
)

from octant_allocations import operations
from octant_allocations.allocations import calls as allocations
from octant_allocations.allocations import events as allocations_events
from octant_allocations.allocations.service import Allocator
from octant_allocations.budgets import events as budgets
from octant_allocations.budgets.arrivals import BudgetArrivals
from octant_allocations.chain import calls as chain_calls
from octant_allocations.chain import events as chain
from octant_allocations.patrons import service as patrons
from octant_allocations.settings import Settings
from octant_allocations.signing import Verifier
from octant_allocations.windows import calls as windows_calls
from octant_allocations.windows import events as windows

NAME = "allocations"
PACKAGE = "octant_allocations"


def wire(service: Service, settings: Settings) -> None:
    """Everything the service listens to and answers."""
    database, caller = service.database, service.caller
    verifier = Verifier(caller, settings.signature_check_timeout)
    arrivals = BudgetArrivals(database, caller, service.notifications)
    allocator = Allocator(database, verifier, arrivals, settings.chain_id, settings.low_uq_score)

    service.project(
        CHAIN_SYNC,
        {
            BlockAdvanced: chain.block_advanced,
            FactsReverted: chain.facts_reverted,
            ProjectsSet: chain.projects_set,
        },
    )
    service.project(
        EPOCHS,
        {
            EpochStarted: windows.epoch_started,
            WindowOpened: windows.window_opened,
            WindowClosed: windows.window_closed,
        },
    )
    service.project(
        REWARDS,
        {
            PendingSnapshotTaken: partial(budgets.pending_snapshot_taken, caller),
            FinalizedSnapshotTaken: budgets.finalized_snapshot_taken,
            LeverageComputed: allocations_events.leverage_computed,
        },
    )

    service.answer(ALLOCATE, allocator.allocate)
    service.answer(EPOCH_ALLOCATIONS, partial(allocations.of_epoch, database))
    service.answer(EPOCH_DONORS, partial(allocations.donors_of_epoch, database))
    service.answer(PROJECT_DONORS, partial(allocations.donors_of_project, database))
    service.answer(USER_ALLOCATIONS, partial(allocations.of_user, database))
    service.answer(ALLOCATION_NONCE, partial(allocations.nonce, database))
    service.answer(ALLOCATION_TERMS, partial(allocations.terms, database, settings.low_uq_score))
    service.answer(PATRON_MODE, partial(patrons.patron_mode, database))
    service.answer(SET_PATRON_MODE, partial(patrons.set_patron_mode, database, verifier))
    service.answer(ALLOCATION_WINDOW, partial(windows_calls.window, database))
    service.answer(ALLOCATIONS_STATUS, partial(chain_calls.status, database))

    service.operations.include_router(operations.router(settings, database))


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    async with start(NAME, settings, PACKAGE) as service:
        wire(service, settings)
        await service.run()
