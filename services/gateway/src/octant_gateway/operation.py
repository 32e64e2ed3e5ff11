"""What an entry of the catalogue consists of. Routes and OpenAPI are both made from it."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
from octant_contracts.calls import Call
from pydantic import BaseModel

from octant_gateway.gateway import Gateway
from octant_gateway.parameters import NoParameters

NULL = b"null"


class Answer(msgspec.Struct, frozen=True):
    """A status other than the operation's first, the body, and headers of its own."""

    status: int
    body: bytes
    headers: dict[str, str] = {}


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method on one path.

    `handler(gateway, parameters)`, followed by the body where there is one and by the client's IP
    address where it is recorded, returns the JSON of the first status of `answers`, or an `Answer`.
    """

    method: Literal["GET", "POST", "PUT", "PATCH"]
    path: str
    """Names in braces are fields of `parameters`; its other fields come from the query."""
    summary: str
    tag: str
    handler: Callable[..., Awaitable[bytes | Answer]]
    answers: dict[int, Any]
    """Status → type of the body; None: `null`, or nothing with 204."""
    parameters: type[BaseModel] = NoParameters
    body: type[BaseModel] | None = None
    reads: tuple[Call[Any, Any], ...] = ()
    """The calls a GET is made of. It is cached when they all tell what invalidates them."""
    refusals: tuple[str, ...] = ()
    """Codes of `octant_contracts.errors` that clients of this operation meet."""
    records_ip: bool = False
    """The request is refused without `X-Real-IP`, before faults of parameters and body."""
    gate: Callable[[Gateway], Awaitable[None]] | None = None
    """Raises the refusal that goes before faults of parameters and body."""

    @property
    def status(self) -> int:
        first: int = next(iter(self.answers))
        return first
