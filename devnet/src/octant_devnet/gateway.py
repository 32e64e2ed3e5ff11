"""The few requests to the gateway that the devnet's own commands make."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

TIMEOUT = 10.0


def get(url: str) -> tuple[int, Any]:
    """Status and decoded body, whatever the status; OSError when nobody answers."""
    return _ask(Request(url))


def post(url: str, body: Any = None) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"}
    data = b"" if body is None else json.dumps(body).encode()
    return _ask(Request(url, data, headers, method="POST"))


def _ask(request: Request) -> tuple[int, Any]:
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:
            return answer.status, _decoded(answer.read())
    except HTTPError as error:
        return error.code, _decoded(error.read())


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="replace")
