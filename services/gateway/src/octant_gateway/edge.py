"""Around all routes, as raw ASGI: request ids, CORS, metrics."""

import json
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from octant_chassis.telemetry import correlation_id, new_correlation_id
from octant_contracts.errors import Refusal, render
from prometheus_client import Histogram

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

requests_seconds = Histogram(
    "octant_http_seconds",
    "Time to answer a public request",
    ["method", "path", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
CORS = (
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"ETag, Retry-After, X-Request-Id, X-Octant-Stale, "
        b"RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset",
    ),
)
_PREFLIGHT = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, OPTIONS"),
    (b"access-control-allow-headers", b"Content-Type, X-Request-Id, If-None-Match"),
    (b"access-control-max-age", b"86400"),
)
# In the scope, and not among an answer's headers, which a cache gives to others, too.
RATE_HEADERS = "octant.rate_headers"
_KNOWN_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def edge(app: App) -> App:
    """`app`, with what every answer has, errors included."""

    async def respond(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        request_id = _request_id(headers)
        correlation_id.set(request_id)
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [*CORS, (b"x-request-id", request_id.encode())]
                own += scope.get(RATE_HEADERS, ())
                if status in (408, 413) and scope.get("http_version", "").startswith("1"):
                    # The rest of the body is not read: nothing can follow on this connection.
                    own.append((b"connection", b"close"))
                message["headers"] = [*message.get("headers", ()), *own]
            await send(message)

        if scope["method"] == "OPTIONS" and b"access-control-request-method" in headers:
            await _answer(send_with_headers, 204, list(_PREFLIGHT))
        elif "//" in scope["path"]:
            # Litestar would join the slashes, and a redirect to `//…` would leave this host.
            await _answer(send_with_headers, 404, _JSON, b'{"detail":"Not Found"}')
        else:
            await app(scope, receive, send_with_headers)
        requests_seconds.labels(
            scope["method"] if scope["method"] in _KNOWN_METHODS else "other",
            scope.get("path_template", "unmatched"),
            status,
        ).observe(time.perf_counter() - started)

    return respond


_JSON = [(b"content-type", b"application/json")]


def _request_id(headers: dict[bytes, bytes]) -> str:
    """The client's own id when it is a plain word, for following one request through all logs."""
    given = headers.get(b"x-request-id", b"")
    return given.decode() if REQUEST_ID.fullmatch(given) else new_correlation_id()


async def refuse(send: Send, refusal: Refusal) -> None:
    """A refusal outside of the router."""
    status, body, retry_after = render(refusal)
    headers = list(_JSON)
    if retry_after is not None:
        headers.append((b"retry-after", b"%d" % retry_after))
    await _answer(send, status, headers, json.dumps(body, separators=(",", ":")).encode())


async def _answer(
    send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b""
) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
