"""/multisig-signatures: what the owners of a contract wallet sign one after the other."""

from octant_contracts.calls import (
    APPROVE_MULTISIGS,
    PENDING_MULTISIG,
    REGISTER_MULTISIG,
    AllocationInput,
    MultisigPayload,
    Nothing,
    OfUserType,
    PendingMultisig,
    RegisterMultisig,
)
from octant_contracts.values import Wei

from octant_gateway.bodies import MultisigBody
from octant_gateway.gateway import Gateway
from octant_gateway.operation import NULL, Operation
from octant_gateway.parameters import NoParameters, OfUserMultisigType


async def pending(gateway: Gateway, of: OfUserMultisigType) -> bytes:
    return await gateway.raw(PENDING_MULTISIG, OfUserType(of.user_address, of.op_type.value))


async def register(gateway: Gateway, of: OfUserMultisigType, body: MultisigBody, ip: str) -> bytes:
    text, payload = None, None
    if isinstance(body.message, str):
        text = body.message
    else:
        payload = MultisigPayload(
            allocations=[
                AllocationInput(item.project_address, Wei(item.amount))
                for item in body.message.payload.allocations
            ],
            nonce=Wei(body.message.payload.nonce),
            is_manually_edited=body.message.is_manually_edited,
        )
    request = RegisterMultisig(
        user=of.user_address, type=of.op_type.value, message=text, payload=payload, ip=ip
    )
    # Of each client apart: nobody is to keep others from registering what is theirs.
    await gateway.cool_downs.once(
        (of.user_address, of.op_type.value, ip),
        lambda: gateway.submit(REGISTER_MULTISIG, request),
    )
    return NULL


async def approve(gateway: Gateway, _: NoParameters) -> bytes:
    await gateway.raw(APPROVE_MULTISIGS, Nothing())
    return b""


OPERATIONS = (
    Operation(
        method="GET",
        path="/multisig-signatures/pending/{user_address}/type/{op_type}",
        summary="The newest message that waits for its owners' signatures",
        tag="multisig",
        handler=pending,
        answers={200: PendingMultisig},
        parameters=OfUserMultisigType,
    ),
    Operation(
        method="POST",
        path="/multisig-signatures/pending/{user_address}/type/{op_type}",
        summary="Register a message that an owner has proposed to the Safe service",
        tag="multisig",
        handler=register,
        answers={201: None},
        parameters=OfUserMultisigType,
        body=MultisigBody,
        records_ip=True,
        refusals=(
            "XRealIpHeaderMissing",
            "InvalidMultisigSignatureRequest",
            "DuplicateConsent",
            "InvalidEpoch",
            "EmptyAllocations",
            "WrongAllocationsNonce",
            "EpochNotIndexed",
            "NotAllowedInPatronMode",
            "BudgetNotFound",
            "RewardsBudgetExceeded",
            "ProjectAllocationToSelf",
            "InvalidProjects",
            "DuplicatedProjects",
            "InvalidMultisigAddress",
            "UpstreamNotFound",
            "UpstreamTimeout",
            "UpstreamFailed",
        ),
    ),
    Operation(
        method="PATCH",
        path="/multisig-signatures/pending/approve",
        summary="Apply what enough owners have signed by now",
        tag="multisig",
        handler=approve,
        answers={204: None},
    ),
)
