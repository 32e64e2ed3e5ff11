"""State topics: the value HTTP gives, read once for all, told when it has changed."""

import json
from collections.abc import AsyncIterator

import pytest
from octant_chassis.outbox import MESSAGE_ID
from octant_contracts import calls
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    REWARDS,
    BlockAdvanced,
    EpochStarted,
    EstimatesChanged,
    FactsReverted,
    Locked,
    PatronModeSet,
    ScoreDelegated,
    TosAccepted,
    WindowClosed,
    subject,
)
from octant_contracts.values import Address, BlockRef, Decimal, Hex, Wei, encode
from octant_devnet.testkit import eventually
from octant_gateway.feed import state

from .feed_world import ALICE, BOB, EPOCH, P1, P2, Feed, feeding, open_window

BLOCK = BlockRef(number=10, hash=Hex(b"\1" * 32), timestamp=1_000_000)
REWARDS_DATA = {
    "epoch": EPOCH,
    "rewards": [
        {"address": P1, "allocated": "100", "matched": "50"},
        {"address": P2, "allocated": "0", "matched": "0"},
    ],
    "leverage": 2.5,
    "totalAllocated": "100",
    "donors": 1,
}
OF_P1, OF_P2 = f"project.donors.{P1}", f"project.donors.{P2}"


@pytest.fixture
async def feed(world) -> AsyncIterator[Feed]:
    async with feeding(world) as made:
        yield made


async def changed(feed: Feed, sequence: int = 1) -> None:
    await feed.services.store(EstimatesChanged(epoch=EPOCH, sequence=sequence))


async def test_project_rewards__are_told_at_once_and_after_every_change(feed):
    client = await feed.client("project.rewards")
    first = await client.until("project.rewards")
    assert first["data"] == REWARDS_DATA
    assert first["snapshot"] is True
    assert first["v"] == 1
    feed.services.allocated[P2] = 11
    await changed(feed)
    second = await client.until("project.rewards", 2)
    assert second["data"]["rewards"][1] == {"address": P2, "allocated": "11", "matched": "5"}
    assert second["data"]["totalAllocated"] == "111"
    assert "snapshot" not in second
    assert second["seq"] > first["seq"]
    assert second["token"] == f"{first['token'].partition(':')[0]}:{second['seq']}"
    await client.close()


async def test_value__that_is_the_same__is_not_told_again(feed):
    client = await feed.client("project.rewards", "leverage")
    await client.until("leverage")
    asked = feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS)
    await changed(feed)
    await eventually(
        lambda: feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS) == asked + 2, what="reads"
    )
    feed.services.allocated[P2] = 4
    await changed(feed)
    await client.until("project.rewards", 2)
    await client.until("leverage", 2)
    assert client.of("leverage")[1]["data"] == {
        "epoch": EPOCH,
        "leverage": 2.5,
        "totalAllocated": "104",
        "donors": 1,
        "matched": "52",
    }
    assert len(client.of("project.rewards")) == len(client.of("leverage")) == 2
    await client.close()


async def test_reading__is_shared_by_all_who_follow_and_ends_with_the_last(feed):
    clients = [await feed.client("project.rewards") for _ in range(10)]
    for client in clients:
        await client.until("project.rewards")
    assert feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS) == 1
    feed.services.allocated[P2] = 4
    await changed(feed)
    for client in clients:
        await client.until("project.rewards", 2)
    assert feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS) == 2
    assert len({json.dumps(client.of("project.rewards")[1]) for client in clients}) == 1
    for client in clients:
        await client.send(op="unsubscribe", topics=["project.rewards"])
        await client.answered()
    follower = await feed.client("patron." + ALICE)
    await follower.until("patron." + ALICE)
    await changed(feed)
    await feed.services.store(patron_of(ALICE, True))
    await follower.answered()
    assert feed.services.requests(calls.ESTIMATED_PROJECT_REWARDS) == 2
    for client in [*clients, follower]:
        await client.close()


def patron_of(user: str, enabled: bool) -> PatronModeSet:
    return PatronModeSet(
        sequence=1, user=Address.parse(user), enabled=enabled, time=1, revoked_epoch=None
    )


