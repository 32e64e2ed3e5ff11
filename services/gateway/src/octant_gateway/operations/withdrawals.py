"""/withdrawals: rewards a user can take out of the vault."""

import msgspec
from octant_contracts.calls import WITHDRAWALS, Withdrawal
from octant_contracts.calls import OfUser as UserRequest

from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.parameters import OfUser


class _Frame(msgspec.Struct):
    withdrawals: msgspec.Raw


async def of_user(gateway: Gateway, of: OfUser) -> bytes:
    """The bare array of the call's answer."""
    answer = await gateway.raw(WITHDRAWALS, UserRequest(of.user_address))
    return bytes(msgspec.json.decode(answer, type=_Frame).withdrawals)


OPERATIONS = (
    Operation(
        method="GET",
        path="/withdrawals/{user_address}",
        summary="Claimable rewards of a user with their merkle proofs",
        tag="withdrawals",
        handler=of_user,
        answers={200: list[Withdrawal]},
        parameters=OfUser,
    ),
)
