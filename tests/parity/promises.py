"""The rows of the parity table: every operation, each listed refusal, every socket event."""

from collections.abc import Iterable
from dataclasses import dataclass

from octant_contracts.errors import ERRORS
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.operation import Operation

SUCCESS = "success"
FAULTS = "422"


@dataclass(frozen=True, order=True)
class Promise:
    """One row. `subject` is "METHOD path" or "socket event", `outcome` what is to be seen."""

    subject: str
    outcome: str = SUCCESS


def promises() -> list[Promise]:
    return [promise for operation in CATALOGUE for promise in _of(operation)]


def explain(promise: Promise) -> str:
    """Status and text of a refusal, or what a success is."""
    if promise.outcome in ERRORS:
        spec = ERRORS[promise.outcome]
        return f"{spec.status} {spec.text}"
    if promise.outcome == FAULTS:
        return "422 faults of parameters or body"
    return "answers"


def can_be_faulty(operation: Operation) -> bool:
    """Any text is a text: of parameters only numbers, addresses and choices can be wrong."""
    fields = operation.parameters.model_fields.values()
    return operation.body is not None or any(field.annotation is not str for field in fields)


def _of(operation: Operation) -> Iterable[Promise]:
    subject = f"{operation.method} {operation.path}"
    yield Promise(subject)
    for code in operation.refusals:
        yield Promise(subject, code)
    if can_be_faulty(operation):
        yield Promise(subject, FAULTS)