async def test_changes__faster_than_the_beat__are_taken_together(feed):
    client = await feed.client("project.rewards")
    await client.until("project.rewards")
    for amount in range(1, 101):
        feed.services.allocated[P2] = amount
        await changed(feed, amount)
    await eventually(
        lambda: client.of("project.rewards")[-1]["data"]["totalAllocated"] == "200", what="the last"
    )
    assert len(client.of("project.rewards")) < 30
    sequence = [frame["seq"] for frame in client.of("project.rewards")]
    assert sequence == sorted(set(sequence))
    await client.close()


async def test_since__the_token_of_the_value__gives_nothing_and_an_older_one_the_value(feed):
    follower = await feed.client("project.rewards")
    await follower.until("project.rewards")
    same = await feed.client("project.rewards", since=follower.tokens)
    await same.answered()
    assert same.of("project.rewards") == []
    feed.services.allocated[P2] = 4
    await changed(feed)
    news = await same.until("project.rewards")
    assert "snapshot" not in news
    late = await feed.client("project.rewards", since={"project.rewards": "other:1"})
    whole = await late.until("project.rewards")
    assert whole["snapshot"] is True
    assert {**whole, "snapshot": None, "ts": None} == {**news, "snapshot": None, "ts": None}
    for client in (follower, same, late):
        await client.close()


async def test_donors_of_a_project__are_read_when_who_gives_or_gave_changes_something(feed):
    client = await feed.client(OF_P1, OF_P2)
    assert (await client.until(OF_P1))["data"] == {
        "project": P1,
        "donors": [{"address": ALICE, "amount": "100"}],
    }
    assert (await client.until(OF_P2))["data"] == {"project": P2, "donors": []}
    await feed.services.allocate(BOB, (P2, 3))
    await client.has(OF_P2, {"project": P2, "donors": [{"address": BOB, "amount": "3"}]})
    await feed.services.allocate(ALICE, (P2, 4))  # and nothing to P1 any more
    await client.has(OF_P1, {"project": P1, "donors": []})
    await feed.services.revoke(BOB)
    await client.has(OF_P2, {"project": P2, "donors": [{"address": ALICE, "amount": "4"}]})
    await client.close()


async def test_epoch_and_window__come_from_the_calendar_as_announced(feed):
    start = feed.services.head - 10
    client = await feed.client("epoch", "window")
    await client.answered()
    assert client.of("epoch") == []  # nothing of the epoch is announced: not loaded yet
    await open_window(feed.services)
    await client.has(
        "epoch",
        {
            "currentEpoch": EPOCH + 1,
            "startsAt": start,
            "endsAt": start + 1000,
            "decisionWindow": 500,
        },
    )
    closes_at = start + 500
    await client.has("window", {"pendingEpoch": EPOCH, "state": "open", "closesAt": closes_at})
    feed.services.head = closes_at + 1
    await feed.services.store(WindowClosed(epoch=EPOCH, closes_at=closes_at))
    await client.has("window", {"pendingEpoch": None, "state": "closed", "closesAt": closes_at})
    await client.close()


async def test_snapshot__tells_how_far_they_are(feed):
    await open_window(feed.services)
    client = await feed.client("snapshot")
    assert (await client.until("snapshot"))["data"] == {
        "pending": {"epoch": EPOCH, "state": "done"},
        "finalized": {"epoch": EPOCH - 1, "state": "too_early"},
    }
    await client.close()


async def test_block__is_the_head_at_most_once_a_second(feed):
    await feed.services.store(BlockAdvanced(block=BLOCK, final_block=7))
    client = await feed.client("block")
    assert (await client.until("block"))["data"] == {
        "number": 10,
        "hash": "0x" + "01" * 32,
        "timestamp": 1_000_000,
        "final": 7,
    }
    for number in range(11, 31):
        block = BlockRef(number=number, hash=BLOCK.hash, timestamp=1_000_000)
        await feed.services.store(BlockAdvanced(block=block, final_block=7))
    await eventually(lambda: client.of("block")[-1]["data"]["number"] == 30, what="the head")
    assert len(client.of("block")) <= 3
    await client.close()


async def test_sync__is_the_body_of_http_and_every_height(feed):
    client = await feed.client("sync")
    told = (await client.until("sync"))["data"]
    heights = told.pop("heights")
    assert heights == {"chain-sync": 10, "epochs": 9, "rewards": 8, "allocations": 9}
    assert told == (await feed.services.world.get("/info/sync-status")).json()
    await feed.services.world.services.stop(REWARDS)
    second = await client.until("sync", 2)
    assert second["data"]["heights"]["rewards"] is None
    await client.close()


