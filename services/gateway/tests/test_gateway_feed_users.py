"""Topics of a user: read when something of that user happens."""

from collections.abc import AsyncIterator

import pytest
from octant_chassis.outbox import MESSAGE_ID
from octant_contracts import calls
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    FactsReverted,
    Locked,
    ScoreDelegated,
    TosAccepted,
    subject,
)
from octant_contracts.values import Address, Decimal, Hex, Wei, encode
from octant_devnet.testkit import eventually

from .feed_world import ALICE, BLOCK, BOB, EPOCH, Feed, feeding, patron_of


@pytest.fixture
async def feed(world) -> AsyncIterator[Feed]:
    async with feeding(world) as made:
        yield made


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
