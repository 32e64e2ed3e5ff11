"""The OpenAPI document and the page that shows it."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.documents import NAME, openapi_text
from octant_gateway.openapi import document

DOCUMENT = document(CATALOGUE)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


async def test_document__as_served__is_that_of_the_catalogue(world) -> None:
    response = await world.get("/openapi.json")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == DOCUMENT
    assert DOCUMENT["openapi"] == "3.1.0"


def test_document__committed__is_what_the_catalogue_generates(pytestconfig: Any) -> None:
    """`make documents` writes it anew."""
    committed = pytestconfig.rootpath / "docs" / NAME
    assert committed.read_text() == openapi_text()


def test_document__has_every_operation__once() -> None:
    described = {(m.upper(), path) for path, item in DOCUMENT["paths"].items() for m in item}
    assert described == {(o.method, o.path) for o in CATALOGUE}
    ids = [item["operationId"] for path in DOCUMENT["paths"].values() for item in path.values()]
    assert len(ids) == len(set(ids)) == len(CATALOGUE)


def test_references__all__resolve() -> None:
    known = {
        f"#/components/{kind}/{name}"
        for kind, components in DOCUMENT["components"].items()
        for name in components
    }
    used = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
    assert used <= known
    assert "#/components/schemas/EpochInfo" in used


def test_parameters__of_a_path__are_declared_and_required() -> None:
    for path, item in DOCUMENT["paths"].items():
        for operation in item.values():
            declared = {p["name"]: p for p in operation["parameters"]}
            named = set(re.findall(r"{(\w+)}", path))
            assert {n for n, p in declared.items() if p["in"] == "path"} == named
            assert all(declared[name]["required"] for name in named)
            assert all("type" in p["schema"] for p in declared.values())


def test_responses__of_every_operation__have_schemas() -> None:
    for item in DOCUMENT["paths"].values():
        for operation in item.values():
            for status, response in operation["responses"].items():
                if shared := response.get("$ref"):
                    response = DOCUMENT["components"]["responses"][shared.rpartition("/")[2]]
                assert response["description"]
                empty = status in ("204", "304")
                assert empty or "schema" in response["content"]["application/json"]
            assert "503" in operation["responses"]


def test_allocate__as_described__has_its_body_answers_and_refusals() -> None:
    allocate = DOCUMENT["paths"]["/allocations/allocate"]["post"]
    schema = allocate["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/AllocateBody"}
    body = DOCUMENT["components"]["schemas"]["AllocateBody"]
    assert body["required"] == ["payload", "userAddress", "signature", "isManuallyEdited"]
    own = {"201", "400", "403", "404", "422"}
    of_all = {"408", "413", "414", "429", "431", "500", "503"}
    assert set(allocate["responses"]) == own | of_all
    assert (
        "WrongAllocationsNonce"
        in (allocate["responses"]["400"]["content"]["application/json"]["examples"])
    )


def test_amounts__as_described__are_strings_and_epochs_integers() -> None:
    info = DOCUMENT["components"]["schemas"]["EpochInfo"]
    assert info["properties"]["stakingProceeds"]["type"] == "string"
    assert info["properties"]["epoch"]["type"] == "integer"
    assert "stakingMatchedReservedForV2" in info["required"]


async def test_page__at_the_root__needs_no_other_host(world) -> None:
    page = await world.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text).replace("</", "")
    links = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(links) == 3
    for link in links:
        file = await world.get(link)
        assert file.status_code == 200
        assert len(file.content) > 500
    assert 'fetch("/openapi.json")' in page.text
    assert (await world.get("/swagger-ui/secret")).status_code == 404


def test_examples__of_bodies_and_answers__fit_their_schemas() -> None:
    schemas = DOCUMENT["components"]
    checked = 0
    for node in nodes(DOCUMENT["paths"]):
        if "example" in node:
            validator = jsonschema_rs.validator_for({**node["schema"], "components": schemas})
            assert validator.is_valid(node["example"]), node
            checked += 1
    assert checked > len(CATALOGUE)