async def test_topics_of_a_user__are_read_when_something_of_that_user_happens(feed):
    on = feed.services.world.services.on
    on(calls.CONSENT, calls.Consent(False))
    on(calls.ESTIMATED_DEPOSIT, calls.EffectiveDepositAnswer(effective_deposit=Wei(5)))
    client = await feed.client(f"tos.{ALICE}", f"deposit.{ALICE.lower()}", f"patron.{ALICE}")
    assert (await client.until(f"tos.{ALICE}"))["data"] == {"accepted": False}
    assert (await client.until(f"deposit.{ALICE}"))["data"] == {"effectiveDeposit": "5"}
    assert (await client.until(f"patron.{ALICE}"))["data"] == {"status": False}
    on(calls.CONSENT, calls.Consent(True))
    await feed.services.store(TosAccepted(user=Address.parse(BOB), time=1))
    await feed.services.store(patron_of(BOB, True))
    await client.answered()
    assert feed.services.requests(calls.CONSENT) == 1
    await feed.services.store(TosAccepted(user=Address.parse(ALICE), time=1))
    await client.has(f"tos.{ALICE}", {"accepted": True})
    assert feed.services.requests(calls.PATRON_MODE) == 1
    on(calls.ESTIMATED_DEPOSIT, calls.EffectiveDepositAnswer(effective_deposit=Wei(4)))
    await feed.services.store(FactsReverted(to_block=BLOCK, from_number=11))
    await client.has(f"deposit.{ALICE}", {"effectiveDeposit": "4"})
    await client.close()


async def test_budget_and_uniqueness__join_what_several_requests_give(feed):
    on = feed.services.world.services.on
    on(calls.UPCOMING_BUDGET, calls.UpcomingBudget(upcoming_budget=Wei(3)))
    on(calls.USER_BUDGET, calls.Budget(Wei(2)))
    on(
        calls.UNIQUENESS_QUOTIENT,
        calls.UniquenessAnswer(
            quotient=calls.UniquenessQuotient(uniqueness_quotient=Decimal("0.2")), stale_for=None
        ),
    )
    on(calls.ANTISYBIL_STATUS, Refusal("GPStampsNotFound"))
    client = await feed.client(f"budget.{ALICE}", f"uq.{ALICE}")
    assert (await client.until(f"budget.{ALICE}"))["data"] == {
        "upcomingBudget": "3",
        "epoch": EPOCH,
        "budget": "2",
    }
    assert (await client.until(f"uq.{ALICE}"))["data"] == {
        "epoch": EPOCH,
        "uniquenessQuotient": "0.2",
        "antisybil": None,
    }
    status = {"status": "Known", "score": "20.0", "expiresAt": "1", "isOnTimeOutList": False}
    on(
        calls.ANTISYBIL_STATUS,
        calls.AntisybilAnswer(
            status=calls.AntisybilStatus(
                status="Known", score="20.0", expires_at="1", is_on_time_out_list=False
            ),
            stale_for=None,
        ),
    )
    on(calls.UPCOMING_BUDGET, Refusal("EpochNotIndexed", epoch=1))
    await feed.services.store(ScoreDelegated(user=Address.parse(ALICE), time=1))
    await client.has(
        f"uq.{ALICE}", {"epoch": EPOCH, "uniquenessQuotient": "0.2", "antisybil": status}
    )
    await feed.services.store(locked(ALICE))
    await client.has(f"budget.{ALICE}", {"upcomingBudget": None, "epoch": EPOCH, "budget": "2"})
    await client.close()


def locked(user: str) -> Locked:
    return Locked(
        block=BLOCK,
        log_index=0,
        transaction_hash=Hex(b"\2" * 32),
        user=Address.parse(user),
        amount=Wei(1),
        deposit_before=Wei(0),
    )


