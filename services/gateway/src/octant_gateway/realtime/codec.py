"""The JSON of Socket.IO packets, in the form that the library asks for: `dumps` and `loads`."""

import json
from typing import Any

import msgspec


def dumps(value: Any, **_: Any) -> str:
    """Structs, and JSON made before (`msgspec.Raw`), among plain values."""
    return msgspec.json.encode(value).decode()


def loads(text: str) -> Any:
    """ValueError is the one error that the library expects."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
