"""SQL of the project lists and names."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_chain_sync.indexer.model import ProjectList
from octant_chain_sync.projects.model import Named
from octant_chain_sync.tables import project_details, projects


async def newest_at(connection: AsyncConnection, epoch: int) -> ProjectList | None:
    """The list of the newest epoch up to `epoch`."""
    query = (
        select(projects).where(projects.c.epoch <= epoch).order_by(projects.c.epoch.desc()).limit(1)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return ProjectList(projects=tuple(row.addresses), cid=row.cid)


async def named(connection: AsyncConnection, epochs: Collection[int]) -> list[Named]:
    """Names and addresses of the epochs' projects, by id."""
    query = (
        select(project_details.c.name, project_details.c.address, project_details.c.epoch)
        .where(project_details.c.epoch.in_(epochs))
        .order_by(project_details.c.id)
    )
    return [Named(row.name, row.address, row.epoch) for row in await connection.execute(query)]
