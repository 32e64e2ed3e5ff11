"""Catalogue → Litestar routes: parameters in, one handler, bytes out."""

import re
from collections.abc import Sequence
from typing import Any

from litestar import Request
from litestar.enums import HttpMethod
from litestar.exceptions import MethodNotAllowedException
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from octant_contracts.errors import Refusal

from octant_gateway.gateway import Gateway
from octant_gateway.limits.addresses import peer_address, real_ip
from octant_gateway.limits.bodies import receive_body
from octant_gateway.operation import Answer, Operation
from octant_gateway.validation import Faults, read_body, read_parameters


def routes(gateway: Gateway, catalogue: Sequence[Operation]) -> list[HTTPRouteHandler]:
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in catalogue:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [_route(gateway, path, operations) for path, operations in by_path.items()]


def _route(gateway: Gateway, path: str, operations: dict[str, Operation]) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> ASGIResponse:
        operation = operations.get(request.method)
        if operation is None:  # OPTIONS; preflights do not come this far
            raise MethodNotAllowedException(headers={"allow": ", ".join(operations)})
        if (redirect := _without_trailing_slash(request)) is not None:
            return redirect
        result = await _perform(gateway, operation, request)
        if isinstance(result, Answer):
            return _response(result.status, result.body, result.headers)
        return _response(operation.status, result)

    # Parameters stay text in Litestar: what is wrong with them is for `validation` to say.
    # OPTIONS is ours, or Litestar would answer it.
    template = re.sub(r"{(\w+)}", r"{\1:str}", path)
    methods = [*(operation.method for operation in operations.values()), HttpMethod.OPTIONS]
    return HTTPRouteHandler(template, http_method=methods, status_code=200, name=path)(handle)


async def _perform(
    gateway: Gateway, operation: Operation, request: Request[Any, Any, Any]
) -> bytes | Answer:
    body: Any = None
    faults: list[dict[str, Any]] = []
    if operation.body is not None:
        data = await receive_body(
            request.scope,  # type: ignore[arg-type]  # ASGI, typed differently
            request.receive,  # type: ignore[arg-type]
            limit=gateway.settings.max_body_bytes,
            seconds=gateway.settings.body_seconds,
        )
        body, faults = read_body(operation.body, data, request.headers.get("content-type"))
    parameters, parameter_faults = read_parameters(
        operation.parameters, request.path_params, request.scope["query_string"].decode("latin-1")
    )
    arguments = [parameters] if operation.body is None else [parameters, body]
    if operation.records_ip:
        arguments.append(_ip_address(request.scope, gateway.settings.x_real_ip_required))
    if faults or parameter_faults:
        if operation.gate is not None:
            await operation.gate(gateway)
        raise Faults(parameter_faults + faults)
    return await operation.handler(gateway, *arguments)


def _ip_address(scope: Any, from_ingress: bool) -> str:
    """As the ingress tells it, empty or not; the peer's where none is expected to."""
    if not from_ingress:
        return peer_address(scope)
    told = real_ip(scope)
    if told is None:
        raise Refusal("XRealIpHeaderMissing")
    return told


def _without_trailing_slash(request: Request[Any, Any, Any]) -> ASGIResponse | None:
    """Litestar routes `/path/` like `/path`; clients are told to use the latter."""
    raw_path: bytes = request.scope["raw_path"]
    if not raw_path.endswith(b"/"):
        return None
    location = raw_path.rstrip(b"/").decode("latin-1")
    if query := request.scope["query_string"]:
        location += "?" + query.decode("latin-1")
    return ASGIResponse(status_code=307, headers={"Location": location}, body=b"")


def _response(status: int, body: bytes, headers: dict[str, str] | None = None) -> ASGIResponse:
    return ASGIResponse(
        status_code=status, body=body, media_type="application/json", headers=headers or {}
    )
