"""/user: terms of service, patron mode, antisybil scores, uniqueness quotients."""

from octant_contracts.calls import (
    ACCEPT_TERMS,
    ANTISYBIL_STATUS,
    CONSENT,
    PATRON_MODE,
    PATRONS,
    QUOTIENTS,
    REFRESH_ANTISYBIL,
    SET_PATRON_MODE,
    UNIQUENESS_QUOTIENT,
    AcceptTerms,
    AntisybilStatus,
    Consent,
    PatronMode,
    PatronsRequest,
    QuotientsRequest,
    SetPatronMode,
    UniquenessQuotient,
)
from octant_contracts.calls import OfUser as UserRequest
from octant_contracts.calls import OfUserEpoch as UserEpochRequest
from octant_contracts.values import encode

from octant_gateway.answers import PatronsOfEpoch, QuotientsOfEpoch
from octant_gateway.bodies import PatronModeBody, TermsBody
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Answer, Operation
from octant_gateway.paging import join_pages
from octant_gateway.parameters import OfEpoch, OfUser, OfUserEpoch


async def consent(gateway: Gateway, of: OfUser) -> bytes:
    return await gateway.raw(CONSENT, UserRequest(of.user_address))


async def accept_terms(gateway: Gateway, of: OfUser, body: TermsBody, ip: str) -> bytes:
    request = AcceptTerms(user=of.user_address, signature=body.signature, ip=ip)
    return await gateway.submit(ACCEPT_TERMS, request)


async def patron_mode(gateway: Gateway, of: OfUser) -> bytes:
    return await gateway.raw(PATRON_MODE, UserRequest(of.user_address))


async def toggle_patron_mode(gateway: Gateway, of: OfUser, body: PatronModeBody) -> bytes:
    return await gateway.submit(
        SET_PATRON_MODE, SetPatronMode(user=of.user_address, signature=body.signature)
    )


async def patrons(gateway: Gateway, of: OfEpoch) -> bytes:
    async def page_at(cursor: int, as_of: int | None) -> bytes:
        request = PatronsRequest(epoch=of.epoch_number, cursor=cursor, as_of=as_of)
        return await gateway.raw(PATRONS, request)

    return await join_pages("patrons", page_at)


async def antisybil_status(gateway: Gateway, of: OfUser) -> Answer:
    answer = await gateway.ask(ANTISYBIL_STATUS, UserRequest(of.user_address))
    return Answer(200, encode(answer.status), _stale(answer.stale_for))


async def refresh_antisybil(gateway: Gateway, of: OfUser) -> bytes:
    """The service asks nobody while the stored score is fresh; here, only one asks at a time."""
    await gateway.cool_downs.shared(
        (of.user_address, "antisybil"),
        lambda: gateway.raw(REFRESH_ANTISYBIL, UserRequest(of.user_address)),
    )
    return b""


async def quotient(gateway: Gateway, of: OfUserEpoch) -> Answer:
    answer = await gateway.ask(
        UNIQUENESS_QUOTIENT, UserEpochRequest(of.user_address, of.epoch_number)
    )
    return Answer(200, encode(answer.quotient), _stale(answer.stale_for))


async def quotients(gateway: Gateway, of: OfEpoch) -> bytes:
    async def page_at(cursor: int, as_of: int | None) -> bytes:
        request = QuotientsRequest(epoch=of.epoch_number, cursor=cursor, as_of=as_of)
        return await gateway.raw(QUOTIENTS, request)

    return await join_pages("uqsInfo", page_at)


def _stale(seconds: int | None) -> dict[str, str]:
    return {} if seconds is None else {"X-Octant-Stale": str(seconds)}


OPERATIONS = (
    Operation(
        method="GET",
        path="/user/{user_address}/tos",
        summary="Whether the user accepted the terms of service",
        tag="users",
        handler=consent,
        answers={200: Consent},
        parameters=OfUser,
    ),
    Operation(
        method="POST",
        path="/user/{user_address}/tos",
        summary="Accept the terms of service, signed by the user",
        tag="users",
        handler=accept_terms,
        answers={201: Consent},
        parameters=OfUser,
        body=TermsBody,
        records_ip=True,
        refusals=("XRealIpHeaderMissing", "DuplicateConsent", "InvalidSignature"),
    ),
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
    Operation(
        method="GET",
        path="/user/patrons/{epoch_number}",
        summary="Who gives a budget of the epoch to the matching pool, in address order",
        tag="users",
        handler=patrons,
        reads=(PATRONS,),
        answers={200: PatronsOfEpoch},
        parameters=OfEpoch,
        refusals=("EpochNotIndexed",),
    ),
    Operation(
        method="GET",
        path="/user/{user_address}/antisybil-status",
        summary="The user's antisybil score as it was last fetched",
        tag="users",
        handler=antisybil_status,
        answers={200: AntisybilStatus},
        parameters=OfUser,
        refusals=("GPStampsNotFound",),
    ),
    Operation(
        method="PUT",
        path="/user/{user_address}/antisybil-status",
        summary="Fetch the user's antisybil score anew",
        tag="users",
        handler=refresh_antisybil,
        answers={204: None},
        parameters=OfUser,
        refusals=("AddressAlreadyDelegated", "UserNotFound", "UpstreamTimeout"),
    ),
    Operation(
        method="GET",
        path="/user/{user_address}/uq/{epoch_number}",
        summary="The weight of the user's allocations of an epoch",
        tag="users",
        handler=quotient,
        answers={200: UniquenessQuotient},
        parameters=OfUserEpoch,
    ),
    Operation(
        method="GET",
        path="/user/uq/{epoch_number}/all",
        summary="The weights of everybody who allocated in an epoch, oldest first",
        tag="users",
        handler=quotients,
        reads=(QUOTIENTS,),
        answers={200: QuotientsOfEpoch},
        parameters=OfEpoch,
    ),
)
