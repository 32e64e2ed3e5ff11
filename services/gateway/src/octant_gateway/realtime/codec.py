"""The JSON of Socket.IO packets, in the form that the library asks for: `dumps` and `loads`."""

from json import loads
from typing import Any

import msgspec


def dumps(value: Any, **_: Any) -> str:
    """Structs, and JSON made before (`msgspec.Raw`), among plain values."""
    return msgspec.json.encode(value).decode()


__all__ = ["dumps", "loads"]
