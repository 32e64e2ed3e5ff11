"""What rewards announces: an epoch's root is known."""

from octant_chassis.database import AsyncConnection
from octant_chassis.projection import Handler
from octant_contracts.events import FinalizedSnapshotTaken

from octant_chain_sync.indexer.repository import notify
from octant_chain_sync.transactions import repository


def on_finalized(channel: str) -> Handler:
    """Keeps the epoch's root and sum, and wakes whoever confirms, listening on `channel`."""

    async def handle(connection: AsyncConnection, event: FinalizedSnapshotTaken) -> None:
        await repository.add_confirmation(connection, event)
        await notify(connection, channel)

    return handle
