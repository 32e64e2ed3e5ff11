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


REFUSED = "refused"
BESIDES_THE_CATALOGUE = (
    Promise("GET /info/websockets-api"),
    Promise("GET /info/websockets-api.yaml"),
    Promise("socket connect"),
    Promise("socket threshold"),
    Promise("socket project_rewards"),
    Promise("socket project_donors"),
    Promise("socket allocate"),
    Promise("socket allocate", REFUSED),
    Promise("socket exception"),
)


def promises() -> list[Promise]:
    listed = [promise for operation in CATALOGUE for promise in _of(operation)]
    return [*listed, *BESIDES_THE_CATALOGUE]


def explain(promise: Promise) -> str:
    """Status and text of a refusal, or what a success is."""
    if promise.outcome in ERRORS:
        spec = ERRORS[promise.outcome]
        return f"{spec.status} {spec.text}"
    if promise.outcome == FAULTS:
        return "422 faults of parameters or body"
    if promise.outcome == REFUSED:
        return "refusals are acknowledged with their status and text"
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
