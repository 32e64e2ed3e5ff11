"""Exact comparison of JSON values: types count, doubles compare as numbers."""

from dataclasses import dataclass
from typing import Any

_MISSING = "(not computed)"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where a computed value differs from the expected one."""

    field: str
    expected: object
    got: object

    def __str__(self) -> str:
        return f"{self.field}: expected {_short(self.expected)}, got {_short(self.got)}"


def first_difference(expected: Any, got: Any, field: str = "") -> Difference | None:
    """None if `got` has everything `expected` has; keys only in `got` are not checked."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for key, value in expected.items():
            name = f"{field}.{key}" if field else str(key)
            if key not in got:
                return Difference(name, value, _MISSING)
            if difference := first_difference(value, got[key], name):
                return difference
        return None
    if isinstance(expected, list) and isinstance(got, list | tuple):
        for position, (left, right) in enumerate(zip(expected, got, strict=False)):
            if difference := first_difference(left, right, f"{field}[{position}]"):
                return difference
        if len(expected) != len(got):
            return Difference(f"{field} (length)", len(expected), len(got))
        return None
    return None if _same_scalar(expected, got) else Difference(field, expected, got)


def _same_scalar(expected: object, got: object) -> bool:
    if _is_number(expected) and _is_number(got):
        return expected == got
    return type(expected) is type(got) and expected == got


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
