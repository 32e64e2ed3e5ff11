"""The document about the feed is what it really sends."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from octant_contracts import calls
from octant_contracts.errors import Refusal
from octant_contracts.events import BlockAdvanced
from octant_contracts.values import BlockRef, Hex, Wei
from octant_gateway.documents import FEED_NAME, feed_text
from octant_gateway.feed.documents import document
from octant_gateway.feed.hub import ADDRESSED, SINGLE

from .feed_world import ALICE, P1, feeding, open_window

DOCS = Path(__file__).parents[3] / "docs"


def test_document__committed__is_the_one_made_now():
    assert (DOCS / FEED_NAME).read_text() == feed_text(), "run `make documents`"


def test_page__names_every_topic():
    page = (DOCS / "feed.md").read_text()
    assert [name for name in SINGLE if f"`{name}`" not in page] == []
    of = {name: "project" if name == "project.donors" else "user" for name in ADDRESSED}
    assert [name for name, key in of.items() if f"`{name}.{{{key}}}`" not in page] == []


async def test_document__fits_every_frame_and_message(world) -> None:
    described = document()
    messages = described["components"]["messages"]

    def assert_fits(value: Any, message: str) -> None:
        schema = {**messages[message]["payload"], "components": described["components"]}
        jsonschema_rs.validator_for(schema).validate(value)

    on = world.services.on
    on(calls.CONSENT, calls.Consent(False))
    on(calls.ESTIMATED_DEPOSIT, calls.EffectiveDepositAnswer(effective_deposit=Wei(5)))
    on(calls.UPCOMING_BUDGET, calls.UpcomingBudget(upcoming_budget=Wei(3)))
    on(calls.USER_BUDGET, calls.Budget(None))
    on(calls.WITHDRAWALS, calls.Withdrawals([]))
    on(calls.PENDING_MULTISIG, calls.PendingMultisig(None, None))
    quotient = calls.UniquenessQuotient(uniqueness_quotient=1)
    on(calls.UNIQUENESS_QUOTIENT, calls.UniquenessAnswer(quotient=quotient, stale_for=None))
    on(calls.ANTISYBIL_STATUS, Refusal("GPStampsNotFound"))
    async with feeding(world) as feed:
        await open_window(feed.services)
        block = BlockRef(number=10, hash=Hex(b"\1" * 32), timestamp=1)
        await feed.services.store(BlockAdvanced(block=block, final_block=7))
        owner = {"project.donors": P1}
        topics = {name: name for name in SINGLE}
        topics |= {name: f"{name}.{owner.get(name, ALICE)}" for name in ADDRESSED}
        asked = {"op": "subscribe", "topics": [*topics.values()], "since": {topics["epoch"]: "x:1"}}
        assert_fits(asked, "asked")
        client = await feed.client(*topics.values(), since={"epoch.allocations": "x:1"})
        for topic in topics.values():
            await client.until(topic, 2 if topic == "epoch.allocations" else 1)
        await feed.services.allocate(ALICE, (P1, 3))
        await client.until("epoch.allocations", 3)
        await client.until(topics["allocation"], 2)
        await client.send(op="nothing")
        await client.answered()
        for name, topic in topics.items():
            for frame in client.of(topic):
                assert_fits(frame, "reset" if "op" in frame else name)
        for op in ("subscribed", "pong", "error"):
            (frame,) = client.said(op)
            assert_fits(frame, op)
        wrong = {**client.of("epoch")[0], "data": {"currentEpoch": "6"}}
        with pytest.raises(jsonschema_rs.ValidationError):
            assert_fits(wrong, "epoch")
        await client.close()
