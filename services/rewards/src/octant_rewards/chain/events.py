"""Handles the events of chain-sync."""

from octant_chassis.projection import Handler
from octant_contracts.events import (
    BlockAdvanced,
    EpochPropsSet,
    FactsReverted,
    MerkleRootSet,
    ProjectsSet,
    Withdrawn,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards.chain import repository


async def block_advanced(connection: AsyncConnection, event: BlockAdvanced) -> None:
    await repository.set_head(connection, event.block, event.final_block)


async def facts_reverted(connection: AsyncConnection, event: FactsReverted) -> None:
    await repository.revert(connection, event.to_block)


HANDLERS: dict[type, Handler] = {
    BlockAdvanced: block_advanced,
    FactsReverted: facts_reverted,
    EpochPropsSet: repository.set_props,
    ProjectsSet: repository.set_projects,
    MerkleRootSet: repository.add_root,
    Withdrawn: repository.add_withdrawn,
}
