"""/user/…/sablier-streams: GLM that people receive as time-locked streams."""

from octant_contracts.calls import SABLIER_STREAMS, StreamsRequest
from octant_contracts.values import Address

from octant_gateway.answers import Streams
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.paging import join_pages
from octant_gateway.parameters import NoParameters, OfUser


async def of_user(gateway: Gateway, of: OfUser) -> bytes:
    return await _streams(gateway, of.user_address)


async def of_all(gateway: Gateway, _: NoParameters) -> bytes:
    return await _streams(gateway, None)


async def _streams(gateway: Gateway, recipient: Address | None) -> bytes:
    async def page_at(cursor: int, _: int | None) -> bytes:
        request = StreamsRequest(recipient=recipient, cursor=cursor)
        return await gateway.raw(SABLIER_STREAMS, request)

    return await join_pages("sablierStreams", page_at)


OPERATIONS = (
    Operation(
        method="GET",
        path="/user/{user_address}/sablier-streams",
        summary="A user's streams of GLM, oldest first",
        tag="users",
        handler=of_user,
        answers={200: Streams},
        parameters=OfUser,
    ),
    Operation(
        method="GET",
        path="/user/sablier-streams/all",
        summary="All streams of GLM, oldest first",
        tag="users",
        handler=of_all,
        answers={200: Streams},
    ),
)
