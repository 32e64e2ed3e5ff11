"""The documents about the socket, and /config.json."""

import re
from email.utils import parsedate_to_datetime
from typing import Any

import jsonschema_rs
import pytest
import yaml
from octant_contracts import calls
from octant_contracts.calls import ChainInfo, SmartContract
from octant_contracts.errors import Refusal
from octant_contracts.values import Address

from .realtime_world import ALICE, body, pushing

DOCUMENT = "/info/websockets-api.yaml"


@pytest.mark.proves("GET /info/websockets-api")
async def test_page__describes_the_events_by_itself(world) -> None:
    response = await world.get("/info/websockets-api")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert re.fullmatch(r'"[0-9a-f]+"', response.headers["etag"])
    assert parsedate_to_datetime(response.headers["last-modified"])
    assert "<html>" in response.text
    assert "Octant websockets API documentation" in response.text
    for event in ("threshold", "project_rewards", "project_donors", "exception", "allocate"):
        assert f"<h3>{event}</h3>" in response.text
    assert not re.search(r'(src|href)="https?:', response.text)
    unmodified = {"If-None-Match": response.headers["etag"]}
    assert (await world.get("/info/websockets-api", headers=unmodified)).status_code == 200


@pytest.mark.proves("GET /info/websockets-api.yaml")
async def test_document__is_asyncapi_with_what_is_really_sent(world) -> None:
    response = await world.get(DOCUMENT)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert "asyncapi: 2.0.0\n" in response.text
    assert "title: Octant websockets API\n" in response.text
    assert response.headers["etag"]
    assert response.headers["last-modified"]
    described = yaml.safe_load(response.text)
    channel = described["channels"]["/"]
    sent = [m["$ref"].rpartition("/")[2] for m in channel["subscribe"]["message"]["oneOf"]]
    assert sent == ["threshold", "project_rewards", "project_donors", "exception"]
    assert channel["publish"]["message"]["$ref"] == "#/components/messages/allocate"


def assert_valid(value: Any, schema: dict[str, Any]) -> None:
    jsonschema_rs.validator_for(schema).validate(value)


def schema_of(described: dict[str, Any], message: str) -> dict[str, Any]:
    payload = described["components"]["messages"][message]["payload"]
    return {**payload, "components": described["components"]}


async def test_document__fits_what_clients_get_and_send(world) -> None:
    described = yaml.safe_load((await world.get(DOCUMENT)).text)
    async with pushing(world) as live:
        world.services.on(calls.ALLOCATE, Refusal("WrongAllocationsNonce", used=0, expected=1))
        world.services.on(calls.REQUEST_STORED, calls.RequestStored(True))
        client = await live.connect()
        await client.until_told("project_donors", 3)
        (answer,) = await client.emit("allocate", body())
        for event in ("threshold", "project_rewards", "project_donors", "exception"):
            for payload in client.all(event):
                assert_valid(payload, schema_of(described, event))
    for payload in (body(), "{}"):
        assert_valid(payload, schema_of(described, "allocate"))
    (refused,) = described["components"]["messages"]["allocate"]["x-acknowledgement"]["args"]
    assert_valid(answer, {**refused, "components": described["components"]})
    with pytest.raises(jsonschema_rs.ValidationError):
        assert_valid({"threshold": 1, "revision": 1}, schema_of(described, "threshold"))


@pytest.mark.proves("GET /config.json")
async def test_config__tells_chain_contracts_and_addresses(gateway_with) -> None:
    chain = ChainInfo(
        chain_name="local",
        chain_id=1337,
        smart_contracts=[SmartContract("Auth", Address.parse(ALICE))],
    )
    told = {
        "chainId": 1337,
        "chainName": "local",
        "contracts": {"Auth": ALICE},
        "feedUrl": "ws://127.0.0.1:5001/feed",
        "graphqlUrl": None,
        "version": "unknown",
    }
    async with gateway_with() as world:
        world.services.on(calls.CHAIN_INFO, chain)
        answer = (await world.get("/config.json")).json()
        assert answer == {**told, "socketUrl": f"http://127.0.0.1:{world.port}"}
    urls = {"socket": "https://a", "feed": "wss://b/feed", "graphql": "https://c/graphql"}
    settings = {f"{name}_url": url for name, url in urls.items()}
    async with gateway_with(deployment_id="v1", **settings) as world:
        world.services.on(calls.CHAIN_INFO, chain)
        answer = (await world.get("/config.json")).json()
        assert answer == {
            **told,
            "version": "v1",
            **{f"{name}Url": url for name, url in urls.items()},
        }
