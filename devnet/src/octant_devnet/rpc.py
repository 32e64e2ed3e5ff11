"""JSON-RPC over one kept-alive HTTP connection, one request at a time."""

import json
import select
import threading
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from octant_devnet.abi import Reverted, revert_code

EXECUTION_REVERTED = 3
BATCH_SIZE = 500


class RpcError(Exception):
    """The node answered with an error that is not a revert."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.code = code


class RpcClient:
    """Safe to share between threads; raises OSError when the node is away."""

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or parts.hostname is None:
            raise ValueError("not an http URL")
        self.url = url
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        kind = HTTPConnection if parts.scheme == "http" else HTTPSConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout)
        self._lock = threading.Lock()

    def rpc(self, method: str, *params: Any) -> Any:
        return _result(method, self._post(_request(0, method, params)))

    def batch(self, requests: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Results in the order of the requests; raises at the first error."""
        results: list[Any] = []
        for start in range(0, len(requests), BATCH_SIZE):
            part = requests[start : start + BATCH_SIZE]
            answers = self._post([_request(i, *request) for i, request in enumerate(part)])
            by_id = {answer["id"]: answer for answer in answers}
            results += [_result(method, by_id[i]) for i, (method, _) in enumerate(part)]
        return results

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _post(self, body: Any) -> Any:
        payload = json.dumps(body).encode()
        with self._lock:
            self._drop_connection_closed_by_peer()
            try:
                self._connection.request(
                    "POST", self._path, payload, {"Content-Type": "application/json"}
                )
                return json.loads(self._connection.getresponse().read())
            except (OSError, HTTPException, ValueError) as error:
                self._connection.close()
                if isinstance(error, OSError):
                    raise
                raise ConnectionError(f"{self.url}: broken answer") from error

    def _drop_connection_closed_by_peer(self) -> None:
        # Nothing is due on an idle connection, so readable means closed: reconnect instead of
        # repeating a request that may not be repeated.
        sock = self._connection.sock
        if sock is not None and select.select([sock], [], [], 0)[0]:
            self._connection.close()


def _request(number: int, method: str, params: Sequence[Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


def _result(method: str, answer: dict[str, Any]) -> Any:
    error = answer.get("error")
    if error is None:
        return answer["result"]
    if error["code"] == EXECUTION_REVERTED:
        raise Reverted(revert_code(bytes.fromhex((error.get("data") or "0x")[2:])))
    raise RpcError(method, error["code"], error["message"])
