"""GLM that people receive as time-locked Sablier streams."""

from octant_chassis.database import Database
from octant_contracts.calls import PAGE, SablierStreams, StreamsRequest

from octant_chain_sync.streams import repository


async def sablier_streams(
    database: Database, request: StreamsRequest, *, enabled: bool
) -> SablierStreams:
    """A page of one recipient's or all streams; none where streams are not `enabled`."""
    if not enabled:
        return SablierStreams(sablier_streams=[], next_cursor=None)
    async with database.reading() as connection:
        found = await repository.oldest_first(
            connection, request.recipient, request.cursor, PAGE + 1
        )
    return SablierStreams(
        sablier_streams=found[:PAGE],
        next_cursor=request.cursor + PAGE if len(found) > PAGE else None,
    )
