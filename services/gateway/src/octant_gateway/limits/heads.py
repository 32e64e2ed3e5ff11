"""How long a request line and headers may be, in numbers that clients are told.

The server itself refuses what is longer still, without a body (docs/limits.md).
"""

import msgspec
from octant_contracts.errors import Refusal

from octant_gateway.edge import App, Message, Receive, Send, refuse


class HeadLimits(msgspec.Struct, frozen=True, kw_only=True):
    target_bytes: int
    header_bytes: int
    header_lines: int


def short_heads(app: App, limits: HeadLimits) -> App:
    """`app`, which gets only requests within `limits`."""

    async def respond(scope: Message, receive: Receive, send: Send) -> None:
        try:
            check(scope, limits)
        except Refusal as refusal:
            await refuse(send, refusal)
        else:
            await app(scope, receive, send)

    return respond


def check(scope: Message, limits: HeadLimits) -> None:
    """Refusal TargetTooLong or HeadersTooLarge."""
    query = scope["query_string"]
    if len(scope["raw_path"]) + bool(query) + len(query) > limits.target_bytes:
        raise Refusal("TargetTooLong", limit=limits.target_bytes)
    headers = scope["headers"]
    if len(headers) > limits.header_lines:
        raise Refusal("HeadersTooLarge", limit=limits.header_lines, unit="lines")
    # Name, colon, blank, value, end of line.
    if sum(len(name) + len(value) + 4 for name, value in headers) > limits.header_bytes:
        raise Refusal("HeadersTooLarge", limit=limits.header_bytes, unit="bytes")
