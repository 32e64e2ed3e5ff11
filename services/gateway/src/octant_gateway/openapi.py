"""The OpenAPI 3.1 document of a catalogue: paths, parameters, schemas, errors."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from octant_contracts.errors import ERRORS
from octant_contracts.values import schema_hook
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from octant_gateway.cache.front import is_cacheable
from octant_gateway.examples import example_of
from octant_gateway.operation import Operation

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
# What every operation may answer besides its own refusals.
_EVERYWHERE = (
    "ServiceUnavailable",
    "InternalError",
    "TargetTooLong",
    "HeadersTooLarge",
    "TooManyRequests",
)
_OF_BODIES = ("BodyTooLarge", "BodyTooSlow")
_SHARED = (*_EVERYWHERE, *_OF_BODIES)


def document(catalogue: Sequence[Operation]) -> Json:
    """The whole document, ready for JSON."""
    answers, components = _answer_schemas(catalogue)
    bodies, body_components = _body_schemas(catalogue)
    schemas = {**components, **body_components, **_ERROR_SCHEMAS}
    paths: dict[str, Json] = {}
    for operation in catalogue:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(
            operation, answers, bodies, schemas
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Octant",
            "version": "0.1.0",
            "description": "Amounts are wei as decimal strings, addresses EIP-55 text.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {code: _refusals([code]) for code in _SHARED},
        },
    }


def _answer_schemas(catalogue: Sequence[Operation]) -> tuple[dict[Any, Json], Json]:
    kinds = list({k: None for o in catalogue for k in o.answers.values() if k is not None})
    schemas, components = msgspec.json.schema_components(
        kinds, schema_hook=schema_hook, ref_template=_REF
    )
    return dict(zip(kinds, schemas, strict=True)), components


def _body_schemas(catalogue: Sequence[Operation]) -> tuple[dict[Any, Json], Json]:
    kinds: list[type[BaseModel]] = list({o.body: None for o in catalogue if o.body is not None})
    by_kind, definitions = models_json_schema(
        [(kind, "validation") for kind in kinds], ref_template=_REF.replace("{name}", "{model}")
    )
    schemas = {kind: by_kind[(kind, "validation")] for kind in kinds}
    return schemas, definitions.get("$defs", {})


def _operation(
    operation: Operation, answers: dict[Any, Json], bodies: dict[Any, Json], schemas: Json
) -> Json:
    described: Json = {
        "operationId": _identifier(operation),
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": _parameters(operation),
        "responses": {
            **{
                str(status): _answer(status, kind, answers, schemas)
                for status, kind in operation.answers.items()
            },
            **({"304": _NOT_MODIFIED} if is_cacheable(operation) else {}),
            **_errors(operation),
        },
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": _with_example(bodies[operation.body], schemas)},
        }
    return described


def _identifier(operation: Operation) -> str:
    """What clients call it: `get_rewards_budget_epoch`, the path without its parameters."""
    words = re.sub(r"{\w+}|\.json", "", operation.path)
    return re.sub(r"\W+", "_", f"{operation.method.lower()}{words}").strip("_")


def _parameters(operation: Operation) -> list[Json]:
    schema = operation.parameters.model_json_schema()
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "in": "path" if f"{{{name}}}" in operation.path else "query",
            "required": name in required,
            "schema": {k: v for k, v in kind.items() if k != "title"},
        }
        for name, kind in schema.get("properties", {}).items()
    ] + ([_REAL_IP] if operation.records_ip else [])


_NOT_MODIFIED: Json = {
    "description": "The answer is still the one whose ETag was sent as If-None-Match",
    "headers": {"ETag": {"schema": {"type": "string"}}},
}
_REAL_IP: Json = {
    "name": "X-Real-IP",
    "in": "header",
    "description": "The client's address; set by the ingress, not by clients",
    "required": False,
    "schema": {"type": "string"},
}


def _with_example(schema: Json, schemas: Json) -> Json:
    return {"schema": schema, "example": example_of(schema, schemas)}


def _answer(status: int, kind: Any, answers: dict[Any, Json], schemas: Json) -> Json:
    if status == 204:
        return {"description": "Nothing"}
    schema = {"type": "null"} if kind is None else answers[kind]
    description = "Done" if status < 300 else "Not well; the same body"
    content = {"application/json": _with_example(schema, schemas)}
    return {"description": description, "content": content}


def _errors(operation: Operation) -> Json:
    """Refusals by status; a status that is an answer already keeps that."""
    codes = [*operation.refusals, *_EVERYWHERE]
    if operation.body is not None:
        codes += _OF_BODIES
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(ERRORS[code].status, []).append(code)
    described = {
        str(status): _shared(codes[0]) if codes[0] in _SHARED else _refusals(codes)
        for status, codes in sorted(by_status.items())
        if status not in operation.answers
    }
    if operation.body is not None or operation.parameters.model_fields:
        described["422"] = _content("Faults of parameters or body", "ValidationFaults")
    return described


def _shared(code: str) -> Json:
    return {"$ref": f"#/components/responses/{code}"}


def _refusals(codes: list[str]) -> Json:
    specs = [ERRORS[code] for code in codes]
    schema = "ErrorDetail" if all(spec.key == "detail" for spec in specs) else "ErrorMessage"
    described = _content(" · ".join(spec.text for spec in specs), schema)
    described["content"]["application/json"]["examples"] = {
        code: {"value": {spec.key: spec.text}} for code, spec in zip(codes, specs, strict=True)
    }
    if any(spec.retry_after is not None for spec in specs):
        described["headers"] = {
            "Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}
        }
    return described


def _content(description: str, schema: str) -> Json:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": _REF.format(name=schema)}}},
    }


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties)}


_FAULT = _object(
    type={"type": "string"},
    loc={"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
    msg={"type": "string"},
    input={},
)
_FAULT["properties"]["ctx"] = {"type": "object"}
_ERROR_SCHEMAS: Json = {
    "ErrorMessage": _object(message={"type": "string"}),
    "ErrorDetail": _object(detail={"type": "string"}),
    "ValidationFault": _FAULT,
    "ValidationFaults": _object(
        detail={"type": "array", "items": {"$ref": _REF.format(name="ValidationFault")}}
    ),
}