async def test_withdrawals_and_multisig__are_the_bodies_of_http(feed):
    on = feed.services.world.services.on
    found = calls.rewards.Withdrawal(epoch=1, amount=Wei(9), proof=[], status="pending")
    on(calls.WITHDRAWALS, calls.Withdrawals([found]))
    on(
        calls.PENDING_MULTISIG,
        lambda asked: (
            calls.PendingMultisig(asked.type, Hex(b"\3"))
            if asked.type == "tos"
            else calls.PendingMultisig(None, None)
        ),
    )
    client = await feed.client(f"withdrawals.{ALICE}", f"multisig.{ALICE}")
    http = feed.services.world
    body = (await http.get(f"/withdrawals/{ALICE}")).json()
    assert (await client.until(f"withdrawals.{ALICE}"))["data"] == body
    assert body == [{"epoch": 1, "amount": "9", "proof": [], "status": "pending"}]
    pending = [
        (await http.get(f"/multisig-signatures/pending/{ALICE}/type/{kind}")).json()
        for kind in ("tos", "allocation")
    ]
    told = (await client.until(f"multisig.{ALICE}"))["data"]
    assert [told["tos"], told["allocation"]] == pending
    await client.close()


async def test_read_after_an_event__waits_until_the_callee_has_applied_it(feed):
    services = feed.services.world.services
    services.on(calls.ESTIMATED_DEPOSIT, calls.EffectiveDepositAnswer(effective_deposit=Wei(1)))
    client = await feed.client(f"deposit.{ALICE}")
    await client.until(f"deposit.{ALICE}")
    asked = feed.services.requests(calls.ESTIMATED_DEPOSIT)
    await feed.services.jetstream.publish(
        subject(Locked), encode(locked(ALICE)), headers={MESSAGE_ID: "chain-sync:77"}
    )
    await eventually(
        lambda: feed.services.requests(calls.ESTIMATED_DEPOSIT) == asked + 1, what="a read"
    )
    last = [a for a in services.asked if a.call is calls.ESTIMATED_DEPOSIT][-1]
    assert last.after == (("chain-sync", 77),)
    await client.close()


async def test_service_that_is_away__leaves_what_clients_have_and_is_asked_again(feed, monkeypatch):
    monkeypatch.setattr(state, "AGAIN", 0.05)
    client = await feed.client("project.rewards")
    await client.until("project.rewards")
    await feed.services.world.services.stop(REWARDS)
    feed.services.allocated[P2] = 4
    await changed(feed)
    await client.answered()
    assert len(client.of("project.rewards")) == 1
    await feed.services.world.services.start(REWARDS)
    second = await client.until("project.rewards", 2)
    assert second["data"]["totalAllocated"] == "104"
    await client.close()


async def test_closed_window__leaves_the_last_estimates_until_there_are_final_numbers(feed):
    on = feed.services.world.services.on
    client = await feed.client("project.rewards")
    await client.until("project.rewards")
    on(calls.ESTIMATED_PROJECT_REWARDS, Refusal("AllocationWindowClosed"))
    on(calls.PROJECT_REWARDS, calls.ProjectRewards([]))
    await feed.services.store(WindowClosed(epoch=EPOCH, closes_at=1))
    await eventually(lambda: feed.services.requests(calls.PROJECT_REWARDS) == 1, what="a read")
    late = await feed.client("project.rewards")
    assert (await late.until("project.rewards"))["data"] == REWARDS_DATA
    row = calls.ProjectRewardsRow(Address.parse(P1), Wei(100), Wei(60))
    on(calls.PROJECT_REWARDS, calls.ProjectRewards([row]))
    await changed(feed)
    final = {"address": P1, "allocated": "100", "matched": "60"}
    await client.has("project.rewards", {**REWARDS_DATA, "rewards": [final]})
    await client.close()
    await late.close()


async def test_bus__lost_and_back__everything_is_read_anew(feed):
    client = await feed.client("project.rewards", "epoch.allocations")
    await client.until("project.rewards")
    await client.until("epoch.allocations")
    feed.services.allocated[P2] = 4  # nobody announces it
    bus = feed.services.world.bus.client
    bus._transport.close()  # as a lost connection
    second = await client.until("project.rewards", 2)
    assert second["data"]["totalAllocated"] == "104"
    await feed.services.allocate(BOB, (P1, 1))
    change = await client.until("epoch.allocations", 2)
    assert change["data"]["changes"][0]["donor"] == BOB
    await client.close()


async def test_calendar_corrected_by_a_reorganisation__is_that_of_the_current_epoch(feed):
    await open_window(feed.services)
    early = EpochStarted(epoch=EPOCH, start=1, end=2, decision_window=3)
    await feed.services.store(early)
    client = await feed.client("epoch")
    assert (await client.until("epoch"))["data"]["currentEpoch"] == EPOCH + 1
    await client.close()
