"""The projects of an epoch, as the contract would answer."""

from octant_chassis.database import Database
from octant_contracts.calls import ProjectsOfEpoch
from octant_contracts.errors import Refusal

from octant_chain_sync.projects import repository

LAST_EPOCH = 2**31 - 1


async def projects_of_epoch(
    database: Database, epoch: int, fixed_cids: dict[int, str]
) -> ProjectsOfEpoch:
    """The list of `epoch`, or the newest known one before it.

    Refusal InvalidEpoch for a negative number, NotLoadedYet before the first look at the chain.
    """
    if epoch < 0:
        raise Refusal("InvalidEpoch")
    async with database.engine.connect() as connection:
        row = await repository.newest_at(connection, min(epoch, LAST_EPOCH))
    if row is None:
        raise Refusal("NotLoadedYet", what="The project list")
    return ProjectsOfEpoch(
        projects_addresses=list(row.projects), projects_cid=fixed_cids.get(epoch, row.cid)
    )
