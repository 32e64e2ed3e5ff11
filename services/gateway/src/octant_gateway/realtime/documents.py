"""The Socket.IO API described: an AsyncAPI document from the payloads' own types, and a page."""

import html
import json
from email.utils import formatdate
from hashlib import sha256
from typing import Any

import msgspec
import yaml  # type: ignore[import-untyped]
from litestar.handlers import HTTPRouteHandler
from pydantic.json_schema import models_json_schema

from octant_gateway.bodies import AllocateBody
from octant_gateway.documentation import fixed
from octant_gateway.examples import example_of
from octant_gateway.realtime.payloads import (
    Failure,
    ProjectDonors,
    ProjectReward,
    Refused,
    Threshold,
)

Json = dict[str, Any]

REF = "#/components/schemas/{name}"
TITLE = "Octant websockets API"
DESCRIPTION = """\
Socket.IO protocol 5 (socket.io-client 3 and 4) at the path /socket.io/, namespace /, over \
websocket or long polling; nobody has to log in. Amounts are wei as decimal text, addresses \
EIP-55. While an allocation window is open a client gets threshold, project_rewards and one \
project_donors for each project when it has connected, and after every change those that \
changed, at most once a second. The revision never decreases; that of project_rewards is the \
threshold's before it."""
SENT = {
    "threshold": (Threshold, "What a project has to exceed to be matched; null since epoch 4."),
    "project_rewards": (
        list[ProjectReward],
        "All projects in contract order: allocated, and matched if the window closed now.",
    ),
    "project_donors": (ProjectDonors, "Who allocates to a project, oldest first."),
    "exception": (Failure, "To the sender only: why its allocation was refused."),
}
ALLOCATE = """\
Replaces a user's allocations by a signed set: the body of POST /allocations/allocate as JSON \
text, or as an object. The acknowledgement is empty when they are stored, or else has an error \
with message and code as HTTP would have told."""


def document() -> Json:
    """AsyncAPI 2.0.0: `subscribe` is what clients get, `publish` what they send."""
    kinds: list[Any] = [kind for kind, _ in SENT.values()]
    (*payloads, refused), schemas = msgspec.json.schema_components(
        [*kinds, Refused], ref_template=REF
    )
    bodies, definitions = models_json_schema(
        [(AllocateBody, "validation")], ref_template=REF.replace("{name}", "{model}")
    )
    schemas |= definitions["$defs"]
    messages = {
        name: _message(name, summary, payload, schemas)
        for (name, (_, summary)), payload in zip(SENT.items(), payloads, strict=True)
    }
    allocate = _message("allocate", ALLOCATE, bodies[AllocateBody, "validation"], schemas)
    allocate["payload"] = {
        "oneOf": [{"type": "string", "contentMediaType": "application/json"}, allocate["payload"]]
    }
    allocate["x-acknowledgement"] = {
        "description": "Nothing, or why it was refused.",
        "args": [refused],
    }
    return {
        "asyncapi": "2.0.0",
        "info": {"title": TITLE, "version": "1.0.0", "description": DESCRIPTION},
        "channels": {
            "/": {
                "subscribe": {"message": {"oneOf": [_ref(name) for name in messages]}},
                "publish": {"message": _ref("allocate")},
            }
        },
        "components": {"messages": {**messages, "allocate": allocate}, "schemas": schemas},
    }


def _message(name: str, summary: str, payload: Json, schemas: Json) -> Json:
    example = example_of(payload, schemas)
    return {
        "name": name,
        "summary": summary,
        "payload": payload,
        "examples": [{"payload": example}],
    }


def _ref(message: str) -> Json:
    return {"$ref": f"#/components/messages/{message}"}


PAGE = """\
<!doctype html>
<html>
<head>
<meta charset="utf-8">
<title>Octant websockets API documentation</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 50em; margin: 2em auto; padding: 0 1em }}
pre {{ background: #f3f3f3; padding: 1em; overflow: auto }}
</style>
</head>
<body>
<h1>Octant websockets API documentation</h1>
<p>{description}</p>
<p>For machines: <a href="/info/websockets-api.yaml">the AsyncAPI document</a>.</p>
<h2>Clients get</h2>
{subscribe}
<h2>Clients send</h2>
{publish}
<h2>Types</h2>
{schemas}
</body>
</html>
"""


def page(described: Json) -> str:
    components = described["components"]
    messages = dict(components["messages"])
    allocate = messages.pop("allocate")
    return PAGE.format(
        description=html.escape(described["info"]["description"]),
        subscribe="".join(map(_section, messages.values())),
        publish=_section(allocate),
        schemas="".join(
            f'<h3 id="{name}">{name}</h3>{_code(schema)}'
            for name, schema in components["schemas"].items()
        ),
    )


def _section(message: Json) -> str:
    (example,) = message["examples"]
    return (
        f"<h3>{message['name']}</h3><p>{html.escape(message['summary'])}</p>"
        f"{_code(example['payload'])}"
    )


def _code(value: Any) -> str:
    return f"<pre>{html.escape(json.dumps(value, indent=2))}</pre>\n"


def routes() -> list[HTTPRouteHandler]:
    described = document()
    text = yaml.safe_dump(described, sort_keys=False, allow_unicode=True)
    return [
        _versioned("/info/websockets-api", page(described).encode(), "text/html"),
        _versioned("/info/websockets-api.yaml", text.encode(), "text/plain"),
    ]


def _versioned(path: str, content: bytes, media_type: str) -> HTTPRouteHandler:
    headers = {
        "ETag": f'"{sha256(content).hexdigest()[:32]}"',
        "Last-Modified": formatdate(usegmt=True),
    }
    return fixed(path, content, media_type, headers)
