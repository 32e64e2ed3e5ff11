"""A real browser, and a gateway with a feed whose services are played."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest_asyncio
from octant_contracts import calls
from octant_contracts.calls import ChainInfo, FoundProjects, ProjectDetails
from octant_contracts.values import Address
from octant_devnet.servers import free_port
from playwright.async_api import Browser, Page, async_playwright, expect

from services.gateway.tests.conftest import World, running
from services.gateway.tests.feed_world import EPOCH, P1, P2, Feed, Services, feeding

ETHER = 10**18
NAMES = {P1: "Alpha Garden", P2: "<b>Beta</b> & Sons"}
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

expect.set_options(timeout=20_000)  # on a busy machine


class Stage:
    """The gateway, its played services, and a feed that can be stopped and started."""

    def __init__(self, world: World, services: Services, feed_port: int) -> None:
        self.services = services
        self.url = f"http://127.0.0.1:{world.port}/status"
        self._world = world
        self._feed_port = feed_port

    @asynccontextmanager
    async def feeding(self) -> AsyncIterator[Feed]:
        async with feeding(self._world, self.services, feed_port=self._feed_port) as feed:
            yield feed


@pytest_asyncio.fixture(loop_scope="session")
async def stage(nats_url: str) -> AsyncIterator[Stage]:
    port = free_port()
    async with running(nats_url, feed_url=f"ws://127.0.0.1:{port}/feed") as world:
        on = world.services.on
        on(calls.CHAIN_INFO, ChainInfo(chain_name="Testnet", chain_id=31337, smart_contracts=[]))
        on(calls.PROJECT_DETAILS, FoundProjects(projects_details=_details(), next_cursor=None))
        yield Stage(world, Services(world), port)


def _details() -> list[ProjectDetails]:
    return [
        ProjectDetails(name=name, address=Address.parse(project), epoch=str(EPOCH))
        for project, name in NAMES.items()
    ]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    assert program is not None, "chromium is needed: apt install chromium"
    async with async_playwright() as driver:
        launched = await driver.chromium.launch(executable_path=program, args=list(FLAGS))
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """Fails the test when the page logs an error: of the script, or of the policy."""
    opened = await browser.new_page(viewport={"width": 1200, "height": 900})
    complaints: list[Any] = []
    opened.on("pageerror", lambda error: complaints.append(error))
    opened.on("console", lambda m: m.type == "error" and complaints.append(m.text))
    yield opened
    await opened.close()
    assert [c for c in complaints if "ERR_CONNECTION_REFUSED" not in str(c)] == []
