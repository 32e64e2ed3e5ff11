"""Composition root: read me first. Events come in from three services, calls from the gateway."""

from functools import partial

from octant_chassis.service import Service, start
from octant_contracts.calls import (
    ACCEPT_TERMS,
    ALLOCATE,
    ALLOCATION_NONCE,
    ALLOCATION_TERMS,
    ALLOCATION_WINDOW,
    ALLOCATIONS_HISTORY,
    ALLOCATIONS_HISTORY_COUNTS,
    ALLOCATIONS_STATUS,
    ANTISYBIL_STATUS,
    APPROVE_MULTISIGS,
    CONSENT,
    DELEGATE_SCORE,
    EPOCH_ALLOCATIONS,
    EPOCH_DONORS,
    FIND_DELEGATION,
    PATRON_MODE,
    PATRONS,
    PENDING_MULTISIG,
    PROJECT_DONORS,
    QUOTIENTS,
    RECALCULATE_SCORE,
    REFRESH_ANTISYBIL,
    REGISTER_MULTISIG,
    REQUEST_STORED,
    SET_PATRON_MODE,
    UNIQUENESS_QUOTIENT,
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
from octant_allocations.antisybil import service as antisybil
from octant_allocations.antisybil.provider import NOT_CONFIGURED as NO_SCORE_PROVIDER
from octant_allocations.antisybil.provider import ScoreProvider
from octant_allocations.antisybil.service import Refresher
from octant_allocations.budgets import events as budgets
from octant_allocations.budgets.arrivals import BudgetArrivals
from octant_allocations.chain import calls as chain_calls
from octant_allocations.chain import events as chain
from octant_allocations.consents import service as consents
from octant_allocations.consents.known import KnownUsers
from octant_allocations.delegation import service as delegation
from octant_allocations.delegation.service import Delegator
from octant_allocations.history.calls import history, history_counts
from octant_allocations.multisig import service as multisig
from octant_allocations.multisig.approval import Approver, Passes
from octant_allocations.multisig.safe import NOT_CONFIGURED as NO_SAFES
from octant_allocations.multisig.safe import Safes
from octant_allocations.multisig.service import Registrar
from octant_allocations.patrons import calls as patrons_calls
from octant_allocations.patrons import service as patrons
from octant_allocations.quotients import calls as quotients
from octant_allocations.settings import Settings
from octant_allocations.signing import Verifier
from octant_allocations.windows import calls as windows_calls
from octant_allocations.windows import events as windows

NAME = "allocations"
PACKAGE = "octant_allocations"


def wire(
    service: Service,
    settings: Settings,
    provider: ScoreProvider = NO_SCORE_PROVIDER,
    safes: Safes = NO_SAFES,
) -> None:
    """Everything the service listens to and answers. Outside systems are handed in."""
    database, caller = service.database, service.caller
    verifier = Verifier(caller, settings.signature_check_timeout)
    arrivals = BudgetArrivals(database, caller, service.notifications)
    allocator = Allocator(database, verifier, arrivals, settings.chain_id, settings.scale)

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
    service.answer(REQUEST_STORED, partial(allocations.request_stored, database))
    service.answer(ALLOCATION_TERMS, partial(allocations.terms, database, settings.scale))
    service.answer(PATRON_MODE, partial(patrons.patron_mode, database))
    service.answer(SET_PATRON_MODE, partial(patrons.set_patron_mode, database, verifier))
    service.answer(ALLOCATIONS_HISTORY, partial(history, database))
    service.answer(ALLOCATIONS_HISTORY_COUNTS, partial(history_counts, database))
    service.answer(ALLOCATION_WINDOW, partial(windows_calls.window, database))
    service.answer(ALLOCATIONS_STATUS, partial(chain_calls.status, database))

    lists, salts, scale = settings.lists, settings.salts, settings.scale
    known = KnownUsers(database, caller)
    refresher = Refresher(
        database,
        provider,
        known,
        lists,
        salts,
        timeout=settings.score_provider_timeout,
        pause=settings.score_refresh_pause,
    )
    delegator = Delegator(
        database,
        caller,
        verifier,
        provider,
        known,
        lists,
        salts,
        timeout=settings.score_provider_timeout,
    )
    registrar = Registrar(database, safes, arrivals, settings.chain_id)
    approver = Approver(
        database, safes, verifier, allocator, patience_days=settings.multisig_patience_days
    )
    passes = Passes(approver, settings.multisig_interval)
    service.answer(CONSENT, partial(consents.consent, database))
    service.answer(ACCEPT_TERMS, partial(consents.accept, database, verifier))
    service.answer(PATRONS, partial(patrons_calls.of_epoch, database))
    service.answer(ANTISYBIL_STATUS, partial(antisybil.status, database, lists))
    service.answer(REFRESH_ANTISYBIL, refresher.refresh)
    service.answer(UNIQUENESS_QUOTIENT, partial(quotients.of_user, database, scale))
    service.answer(QUOTIENTS, partial(quotients.of_epoch, database))
    service.answer(DELEGATE_SCORE, delegator.delegate)
    service.answer(RECALCULATE_SCORE, partial(delegation.recalculate, database, salts))
    service.answer(FIND_DELEGATION, partial(delegation.find, database, salts))
    service.answer(PENDING_MULTISIG, partial(multisig.pending, database))
    service.answer(REGISTER_MULTISIG, registrar.register)
    service.answer(APPROVE_MULTISIGS, passes.approve)
    service.background("multisig approvals", passes.run)
    if settings.ip_retention_days is not None:
        forget = partial(consents.forget_old_ips, database, settings.ip_retention_days)
        service.lead("old IP addresses", forget)

    service.operations.include_router(operations.router(settings, database))


async def serve(settings: Settings) -> None:
    """Until SIGTERM or SIGINT."""
    async with start(NAME, settings, PACKAGE) as service:
        wire(service, settings)
        await service.run()
