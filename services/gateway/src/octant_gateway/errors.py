"""Errors as clients see them: refusals, 422, 404, 405, and a bare 500 for the unexpected."""

import json
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from octant_chassis.telemetry import log
from octant_contracts.errors import Refusal, render

from octant_gateway.limits.bodies import ClientGone
from octant_gateway.validation import Faults

AnyRequest = Request[Any, Any, Any]


def on_refusal(_: AnyRequest, refusal: Refusal) -> Response[bytes]:
    status, body, retry_after = render(refusal)
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return _json(status, body, headers)


def on_faults(_: AnyRequest, faults: Faults) -> Response[bytes]:
    return _json(422, {"detail": faults.items})


def on_http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """What Litestar raises: no such path or method, a malformed request."""
    if error.status_code >= 500:
        return on_unexpected(request, error)
    headers = {}
    if error.status_code == 405:
        allowed = (error.headers or {}).get("allow", "").split(", ")
        headers["Allow"] = ", ".join(sorted(m for m in allowed if m != "OPTIONS"))
    return _json(
        error.status_code, {"detail": _DETAILS.get(error.status_code, error.detail)}, headers
    )


def on_client_gone(_: AnyRequest, __: ClientGone) -> Response[bytes]:
    return _json(400, {"detail": "The request ended early"})


def on_unexpected(request: AnyRequest, error: Exception) -> Response[bytes]:
    log.error("request failed", method=request.method, path=request.url.path, exc_info=error)
    return _json(500, {"message": "Internal server error"})


HANDLERS: dict[Any, Any] = {
    Refusal: on_refusal,
    Faults: on_faults,
    HTTPException: on_http_error,
    ClientGone: on_client_gone,
    Exception: on_unexpected,
}

_DETAILS = {404: "Not Found", 405: "Method Not Allowed"}


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response[bytes]:
    return Response(_dump(body), status_code=status, headers=headers, media_type="application/json")


def _dump(body: Any) -> bytes:
    try:
        return _compact(body)
    except RecursionError:  # faults quote the input, which can be deeper than what can be written
        return _compact({"detail": [{**fault, "input": None} for fault in body["detail"]]})


def _compact(body: Any) -> bytes:
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(errors="replace")  # half a surrogate pair shows as ?
