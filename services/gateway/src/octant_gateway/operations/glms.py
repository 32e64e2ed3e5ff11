"""/glms: the one-time gift of GLM."""

from octant_contracts.calls import CLAIM_GLM, CLAIMABLE_GLM, ClaimableGlm, ClaimGlm
from octant_contracts.calls import OfUser as UserRequest

from octant_gateway.bodies import ClaimBody
from octant_gateway.gateway import Gateway
from octant_gateway.operation import NULL, Operation
from octant_gateway.parameters import NoParameters, OfUser


async def claim(gateway: Gateway, _: NoParameters, body: ClaimBody) -> bytes:
    await gateway.submit(CLAIM_GLM, ClaimGlm(body.signature))
    return NULL


async def check(gateway: Gateway, of: OfUser) -> bytes:
    return await gateway.raw(CLAIMABLE_GLM, UserRequest(of.user_address))


OPERATIONS = (
    Operation(
        method="POST",
        path="/glms/claim",
        summary="Claim the gift for who signed; it is paid out later",
        tag="glms",
        handler=claim,
        answers={201: None},
        body=ClaimBody,
        refusals=("GlmClaimDisabled", "InvalidSignature", "NotEligibleToClaimGLM", "GlmClaimed"),
    ),
    Operation(
        method="GET",
        path="/glms/claim/{user_address}/check",
        summary="What a user may still claim; 0 once claimed",
        tag="glms",
        handler=check,
        answers={200: ClaimableGlm},
        parameters=OfUser,
        refusals=("GlmClaimDisabled", "NotEligibleToClaimGLM"),
    ),
)
