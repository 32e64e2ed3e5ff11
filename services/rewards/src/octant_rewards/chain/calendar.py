"""Where the chain stands, read in one transaction: the only time decisions are made by."""

from dataclasses import dataclass

from octant_contracts.errors import Refusal
from octant_contracts.values import BlockRef
from octant_protocol.calendar import EpochProps, epoch_at, finalized_epoch, pending_epoch
from sqlalchemy.ext.asyncio import AsyncConnection

from octant_rewards.chain import repository


@dataclass(frozen=True, slots=True)
class ChainState:
    """The head, and the epochs it implies. `current` is 0 before the start."""

    head: BlockRef
    props: list[EpochProps]

    @property
    def current(self) -> int:
        return epoch_at(self.props, self.head.timestamp)

    @property
    def pending(self) -> int | None:
        """The epoch whose budgets may be allocated; None while the window is closed."""
        return pending_epoch(self.props, self.head.timestamp)

    @property
    def finalized(self) -> int:
        """The newest epoch whose window is over; 0 before the first."""
        return finalized_epoch(self.props, self.head.timestamp) or 0


async def chain_state(connection: AsyncConnection) -> ChainState:
    """Refusal NotLoadedYet before the first block is known."""
    head = await repository.head(connection)
    props = await repository.props(connection)
    if head is None or not props:
        raise Refusal("NotLoadedYet", what="The chain")
    return ChainState(head, props)
