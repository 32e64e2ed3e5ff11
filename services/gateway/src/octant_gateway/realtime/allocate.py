"""The `allocate` event: the same request, checks and texts as POST /allocations/allocate."""

import json
from collections.abc import Sequence
from typing import Any

from octant_chassis.telemetry import log
from octant_contracts.calls import REQUEST_STORED, StoredRequest
from octant_contracts.errors import Refusal, render
from octant_contracts.values import Wei

from octant_gateway.bodies import AllocateBody
from octant_gateway.gateway import Gateway
from octant_gateway.operations import allocations
from octant_gateway.parameters import NoParameters
from octant_gateway.realtime.payloads import AllocateError
from octant_gateway.validation import Faults, read_body

UNEXPECTED = AllocateError(message="An unexpected error has occurred", code=500)
BUSY = AllocateError(message="The allocation before is not answered yet; wait for it.", code=429)


async def allocate(
    gateway: Gateway, arguments: Sequence[Any], address: str
) -> AllocateError | None:
    """None when it is granted. Counts among the writes of `address`. Raises nothing."""
    try:
        gateway.rates.writes.take(address)
        body = await _body(gateway, arguments)
    except Faults as faults:
        return AllocateError(message=faults.items[0]["msg"], code=422)
    except RecursionError:  # an object that can be read, but not written again
        return AllocateError(message="JSON decode error", code=422)
    except Refusal as refusal:
        return _error(refusal)
    except Exception:
        log.exception("allocation over a socket failed")
        return UNEXPECTED
    error = await _allocate(gateway, body)
    log.info(
        "allocation over a socket",
        user=body.user_address.text,
        nonce=body.payload.nonce,
        code=error.code if error else 201,
    )
    return error


async def _body(gateway: Gateway, arguments: Sequence[Any]) -> AllocateBody:
    body, faults = read_body(AllocateBody, _json(arguments), "application/json")
    if body is None:
        await allocations.window_open(gateway)
        raise Faults(faults)
    return body


def _json(arguments: Sequence[Any]) -> bytes:
    """Text, or an object."""
    if not arguments:
        return b""
    given = arguments[0]
    text = given if isinstance(given, str) else json.dumps(given)
    return text.encode(errors="replace")


async def _allocate(gateway: Gateway, body: AllocateBody) -> AllocateError | None:
    try:
        await allocations.allocate(gateway, NoParameters(), body)
        return None
    except Refusal as refusal:
        repeated = refusal.code == "WrongAllocationsNonce" and await _is_stored(gateway, body)
        return _error(refusal, already_stored=repeated)
    except Exception:
        log.exception("allocation over a socket failed")
        return UNEXPECTED


async def _is_stored(gateway: Gateway, body: AllocateBody) -> bool:
    """Whether it is a repeat whose first acknowledgement got lost."""
    request = StoredRequest(
        user=body.user_address, nonce=Wei(body.payload.nonce), signature=body.signature
    )
    try:
        return (await gateway.ask(REQUEST_STORED, request)).stored
    except Refusal:
        return False


def _error(refusal: Refusal, *, already_stored: bool = False) -> AllocateError:
    if refusal.code == "InternalError":
        return UNEXPECTED
    status, body, _ = render(refusal)
    (message,) = body.values()
    return AllocateError(message=message, code=status, already_stored=already_stored)
