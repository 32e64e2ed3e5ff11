"""/delegation: a user without GLM gives its antisybil score to another one."""

from octant_contracts.calls import (
    DELEGATE_SCORE,
    FIND_DELEGATION,
    RECALCULATE_SCORE,
    AmongAddresses,
    DelegateScore,
    DelegationPair,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Address

from octant_gateway.bodies import DelegationBody
from octant_gateway.gateway import Gateway
from octant_gateway.operation import NULL, Operation
from octant_gateway.parameters import NoParameters, OfUsers

FEWEST, MOST = 2, 10  # addresses of a check


async def delegate(gateway: Gateway, _: NoParameters, body: DelegationBody) -> bytes:
    await gateway.submit(
        DELEGATE_SCORE,
        DelegateScore(
            primary=body.primary_address,
            secondary=body.secondary_address,
            primary_signature=body.primary_signature,
            secondary_signature=body.secondary_signature,
        ),
    )
    return NULL


async def recalculate(gateway: Gateway, _: NoParameters, body: DelegationBody) -> bytes:
    """Clients that know of no end of it are told; the signatures do not matter."""
    pair = DelegationPair(primary=body.primary_address, secondary=body.secondary_address)
    await gateway.raw(RECALCULATE_SCORE, pair)
    return b""


async def check(gateway: Gateway, of: OfUsers) -> bytes:
    texts = of.user_addresses.split(",")
    if not FEWEST <= len(texts) <= MOST:
        raise Refusal("DelegationCheckWrongParams")
    try:
        addresses = [Address.parse(text) for text in texts]
    except ValueError:
        raise Refusal("InvalidAddressFormat") from None
    return await gateway.raw(FIND_DELEGATION, AmongAddresses(addresses))


OPERATIONS = (
    Operation(
        method="POST",
        path="/delegation/delegate",
        summary="Give the secondary's antisybil score to the primary, signed by both",
        tag="delegation",
        handler=delegate,
        answers={201: None},
        body=DelegationBody,
        refusals=(
            "InvalidSignature",
            "InvalidDelegationRequest",
            "DelegationAlreadyExists",
            "UserNotFound",
            "AntisybilScoreTooLow",
            "InvalidDelegationForLockingAddress",
            "EpochNotIndexed",
            "UpstreamTimeout",
        ),
    ),
    Operation(
        method="PUT",
        path="/delegation/recalculate",
        summary="Of the past: is always refused",
        tag="delegation",
        handler=recalculate,
        answers={204: None},
        body=DelegationBody,
        refusals=("DelegationDoesNotExist", "InvalidRecalculationRequest"),
    ),
    Operation(
        method="GET",
        path="/delegation/check/{user_addresses}",
        summary="Find a delegation between two of the addresses",
        tag="delegation",
        handler=check,
        answers={200: DelegationPair},
        parameters=OfUsers,
        refusals=(
            "DelegationCheckWrongParams",
            "InvalidAddressFormat",
            "DelegationDoesNotExist",
        ),
    ),
)
