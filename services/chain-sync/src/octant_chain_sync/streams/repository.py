"""SQL of GLM streams."""

from octant_chassis.database import AsyncConnection
from octant_contracts.calls import SablierStream
from octant_contracts.values import Address, Wei
from sqlalchemy import select

from octant_chain_sync.tables import sablier_streams


async def oldest_first(
    connection: AsyncConnection, recipient: Address | None, offset: int, limit: int
) -> list[SablierStream]:
    """Streams to `recipient`, or to everybody."""
    stream = sablier_streams.c
    query = select(sablier_streams).order_by(stream.created_at, stream.number)
    if recipient is not None:
        query = query.where(stream.recipient == recipient)
    return [
        SablierStream(
            amount=Wei(row.deposit_amount),
            date_available_for_withdrawal=str(row.end_time),
            is_cancelled=row.canceled,
            remaining_amount=Wei(row.intact_amount),
            recipient_address=row.recipient,
        )
        for row in await connection.execute(query.offset(offset).limit(limit))
    ]
