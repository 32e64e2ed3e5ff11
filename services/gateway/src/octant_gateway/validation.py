"""Parameters and bodies from a request, and what is wrong with them."""

import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)

DEEPEST = 64  # our deepest body has five levels
BRACKETS = re.compile(rb"[\[\]{}]")
Fault = dict[str, Any]


class Faults(Exception):
    """A request that does not fit its schema; `items` as clients get them."""

    def __init__(self, items: list[Fault]) -> None:
        super().__init__(f"{len(items)} faults")
        self.items = items


def read_parameters(
    kind: type[M], path: Mapping[str, str], query: str
) -> tuple[M | None, list[Fault]]:
    """Path parameters by name; of a query parameter given twice the last counts."""
    values = {**dict(parse_qsl(query, keep_blank_values=True)), **path} if query else path
    try:
        return kind.model_validate(values), []
    except ValidationError as error:
        return None, [
            _fault(
                # A missing parameter has no enclosing object to show.
                {**item, "input": None} if item["type"] == "missing" else item,
                ("path" if item["loc"][0] in path else "query",),
            )
            for item in error.errors(include_url=False)
        ]


def read_body(kind: type[M], data: bytes, content_type: str | None) -> tuple[M | None, list[Fault]]:
    """Raises Faults at once when `data` claims to be JSON and cannot be parsed."""
    value = _parse(data) if _is_json(content_type) else data.decode(errors="replace")
    if not data or value is None:
        return None, [{"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}]
    try:
        return kind.model_validate(value, from_attributes=True), []
    except ValidationError as error:
        return None, [_fault(item, ("body",)) for item in error.errors(include_url=False)]


def _is_json(content_type: str | None) -> bool:
    if content_type is None:
        return True
    main, _, sub = content_type.partition(";")[0].strip().lower().partition("/")
    return main == "application" and (sub == "json" or sub.endswith("+json"))


def _parse(data: bytes) -> Any:
    if not data:
        return None
    if _nests_too_deeply(data):
        raise _json_invalid(0, "Nested too deeply")
    try:
        return json.loads(data, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise _json_invalid(error.pos, error.msg) from None
    except ValueError as error:  # too many digits, not UTF-8, NaN
        raise _json_invalid(0, str(error)) from None


def _nests_too_deeply(data: bytes) -> bool:
    """Looked at before parsing: the parser recurses in C, on a stack we do not choose."""
    if data.count(b"[") + data.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for bracket in BRACKETS.finditer(data):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


def _json_invalid(position: int, reason: str) -> Faults:
    return Faults(
        [
            {
                "type": "json_invalid",
                "loc": ["body", position],
                "msg": "JSON decode error",
                "input": {},
                "ctx": {"error": reason},
            }
        ]
    )


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("Number out of range")
    return number


def _fault(item: Mapping[str, Any], place: tuple[str, ...]) -> Fault:
    fault = {
        "type": item["type"],
        "loc": [*place, *item["loc"]],
        "msg": item["msg"],
        "input": item["input"],
    }
    if "ctx" in item:
        # The exception of a value error shows as {}.
        fault["ctx"] = {k: {} if isinstance(v, Exception) else v for k, v in item["ctx"].items()}
    return fault
