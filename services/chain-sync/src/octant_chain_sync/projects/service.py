"""The projects of an epoch, as the contract would answer, and the search for names."""

from octant_chassis.database import Database
from octant_contracts.calls import (
    PAGE,
    FoundProjects,
    ProjectDetails,
    ProjectDetailsRequest,
    ProjectsOfEpoch,
)
from octant_contracts.errors import Refusal

from octant_chain_sync.indexer import model as chain
from octant_chain_sync.indexer import repository as index
from octant_chain_sync.projects import model, repository

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


async def project_details(database: Database, request: ProjectDetailsRequest) -> FoundProjects:
    """A page of what `model.search` finds in epochs up to the next one.

    Refusal NotLoadedYet before the first look at the chain.
    """
    async with database.reading() as connection:
        head = await index.read_head(connection)
        if head is None:
            raise Refusal("NotLoadedYet", what="The current epoch")
        props = await index.read_props(connection)
        last = chain.current_epoch(props, head.block.timestamp) + 1
        epochs = [epoch for epoch in request.epochs if 0 <= epoch <= last]
        rows = await repository.named(connection, epochs)
    found = model.search(rows, epochs, request.phrases)
    end = request.cursor + PAGE
    return FoundProjects(
        projects_details=[
            ProjectDetails(name=row.name, address=row.address, epoch=str(row.epoch))
            for row in found[request.cursor : end]
        ],
        next_cursor=end if end < len(found) else None,
    )
