"""The three files of the page at /status, as they are served."""

import re
from html.parser import HTMLParser

import pytest
from octant_contracts import calls
from octant_contracts.calls import ChainInfo
from octant_gateway.catalogue import CATALOGUE

FILES = {"/status": "text/html", "/status.css": "text/css", "/status.js": "text/javascript"}


class Links(HTMLParser):
    """Where a page leads, and all that it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.leads: set[str] = set()
        self.loads: set[str] = set()
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        told = dict(attributes)
        address = told.get("href") or told.get("src")
        if address and not address.startswith(("#", "data:")):
            (self.leads if tag == "a" else self.loads).add(address)
        if tag == "style" or (tag == "script" and "src" not in told) or "style" in told:
            self.inline.append(tag)
        self.inline += [name for name in told if name.startswith("on")]


@pytest.mark.parametrize(("path", "kind"), FILES.items())
async def test_file__is_served_with_what_protects_and_keeps_it(world, path, kind) -> None:
    response = await world.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{kind}; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"
    etag = response.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{24}"', etag)
    again = await world.get(path, headers={"If-None-Match": f'"0", W/{etag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    other = await world.get(path, headers={"If-None-Match": '"0"'})
    assert other.content == response.content
    assert (await world.client.post(path)).status_code == 405


async def test_files__together__are_light(world) -> None:
    sizes = [len((await world.get(path)).content) for path in FILES]
    assert sum(sizes) < 40_000
    assert min(sizes) > 1000


async def test_policy__allows_our_own_files_and_the_feed_that_config_names(gateway_with) -> None:
    async with gateway_with(feed_url="wss://live.example:444/feed?x=1") as world:
        world.services.on(
            calls.CHAIN_INFO, ChainInfo(chain_name="Testnet", chain_id=1, smart_contracts=[])
        )
        policy = (await world.get("/status")).headers["content-security-policy"]
        told = dict(part.split(" ", 1) for part in policy.split("; "))
        assert told["default-src"] == told["base-uri"] == told["form-action"] == "'none'"
        assert told["frame-ancestors"] == "'none'"
        assert told["script-src"] == told["style-src"] == "'self'"
        assert told["connect-src"] == "'self' wss://live.example:444"
        feed = (await world.get("/config.json")).json()["feedUrl"]
        assert feed == "wss://live.example:444/feed?x=1"


async def test_page__loads_only_its_own_files_and_leads_to_what_there_is(world) -> None:
    links = Links((await world.get("/status")).text)
    assert links.loads == FILES.keys() - {"/status"}
    assert links.inline == []  # the policy would stop it
    assert "/info/sync-status" in links.leads
    known = {operation.path for operation in CATALOGUE}
    for path in links.leads - known:
        assert (await world.get(path)).status_code == 200, path


async def test_page__is_no_operation(world) -> None:
    document = (await world.get("/openapi.json")).json()
    assert not FILES.keys() & document["paths"].keys()
