"""Known users: who accepted the terms of service, or had a deposit when a snapshot was taken."""

from octant_chassis.calls import Caller
from octant_chassis.database import Database
from octant_contracts.calls import FIRST_DEPOSIT, OfUser
from octant_contracts.values import Address

from octant_allocations.consents import repository


class KnownUsers:
    """Never ask it inside a transaction: it may ask epochs about a deposit without a budget."""

    def __init__(self, database: Database, caller: Caller) -> None:
        self._database = database
        self._caller = caller

    async def include(self, user: Address) -> bool:
        async with self._database.reading() as connection:
            if await repository.has_budget_or_consent(connection, user):
                return True
            last_snapshot = await repository.last_snapshot(connection)
        if last_snapshot == 0:
            return False
        first_deposit = (await self._caller.ask(FIRST_DEPOSIT, OfUser(user))).epoch
        return first_deposit is not None and first_deposit <= last_snapshot
