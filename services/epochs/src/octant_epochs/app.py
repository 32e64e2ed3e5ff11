"""Composition root of the epochs service: read me first.

Follows chain-sync's stream in one projection; everything announced and answered comes from it.
"""

from functools import partial

from octant_chassis.service import Service, start
from octant_contracts.calls import (
    CURRENT_EPOCH,
    DEPOSITS_UNTIL,
    EPOCH_INFO,
    EPOCHS_STATUS,
    ESTIMATED_DEPOSIT,
    ESTIMATED_TOTAL_DEPOSIT,
    FIRST_DEPOSIT,
    INDEXED_EPOCH,
    REWARDS_RATE,
    SETTLED_DEPOSITS,
    USER_DEPOSIT,
    USER_DEPOSIT_UNTIL,
)
from octant_contracts.events import (
    CHAIN_SYNC,
    EPOCHS,
    BlockAdvanced,
    EpochPropsSet,
    FactsReverted,
    FactsSealed,
    Locked,
    Unlocked,
)

from octant_epochs.calendar import service as calendar
from octant_epochs.deposits import estimates
from octant_epochs.deposits import service as deposits
from octant_epochs.deposits.model import grace_period
from octant_epochs.info import service as info
from octant_epochs.settings import Settings

PACKAGE = "octant_epochs"


def wire(service: Service, settings: Settings) -> None:
    """Which event and which call goes where."""
    database, caller = service.database, service.caller
    grace = grace_period(settings.chain_id)
    everybody = estimates.Estimates(database, grace)
    service.project(
        CHAIN_SYNC,
        {
            BlockAdvanced: calendar.advance,
            EpochPropsSet: calendar.set_props,
            Locked: deposits.record,
            Unlocked: deposits.record,
            FactsReverted: deposits.revert,
            FactsSealed: partial(deposits.settle, grace),
        },
    )
    service.answer(CURRENT_EPOCH, partial(calendar.current, database))
    service.answer(INDEXED_EPOCH, partial(calendar.indexed, database))
    service.answer(EPOCHS_STATUS, partial(calendar.status, database))
    service.answer(EPOCH_INFO, partial(info.epoch_info, database, caller, everybody))
    service.answer(REWARDS_RATE, info.rewards_rate)
    service.answer(USER_DEPOSIT, partial(deposits.of_user, database, grace))
    service.answer(FIRST_DEPOSIT, partial(deposits.first_of_user, database))
    service.answer(SETTLED_DEPOSITS, partial(deposits.settled_page, database))
    service.answer(ESTIMATED_DEPOSIT, partial(estimates.estimated, database, grace))
    service.answer(ESTIMATED_TOTAL_DEPOSIT, partial(estimates.estimated_total, database, everybody))
    service.answer(DEPOSITS_UNTIL, partial(estimates.until_page, database, everybody))
    service.answer(USER_DEPOSIT_UNTIL, partial(estimates.user_until, database, everybody))


async def serve(settings: Settings) -> None:
    """Until SIGTERM."""
    async with start(EPOCHS, settings, PACKAGE) as service:
        wire(service, settings)
        await service.run()
