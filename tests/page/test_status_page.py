"""What people see: numbers of the feed as they change, and what the page says without it."""

import json
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from octant_contracts.events import ALLOCATIONS, BlockAdvanced, EstimatesChanged, WindowClosed
from octant_contracts.values import BlockRef, Hex
from octant_gateway.feed import server
from playwright.async_api import Browser, Page, expect

from page.conftest import ETHER, NAMES, Stage
from services.gateway.tests.feed_world import ALICE, BOB, EPOCH, P1, P2, Feed, open_window

# One event loop for all, since they share the browser.
pytestmark = [pytest.mark.xdist_group("page"), pytest.mark.asyncio(loop_scope="session")]

NOW = 1_767_225_600  # 2026-01-01T00:00:00Z
AXE = files("axe_playwright_python") / "axe.min.js"
LEAST = 123_456_789_012_345_678_901  # wei; no JavaScript number holds it


@pytest_asyncio.fixture(loop_scope="session")
async def feed(stage: Stage) -> AsyncIterator[Feed]:
    """The head is 10 s into a window of 500; Alice gave 1.5 ETH to one project."""
    services = stage.services
    services.head = NOW
    services.allocated = {P1: 3 * ETHER // 2, P2: 0}
    services.live = {ALICE: [(P1, 3 * ETHER // 2)]}
    async with stage.feeding() as made:
        await open_window(services)
        await new_head(services, NOW)
        yield made


async def new_head(services: Any, timestamp: int) -> None:
    block = BlockRef(number=10, hash=Hex(b"\1" * 32), timestamp=timestamp)
    await services.store(BlockAdvanced(block=block, final_block=7))


async def give(services: Any, donor: str, project: str, wei: int) -> None:
    services.allocated[project] += wei
    await services.allocate(donor, (project, wei))
    await services.store(EstimatesChanged(epoch=EPOCH, sequence=services.sequence))


async def shows(page: Page, name: str, text: str) -> None:
    await expect(page.locator(f"#{name}")).to_have_text(text)


async def test_allocation__that_arrives__is_shown_without_a_reload(page, feed, stage) -> None:
    await page.goto(stage.url)
    await shows(page, "feed-text", "Live")
    await shows(page, "chain", "Testnet · chain 31337")
    await shows(page, "estimates-title", f"Estimates of epoch {EPOCH}")
    await shows(page, "sum-allocated", "1.5 ETH")
    await shows(page, "sum-matched", "0.75 ETH")
    await shows(page, "sum-leverage", "× 2.5")
    await expect(page.locator("#allocations li")).to_have_text(
        [f"0xB323…72691.5 ETHto {NAMES[P1]}epoch {EPOCH}"]
    )
    await page.evaluate("window.same = true")
    await give(stage.services, BOB, P2, LEAST)
    newest = page.locator("#allocations li").first
    await expect(newest).to_contain_text(f"0x3333…3333123.4568 ETHto {NAMES[P2]}epoch {EPOCH}")
    await shows(page, "sum-allocated", "124.9568 ETH")
    await shows(page, "sum-donors", "2")
    # The largest first, as text: names are not markup.
    await expect(page.locator('#chart .row[y="0"] text').first).to_have_text(NAMES[P2])
    await page.locator("summary").press("Enter")
    await expect(page.locator("#estimates tr").first.locator("th, td")).to_have_text(
        [
            NAMES[P2],
            "123.456789012345678901",
            "61.72839450617283945",
            "185.185183518518518351",
        ]
    )
    await stage.services.revoke(ALICE)
    await expect(newest).to_contain_text("0xB323…7269revokedis a patron now")
    await expect(page.locator("#allocations li")).to_have_count(2)
    assert await page.evaluate("window.same")


async def test_bars__are_as_long_as_their_amounts(page, feed, stage) -> None:
    await page.emulate_media(reduced_motion="reduce")
    stage.services.allocated = {P1: 4 * ETHER, P2: ETHER}
    await page.goto(stage.url)
    await expect(page.locator("#chart .row")).to_have_count(2)
    track = await page.locator("#chart .track").first.bounding_box()
    lengths = {}
    for kind in ("allocated", "matched"):
        boxes = [await bar.bounding_box() for bar in await page.locator(f"#chart .{kind}").all()]
        lengths[kind] = [round(box["width"] / track["width"], 2) for box in boxes]
    assert lengths == {"allocated": [0.67, 0.17], "matched": [0.33, 0.08]}


async def test_window__shows_the_time_left_by_the_chain_and_when_the_next_one_opens(
    page, feed, stage
) -> None:
    await page.clock.set_fixed_time(NOW + 100)
    await page.goto(stage.url)
    await shows(page, "window-state", "Open")
    await shows(page, "window-epoch", f"for the budgets of epoch {EPOCH}")
    await shows(page, "window-left", "00:08:10")  # 490 s
    await shows(page, "clock-difference", "100 s ahead")
    await shows(page, "epoch", f"Epoch {EPOCH + 1}")
    assert await page.locator("#window-progress").evaluate("bar => bar.value") == pytest.approx(
        10 / 500
    )
    stage.services.head = NOW + 600
    await stage.services.store(WindowClosed(epoch=EPOCH, closes_at=NOW + 490))
    await new_head(stage.services, NOW + 600)
    await shows(page, "window-state", "Closed")
    await shows(page, "window-left", "00:06:30")  # the epoch takes 1000 s and began 10 s ago
    await shows(page, "window-epoch", f"– the next one is for the budgets of epoch {EPOCH + 1}")
    await shows(page, "clock-difference", "8 min behind")  # 500 s


async def test_sync__names_every_source_and_who_does_not_answer(page, feed, stage) -> None:
    await page.goto(stage.url)
    rows = page.locator("#sync tr")
    await expect(rows).to_have_text(
        [
            "Chain11answers",
            "chain-sync101 block behind",
            "epochs92 blocks behind",
            "rewards83 blocks behind",
            "allocations92 blocks behind",
        ]
    )
    await expect(page.locator("#sync .late")).to_have_text(["3 blocks behind"])
    await shows(page, "final", "7 (head 10)")
    await shows(page, "snapshot-pending", f"epoch {EPOCH}")
    await stage.services.world.services.stop(ALLOCATIONS)
    await expect(rows.last).to_have_text("allocations–does not answer")


async def test_feed__that_was_cut__is_said_and_resumed_where_it_was(
    page, stage, feed, monkeypatch
) -> None:
    # The page waits as long as it is told, or until somebody wants it sooner.
    monkeypatch.setattr(server.random, "uniform", lambda _, high: 100 * high)
    asked: list[dict[str, Any]] = []
    page.on("websocket", lambda s: s.on("framesent", lambda text: asked.append(json.loads(text))))
    await page.goto(stage.url)
    await shows(page, "sum-allocated", "1.5 ETH")
    await expect(page.locator("#allocations li")).to_have_count(1)
    await feed.server.stop()
    await expect(page.locator("#feed-text")).to_contain_text("Disconnected since ")
    await expect(page.locator("#feed")).to_have_attribute("role", "status")
    await shows(page, "sum-allocated", "1.5 ETH")
    await give(stage.services, BOB, P2, 7)
    async with stage.feeding():
        await page.locator("#retry").click()
        await shows(page, "feed-text", "Live")
        await expect(page.locator("#allocations li").first).to_contain_text("< 0.0001 ETH")
        await expect(page.locator("#estimates tr").last).to_contain_text("0.000000000000000007")
        await expect(page.locator("#retry")).to_be_hidden()
        await expect(page.locator("main")).to_be_focused()
    first, *_, last = (message for message in asked if message["op"] == "subscribe")
    assert first["since"] == {}
    assert set(last["since"]) == set(last["topics"])


async def test_waits__while_the_feed_is_away__are_as_told_then_random_and_growing(
    page, stage, feed, monkeypatch
) -> None:
    monkeypatch.setattr(server.random, "uniform", lambda _, high: 100 * high)  # 500 s
    await page.add_init_script(
        """const { setTimeout } = window;
        const waits = [];
        window.setTimeout = (call, wait) => {
          waits.push(wait);
          document.documentElement.dataset.waits = waits.join(" ");
          return setTimeout(call, wait);
        };
        Math.random = () => 0.5;"""
    )
    await page.goto(stage.url)
    await shows(page, "feed-text", "Live")
    await feed.server.stop()
    # Then half of 2, 4, 8, 16, and of 30 s at most.
    waits = [500_000, 1000, 2000, 4000, 8000, 15_000, 15_000]
    for tries in range(1, len(waits) + 1):
        told = " ".join(map(str, waits[:tries]))
        await expect(page.locator("html")).to_have_attribute("data-waits", told)
        await page.evaluate("dispatchEvent(new Event('online'))")


async def test_feed__that_comes_back__is_found_without_a_hand(page, stage, feed) -> None:
    await page.goto(stage.url)
    await shows(page, "feed-text", "Live")
    for client in tuple(feed.server._clients):
        client.connection.transport.abort()
    await page.locator('#feed[data-state="lost"]').wait_for()
    await shows(page, "feed-text", "Live")


async def test_page__by_the_rules_of_axe__is_accessible(page, feed, stage, pytestconfig) -> None:
    """And nothing sticks out of a small screen. Look at var/status-*.png."""
    await page.emulate_media(reduced_motion="reduce")
    await page.goto(stage.url)
    await shows(page, "sum-allocated", "1.5 ETH")
    await page.locator("summary").click()
    await page.evaluate(AXE.read_text())
    folder: Path = pytestconfig.rootpath / "var"
    for scheme, width in (("light", 1200), ("dark", 1200), ("light", 320)):
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": width, "height": 900})
        found = await page.evaluate("axe.run()")
        wrong = {rule["id"]: [n["html"] for n in rule["nodes"]] for rule in found["violations"]}
        assert wrong == {}, (scheme, width)
        assert len(found["passes"]) > 20
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.screenshot(path=folder / f"status-{scheme}-{width}.png", full_page=True)


async def test_page__without_javascript__says_so_and_links_to_the_same_over_http(
    browser: Browser, stage: Stage
) -> None:
    page = await browser.new_page(java_script_enabled=False)
    await page.goto(stage.url)
    await expect(page.get_by_role("heading", level=2)).to_have_text(["This page needs JavaScript"])
    link = page.locator("noscript a")
    assert await link.get_attribute("href") == "/info/sync-status"
    await page.close()
