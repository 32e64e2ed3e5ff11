"""An operator corrects a user's uniqueness quotient of an epoch that is not sealed."""

from decimal import Decimal

from octant_chassis import outbox
from octant_chassis.database import Database
from octant_chassis.operations import record_action
from octant_contracts.events import UqScoreSet
from octant_contracts.values import Address, EpochNumber

from octant_allocations import locks
from octant_allocations.quotients import repository
from octant_allocations.windows import repository as windows


class EpochSealed(Exception):
    """The window has closed; nothing that decides the epoch changes any more."""


async def set_score(
    database: Database, epoch: EpochNumber, user: Address, score: Decimal, *, who: str, why: str
) -> None:
    """Stores and announces the score, which also weighs what is allocated already.

    Raises EpochSealed.
    """
    async with database.transaction("set-uniqueness-quotient") as connection:
        await locks.lock_user(connection, user)
        await locks.hold_newest_window(connection)
        if await windows.is_sealed(connection, epoch):
            raise EpochSealed(f"the allocations of epoch {epoch} are sealed")
        await repository.put_score(connection, epoch, user, score)
        await locks.note_change(connection, user)
        await record_action(
            connection,
            who=who,
            why=why,
            action="set uniqueness quotient",
            details=f"epoch {epoch}, user {user.text}, score {score}",
        )
        await outbox.append(connection, UqScoreSet(epoch=epoch, user=user, score=score))
