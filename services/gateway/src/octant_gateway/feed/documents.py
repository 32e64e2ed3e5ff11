"""The feed described for machines: an AsyncAPI document from the types of what is sent."""

import re
from typing import Any

import msgspec
from octant_contracts.values import schema_hook

from octant_gateway.feed import logs, payloads
from octant_gateway.feed.messages import Asked, Error, Pong, Reset, Subscribed, TopicFrame
from octant_gateway.feed.topics import KINDS

Json = dict[str, Any]

REF = "#/components/schemas/{name}"
ADDRESS = "0x[0-9a-fA-F]{40}"
DESCRIPTION = """\
Text frames with JSON; amounts are wei as decimal text, addresses EIP-55. Apply the frames of a \
topic in order, remember the last token of each topic, and send the tokens as `since` after a \
disconnection. All of it: docs/feed.md."""
LOGS: dict[str, tuple[str, Any, bool]] = {
    logs.EPOCH: ("Every change of allocations", payloads.Changes, False),
    logs.USER: ("Every change of a user's allocations", payloads.OwnChanges, True),
}
CONTROL = (Subscribed, Reset, Pong, Error)


def document() -> Json:
    topics = {kind.name: (kind.summary, kind.data, kind.addressed) for kind in KINDS} | LOGS
    kinds: list[Any] = [data for _, data, _ in topics.values()]
    (*values, frame, asked, _, _, _, _), schemas = msgspec.json.schema_components(
        [*kinds, TopicFrame, Asked, *CONTROL], schema_hook=schema_hook, ref_template=REF
    )
    envelope = schemas.pop(frame["$ref"].rpartition("/")[2])
    messages: Json = {
        name: {
            "name": name,
            "summary": summary,
            "payload": _frame(envelope, name, value, addressed=addressed),
        }
        for (name, (summary, _, addressed)), value in zip(topics.items(), values, strict=True)
    }
    messages |= {
        kind.__name__.lower(): {
            "name": kind.__name__.lower(),
            "summary": (kind.__doc__ or "").strip(),
            "payload": {"$ref": REF.format(name=kind.__name__)},
        }
        for kind in CONTROL
    }
    messages["asked"] = {"name": "asked", "summary": "What clients send", "payload": asked}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Octant live feed", "version": "1.0.0", "description": DESCRIPTION},
        "channels": {
            "feed": {
                "address": "/feed",
                "messages": {name: _ref("components", name) for name in messages},
            }
        },
        "operations": {
            "hear": {
                "action": "receive",
                "channel": {"$ref": "#/channels/feed"},
                "messages": [_ref("channels/feed", "asked")],
            },
            "tell": {
                "action": "send",
                "channel": {"$ref": "#/channels/feed"},
                "messages": [_ref("channels/feed", name) for name in messages if name != "asked"],
            },
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _frame(envelope: Json, name: str, value: Json, *, addressed: bool) -> Json:
    pattern = re.escape(name) + (rf"\.{ADDRESS}" if addressed else "")
    topic = {"type": "string", "pattern": f"^{pattern}$"}
    properties = {**envelope["properties"], "topic": topic, "data": value}
    return {"type": "object", "properties": properties, "required": envelope["required"]}


def _ref(where: str, message: str) -> Json:
    return {"$ref": f"#/{where}/messages/{message}"}
