"""SQL of the project lists."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_chain_sync.indexer.model import ProjectList
from octant_chain_sync.tables import projects


async def newest_at(connection: AsyncConnection, epoch: int) -> ProjectList | None:
    """The list of the newest epoch up to `epoch`."""
    query = (
        select(projects).where(projects.c.epoch <= epoch).order_by(projects.c.epoch.desc()).limit(1)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    return ProjectList(projects=tuple(row.addresses), cid=row.cid)
