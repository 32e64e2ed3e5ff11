"""What chain-sync announces: the head and the projects of an epoch."""

from octant_chassis.database import AsyncConnection
from octant_contracts.events import BlockAdvanced, FactsReverted, ProjectsSet

from octant_allocations.chain import repository


async def block_advanced(connection: AsyncConnection, event: BlockAdvanced) -> None:
    await repository.set_head(connection, event.block, event.final_block)


async def facts_reverted(connection: AsyncConnection, event: FactsReverted) -> None:
    """The head goes back; a list that changed is announced again by ProjectsSet."""
    await repository.set_head(connection, event.to_block, None)


async def projects_set(connection: AsyncConnection, event: ProjectsSet) -> None:
    await repository.replace_projects(connection, event.epoch, event.projects)
