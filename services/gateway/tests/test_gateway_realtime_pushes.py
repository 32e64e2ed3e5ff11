"""What clients are told over Socket.IO, when, and in which order."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from octant_chassis.tasks import end
from octant_contracts.calls import (
    ESTIMATED_PROJECT_REWARDS,
    PROJECT_REWARDS,
    ProjectRewards,
    ProjectRewardsRow,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    REWARDS,
    Allocated,
    AllocationItem,
    EstimatesChanged,
    FinalizedSnapshotTaken,
    PendingSnapshotTaken,
    WindowClosed,
    WindowOpened,
)
from octant_contracts.values import Address, BlockRef, Decimal, Hex, Wei
from octant_devnet.testkit import eventually
from octant_gateway.announcements import Announcements
from octant_gateway.realtime.pushes import INTERVAL, Pushes
from realtime.node import POLLING, UPGRADING, WEBSOCKET
from structlog.testing import capture_logs

from .realtime_world import ALICE, BOB, EPOCH, P1, P2, P3, Live, pushing, row

CHANGED = EstimatesChanged(epoch=EPOCH, sequence=11)
CLOSED = WindowClosed(epoch=EPOCH, closes_at=2)
TAKEN = PendingSnapshotTaken(
    epoch=EPOCH,
    finalized_at=1,
    block=BlockRef(number=1, hash=Hex(b"\1" * 32), timestamp=1),
    staking_proceeds=Wei(1),
    total_effective_deposit=Wei(1),
    locked_ratio=Decimal(1),
    budgets_count=0,
    budgets_digest="",
)
FINALIZED = FinalizedSnapshotTaken(
    epoch=EPOCH,
    matched_rewards=Wei(1),
    patrons_rewards=Wei(0),
    leftover=Wei(0),
    total_withdrawals=Wei(0),
    staking_matched_reserved_for_v2=Wei(0),
    merkle_root=None,
    leaves_count=0,
)
ALL = ["threshold", "project_rewards", *["project_donors"] * 3]
TRANSPORTS = pytest.mark.parametrize(
    "options", [WEBSOCKET, POLLING, UPGRADING], ids=["websocket", "polling", "upgrade"]
)


@pytest.fixture
async def live(world) -> AsyncIterator[Live]:
    async with pushing(world) as made:
        yield made


def names(client) -> list[str]:
    return [event for event, _ in client.told if event != "upgrade"]


def totals(client) -> list[tuple[str, str, str]]:
    """The rows of the newest project_rewards."""
    found = client.last("project_rewards") or []
    return [(r["address"], r["allocated"], r["matched"]) for r in found]


def donors(client, project: str) -> list[tuple[str, str]] | None:
    """Of the newest project_donors of the project."""
    found = [told["donors"] for told in client.all("project_donors") if told["project"] == project]
    return [(d["address"], d["amount"]) for d in found[-1]] if found else None


@TRANSPORTS
async def test_connection__in_an_open_window__is_confirmed_then_told_everything(live, options):
    live.rows = [row(BOB, P3, 5), row(ALICE, P1, 100), row(BOB, P1, 0)]
    client = await live.connect(**options)
    await client.until_told("project_donors", 3)
    assert names(client) == ["connect", *ALL]
    assert client.all("threshold") == [{"threshold": None, "revision": 10}]
    assert client.all("project_rewards") == [
        [
            {"address": P1, "allocated": "100", "matched": "7"},
            {"address": P2, "allocated": "0", "matched": "0"},
            {"address": P3, "allocated": "0", "matched": "0"},
        ]
    ]
    both = [{"address": ALICE, "amount": "100"}, {"address": BOB, "amount": "0"}]
    assert client.all("project_donors") == [
        {"project": P1, "donors": both, "revision": 10},
        {"project": P2, "donors": [], "revision": 10},
        {"project": P3, "donors": [{"address": BOB, "amount": "5"}], "revision": 10},
    ]
    if options is UPGRADING:
        await client.until(lambda: client.last("upgrade") == "websocket", "the upgrade")


async def test_threshold__of_an_old_epoch__is_text(live) -> None:
    live.threshold = 10**20
    client = await live.connect()
    await client.until_told("threshold")
    assert client.last("threshold")["threshold"] == "1" + "0" * 20


@TRANSPORTS
async def test_change__of_one_project__goes_to_everybody_without_the_others(live, options):
    first, second = await live.greeted("c1", **options), await live.greeted("c2")
    live.change(P2, 30, 4)
    await live.announce(CHANGED)
    for client in (first, second):
        await client.until_told("project_donors")
        assert names(client) == ["threshold", "project_rewards", "project_donors"]
        assert totals(client) == [(P1, "100", "7"), (P2, "30", "4"), (P3, "0", "0")]
        assert client.all("project_donors") == [
            {"project": P2, "donors": [{"address": BOB, "amount": "30"}], "revision": 11}
        ]
        assert client.last("threshold") == {"threshold": None, "revision": 11}
    late = await live.connect("c3")
    await late.until_told("project_donors", 3)
    assert (totals(late), donors(late, P2)) == (totals(first), [(BOB, "30")])


async def test_change__that_takes_a_donor_away__is_told(live) -> None:
    client = await live.greeted()
    live.rows, live.rewards[P1] = [], (0, 0)
    await live.announce(CHANGED)
    await client.until_told("project_donors")
    assert donors(client, P1) == []
    assert totals(client)[0] == (P1, "0", "0")


async def test_allocation__repeated_with_the_same_amounts__is_told_like_any_other(live) -> None:
    client = await live.greeted()
    await live.announce(
        Allocated(
            sequence=11,
            epoch=EPOCH,
            user=Address.parse(ALICE),
            nonce=1,
            time=1,
            uniqueness_quotient=Decimal("0.2"),
            is_manually_edited=False,
            allocations=[AllocationItem(project=Address.parse(P1), amount=Wei(100))],
        )
    )
    await live.announce(CHANGED)
    await client.until_told("project_donors")
    assert names(client) == ["threshold", "project_rewards", "project_donors"]
    assert donors(client, P1) == [(ALICE, "100")]


async def test_estimates__announced_as_changed__are_told_even_if_they_are_the_same(live) -> None:
    client = await live.greeted()
    await live.announce(CHANGED)
    await client.until_told("project_rewards")
    assert names(client) == ["threshold", "project_rewards"]


async def test_state__that_changes_while_a_client_is_greeted__is_told_after_the_greeting(live):
    sent: list[tuple[str | None, list[str]]] = []
    greeting, release = asyncio.Event(), asyncio.Event()

    async def slowly(messages, client) -> None:
        if client == "slow":
            greeting.set()
            await release.wait()
        sent.append((client, [event for event, _ in messages]))

    pushes = Pushes(live.world.gateway, slowly)
    announcements = Announcements()
    pushes.listen(announcements)
    await announcements.subscribe(live.world.bus.client)
    running = asyncio.create_task(pushes.run())
    await eventually(lambda: len(sent) == 1, what="the state is known")
    greeted = asyncio.create_task(pushes.greet("slow"))
    await greeting.wait()
    asked = len(live.world.services.asked)
    live.change(P2, 30, 4)
    await live.announce(CHANGED)
    await eventually(lambda: len(live.world.services.asked) >= asked + 8, what="both have read")
    release.set()
    await eventually(lambda: len(sent) == 3, what="all is told")
    assert sent[1:] == [("slow", ALL), (None, ["threshold", "project_rewards", "project_donors"])]
    await greeted
    await end([running])


async def test_burst__of_changes__is_told_at_most_once_a_second_ending_with_the_newest(live):
    client = await live.greeted()
    started = time.monotonic()
    for n in range(1, 41):
        live.change(P2, n, n)
        await live.announce(CHANGED)
        if n == 1:
            await client.until_told("project_donors")
    await client.until(lambda: len(donors(client, P2)) == 40, "the newest")
    seconds = time.monotonic() - started
    assert totals(client)[1] == (P2, "40", "40")
    assert 2 <= len(client.all("project_rewards")) <= seconds / INTERVAL + 2 < 40
    assert len(client.all("project_donors")) == len(client.all("project_rewards"))
    assert len(client.all("threshold")) == len(client.all("project_rewards"))
    revisions = [told["revision"] for told in client.all("threshold")]
    assert revisions == sorted(revisions)
    assert revisions[-1] == 50


async def test_connection__in_a_closed_window__is_told_nothing_until_it_opens(live) -> None:
    live.refuse("AllocationWindowClosed")
    await live.announce(WindowClosed(epoch=EPOCH - 1, closes_at=1))
    client = await live.connect()
    assert await client.emit("hello") == []
    assert names(client) == ["connect", "acknowledged"]
    live.estimate()
    await live.announce(WindowOpened(epoch=EPOCH, opens_at=1, closes_at=2))
    await client.until_told("project_donors", 3)
    assert names(client)[2:] == ALL


async def test_window__open_without_snapshot__is_told_when_it_is_taken(live) -> None:
    live.refuse("PendingSnapshotMissing")
    await live.announce(WindowOpened(epoch=EPOCH, opens_at=1, closes_at=2))
    client = await live.connect()
    assert await client.emit("hello") == []
    assert names(client) == ["connect", "acknowledged"]
    live.estimate()
    await live.announce(TAKEN)
    await client.until_told("project_donors", 3)
    assert names(client)[2:] == ALL


async def test_window__closing__ends_with_a_last_push_and_the_final_numbers(live) -> None:
    client = await live.greeted()
    live.refuse("AllocationWindowClosed")
    live.rows.append(row(BOB, P2, 9))  # granted in the last moment
    await live.announce(CLOSED)
    await client.until_told("project_donors")
    assert names(client) == ["threshold", "project_rewards", "project_donors"]
    assert donors(client, P2) == [(BOB, "9")]
    late = await live.connect("c2")
    assert await late.emit("hello") == []
    assert names(late) == ["connect", "acknowledged"]
    client.told.clear()
    # Finalized rewards name only projects that get something, in another order.
    final = [ProjectRewardsRow(Address.parse(p), Wei(a), Wei(m)) for p, a, m in ((P2, 9, 1),)]
    live.world.services.on(PROJECT_REWARDS, ProjectRewards(final))
    await live.announce(FINALIZED)
    await client.until_told("project_rewards")
    assert totals(client) == [(P1, "0", "0"), (P2, "9", "1"), (P3, "0", "0")]
    await late.until_told("project_rewards")
    assert names(late) == ["connect", "acknowledged", "threshold", "project_rewards"]


async def test_window__closing_before_rewards_knows__is_asked_for_until_it_has_closed(live):
    client = await live.greeted()
    asked = len(live.world.services.requests(ESTIMATED_PROJECT_REWARDS))
    await live.announce(CLOSED)  # estimates are still answered
    await live.asked(ESTIMATED_PROJECT_REWARDS, asked)
    assert names(client) == []
    live.refuse("AllocationWindowClosed")
    await client.until_told("project_rewards")
    assert names(client) == ["threshold", "project_rewards"]
    late = await live.connect("c2")
    assert await late.emit("hello") == []
    assert names(late) == ["connect", "acknowledged"]


async def test_window__announced_again_after_it_closed__is_told_as_open(live) -> None:
    client = await live.greeted()
    live.refuse("AllocationWindowClosed")
    await live.announce(CLOSED)
    await client.until_told("project_rewards")
    live.estimate()
    live.change(P2, 30, 4)
    await live.announce(WindowOpened(epoch=EPOCH, opens_at=1, closes_at=3))
    await client.until_told("project_donors")
    late = await live.connect("c2")
    await late.until_told("project_donors", 3)


async def test_next_epoch__is_told_as_a_whole(live) -> None:
    client = await live.greeted()
    live.taken(EPOCH + 1)
    await live.announce(CHANGED)
    await client.until_told("project_donors", 3)
    assert names(client) == ALL


async def test_service__that_is_away__leaves_clients_what_they_have_and_is_asked_again(live):
    client = await live.greeted()
    await live.world.services.stop(REWARDS)
    live.change(P2, 30, 4)
    with capture_logs() as logs:
        await live.announce(CHANGED)
        await eventually(lambda: logs, what="a failure to read")
    assert [entry["event"] for entry in logs if "operation" not in entry] == [
        "funding cannot be read"
    ]
    late = await live.greeted("c2")
    assert names(late) == names(client) == []
    await live.world.services.start(REWARDS)
    for each in (client, late):
        await each.until_told("project_donors")
        assert donors(each, P2) == [(BOB, "30")]


@pytest.mark.parametrize(
    "answer",
    [Refusal("NotLoadedYet", what="x"), Refusal("InternalError"), {"rewards": 5}],
    ids=["behind", "broken", "unfitting"],
)
async def test_service__behind_broken_or_unfitting__is_asked_again(live, answer) -> None:
    client = await live.greeted()
    asked = len(live.world.services.requests(ESTIMATED_PROJECT_REWARDS))
    live.world.services.on(ESTIMATED_PROJECT_REWARDS, answer)
    live.change(P2, 1, 1)
    await live.announce(CHANGED)
    await live.asked(ESTIMATED_PROJECT_REWARDS, asked)
    live.estimate()
    await client.until_told("project_donors")
    assert names(client) == ["threshold", "project_rewards", "project_donors"]


async def test_funding__that_no_rule_can_match__is_not_told(live) -> None:
    live.refuse("InvalidMatchedRewardsStrategy")
    await live.announce(CHANGED)
    client = await live.connect()
    assert await client.emit("hello") == []
    live.estimate()
    await live.announce(CHANGED)
    await client.until_told("project_donors", 3)


async def test_bus__lost_and_back__is_read_anew(live) -> None:
    client = await live.greeted()
    live.change(P2, 30, 4)  # nothing is announced
    live.world.realtime.pushes.read_anew()
    await client.until_told("project_donors")
    assert names(client) == ["threshold", "project_rewards", "project_donors"]
    assert donors(client, P2) == [(BOB, "30")]
    client.told.clear()
    live.world.realtime.pushes.read_anew()
    asked = len(live.world.services.asked)
    await eventually(lambda: len(live.world.services.asked) > asked + 3, what="another reading")
    assert await client.emit("hello") == []
    assert names(client) == ["acknowledged"]
