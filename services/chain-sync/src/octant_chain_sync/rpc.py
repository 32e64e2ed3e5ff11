"""JSON-RPC to the Ethereum node: pooled connections, batches, time limits, retries.

Everything is safe to repeat: reads, and signed transactions, whose bytes have one effect.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
from eth_abi.abi import decode
from octant_contracts.errors import Refusal

BATCH_SIZE = 100  # requests in one message; public nodes refuse larger batches
RATE_LIMITED = (429, -32005)
GET_LOGS = "eth_getLogs"
EXECUTION_REVERTED = 3
_ERROR_SELECTOR = bytes.fromhex("08c379a0")  # Error(string)
_EXECUTION = re.compile(
    r"revert|opcode|out of gas|outofgas|gas required exceeds|stack|evm error|vm execution|"
    r"invalid jump",
    re.IGNORECASE,
)

Request = tuple[str, Sequence[Any]]


class RpcFailure(Exception):
    """The node gave no usable answer."""


class NodeUnreachable(RpcFailure):
    """No connection, a broken answer, or a server error."""


class NodeTimeout(RpcFailure):
    """No answer in time."""


class NodeError(RpcFailure):
    """The node answered with an error."""

    def __init__(self, method: str, code: int, message: str) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.code = code
        self.message = message


class ExecutionFailed(NodeError):
    """The EVM refused: a revert, out of gas, an invalid opcode. `reason` is a revert's text."""

    def __init__(self, method: str, code: int, message: str, reason: str) -> None:
        super().__init__(method, code, message)
        self.reason = reason

    @property
    def reverted(self) -> bool:
        return self.code == EXECUTION_REVERTED or "revert" in self.message.lower()


class UnexpectedAnswer(RpcFailure):
    """The answer does not look like the contract's or the method's."""


class Rpc:
    """One node. `timeout` is per attempt, in seconds."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    async def call(
        self, method: str, *params: Any, timeout: float = 10.0, attempts: int = 4
    ) -> Any:
        """The result; RpcFailure otherwise."""
        (result,) = await self.batch([(method, params)], timeout=timeout, attempts=attempts)
        return result

    async def batch(
        self, requests: Sequence[Request], *, timeout: float = 10.0, attempts: int = 4
    ) -> list[Any]:
        """Results in the order of the requests; the first error is raised."""
        results = await self.settle(requests, timeout=timeout, attempts=attempts)
        for result in results:
            if isinstance(result, NodeError):
                raise result
        return results

    async def settle(
        self, requests: Sequence[Request], *, timeout: float = 10.0, attempts: int = 4
    ) -> list[Any]:
        """Like `batch`, but the node's errors stand in their places as NodeError."""
        results: list[Any] = []
        for start in range(0, len(requests), BATCH_SIZE):
            part = requests[start : start + BATCH_SIZE]
            results += await self._retrying(part, timeout, attempts)
        return results

    async def _retrying(
        self, requests: Sequence[Request], timeout: float, attempts: int
    ) -> list[Any]:
        for attempt in range(1, attempts + 1):
            try:
                return await self._post(requests, timeout)
            except (NodeUnreachable, NodeTimeout):
                if attempt == attempts:
                    raise
            # Full jitter: many clients of a node that came back must not meet again.
            await asyncio.sleep(random.uniform(0, 0.1 * 2**attempt))  # noqa: S311
        raise ValueError("attempts must be at least 1")

    async def _post(self, requests: Sequence[Request], timeout: float) -> list[Any]:
        body = [
            {"jsonrpc": "2.0", "id": place, "method": method, "params": list(params)}
            for place, (method, params) in enumerate(requests)
        ]
        try:
            async with self._session.post(
                self._url,
                json=body if len(body) > 1 else body[0],
                timeout=aiohttp.ClientTimeout(total=timeout),
            ) as response:
                text = await response.text()
                status = response.status
        except TimeoutError:
            raise NodeTimeout(f"no answer within {timeout:g} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NodeUnreachable(str(error) or type(error).__name__) from None
        return _results(requests, _parsed(status, text))


def _parsed(status: int, text: str) -> list[dict[str, Any]]:
    try:
        answer = json.loads(text)
    except ValueError:
        raise NodeUnreachable(f"HTTP {status} without JSON") from None
    answers = answer if isinstance(answer, list) else [answer]
    if not all(isinstance(a, dict) for a in answers):
        raise NodeUnreachable(f"HTTP {status} without an answer")
    return answers


def _results(requests: Sequence[Request], answers: list[dict[str, Any]]) -> list[Any]:
    if len(answers) == 1 and "error" in answers[0] and answers[0].get("id") is None:
        what = requests[0][0] if len(requests) == 1 else "batch"
        raise _error(what, answers[0]["error"])  # the message as a whole was refused
    by_id = {answer.get("id"): answer for answer in answers}
    results: list[Any] = []
    for place, (method, _) in enumerate(requests):
        answer = by_id.get(place)
        if answer is None or ("result" not in answer and "error" not in answer):
            raise NodeUnreachable(f"no answer to {method}")
        error = answer.get("error")
        results.append(_error(method, error) if error else answer["result"])
    return results


def _error(method: str, error: dict[str, Any]) -> NodeError:
    """What the node said; NodeUnreachable, which is tried again, when it has too much to do."""
    code, message = int(error.get("code", 0)), str(error.get("message", ""))
    # Of logs some nodes say with the same code that the range has too many.
    if code in RATE_LIMITED and method != GET_LOGS:
        raise NodeUnreachable("rate limited")
    if code == EXECUTION_REVERTED or _EXECUTION.search(message):
        return ExecutionFailed(method, code, message, _revert_reason(error.get("data")))
    return NodeError(method, code, message)


def _revert_reason(data: Any) -> str:
    if not isinstance(data, str):
        return ""
    try:
        raw = bytes.fromhex(data.removeprefix("0x"))
        return str(decode(["string"], raw[4:])[0]) if raw[:4] == _ERROR_SELECTOR else ""
    except Exception:  # what a contract reverts with is its own choice
        return ""


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Rpc]:
    """A client with pooled connections; the node need not be there yet."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=32)) as session:
        yield Rpc(url, session)


@contextmanager
def answering() -> Iterator[None]:
    """Around what an answer to a caller depends on: failures of the node become refusals."""
    try:
        yield
    except NodeTimeout:
        raise Refusal("UpstreamTimeout") from None
    except RpcFailure:
        raise Refusal("UpstreamFailed") from None
