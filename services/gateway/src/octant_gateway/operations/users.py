"""/user: patron mode."""

from octant_contracts.calls import PATRON_MODE, SET_PATRON_MODE, PatronMode, SetPatronMode
from octant_contracts.calls import OfUser as UserRequest

from octant_gateway.bodies import PatronModeBody
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.parameters import OfUser


async def patron_mode(gateway: Gateway, of: OfUser) -> bytes:
    return await gateway.raw(PATRON_MODE, UserRequest(of.user_address))


async def toggle_patron_mode(gateway: Gateway, of: OfUser, body: PatronModeBody) -> bytes:
    return await gateway.submit(
        SET_PATRON_MODE, SetPatronMode(user=of.user_address, signature=body.signature)
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/user/{user_address}/patron-mode",
        summary="Whether the user gives all budgets to the matching pool",
        tag="users",
        handler=patron_mode,
        answers={200: PatronMode},
        parameters=OfUser,
    ),
    Operation(
        method="PATCH",
        path="/user/{user_address}/patron-mode",
        summary="Switch patron mode, signed by the user; answers the new state",
        tag="users",
        handler=toggle_patron_mode,
        answers={200: PatronMode},
        parameters=OfUser,
        body=PatronModeBody,
        refusals=("InvalidSignature",),
    ),
)
