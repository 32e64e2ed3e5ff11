"""An example of anything a JSON Schema describes, for the OpenAPI document."""

from typing import Any

Json = dict[str, Any]

# By the value's own pattern or format; the first one that fits.
_TEXTS = {
    "^-?[0-9]+$": "1000000000000000000",
    "^[0-9]+$": "1000000000000000000",
    "^0x[0-9a-f]*$": "0x" + "5f" * 32,
    "^0x[0-9a-fA-F]{40}$": "0xB32398833CF0A132a22104D8746a027A34A47269",
    "^(0[xX])?[0-9a-fA-F]{40}$": "0xB32398833CF0A132a22104D8746a027A34A47269",
}
# By the name of the field, where a word says more than "text".
_WORDS = {
    "signature": "0x" + "1b" * 65,
    "status": "pending",
    "leverage": "0.07",
    "lockedRatio": "0.094755727584613854218098688",
    "projectsCid": "QmSQEFD35gKxdPEmngNt1CWe3kSwiiGqBn1Z3FZvWb8mvK",
    "leafEncoding": "address",
    "blockchain": "UP",
    "db": "UP",
    "subgraph": "UP",
    "pendingSnapshot": "done",
    "finalizedSnapshot": "too_early",
    "name": "Protocol Guild",
    "epoch": "11",
    "type": "lock",
    "timestamp": "1700000000",
    "dateAvailableForWithdrawal": "1757545931",
    "nextCursor": "MTcwMDAwMDAwMC4w",
    "cursor": "MTcwMDAwMDAwMC4w",
    "epochs": "1,2",
    "searchPhrases": "alpha,0xbb",
}


def example_of(schema: Json, components: Json, name: str = "") -> Any:
    """One value that fits; `components` are the schemas that references name."""
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, name)
    if "enum" in schema:
        return schema["enum"][0]
    for choice in schema.get("anyOf", ()):
        return example_of(choice, components, name)
    kind = schema.get("type")
    if kind == "object":
        fields: Json = schema.get("properties", {})
        return {field: example_of(inner, components, field) for field, inner in fields.items()}
    if kind == "array":
        return [example_of(schema["items"], components, name)]
    if kind == "string":
        return _TEXTS.get(schema.get("pattern", ""), _WORDS.get(name, "text"))
    if kind == "integer":
        return max(1, schema.get("minimum", 1))
    return {"number": 0.038, "boolean": True}.get(str(kind))
