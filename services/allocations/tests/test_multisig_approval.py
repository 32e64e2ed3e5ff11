"""Approving: once, in turn, whatever goes wrong outside or has changed since the request."""

import asyncio
from typing import Any

import pytest
from octant_allocations.multisig.approval import Approver, Passes
from octant_allocations.multisig.safe import SafeMessage
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    Allocated,
    MultisigChanged,
    ProjectsSet,
    WindowOpened,
)
from octant_contracts.values import Address
from octant_devnet.testkit import eventually
from sqlalchemy import text

from .multisig_requests import (
    NOTHING,
    OTHER,
    SAFE,
    P,
    approve,
    confirmed,
    digest_of,
    gift,
    pending,
    proposed,
    register,
    rows,
    statuses,
    terms,
)
from .world import (
    BUDGET,
    CLOSES,
    DECISION_WINDOW,
    EPOCH,
    NOW,
    block,
    budget_rows,
    epoch_started,
    head_at,
    snapshot,
)


async def test_request__of_the_same_kind__takes_the_place_of_the_one_before(world):
    await world.open_window({SAFE: BUDGET}, P)
    first, second = gift([(P[0], 1)]), gift([(P[1], 2)])
    for request in (first, second):
        proposed(world, request)
        await register(world, request)
    assert (await pending(world, "allocation")).hash == digest_of(second)
    confirmed(world, first)
    confirmed(world, second)
    await approve(world)
    assert await world.live() == {SAFE: [(P[1], 2)]}
    assert [row["status"] for row in await rows(world)] == ["superseded", "approved"]


@pytest.mark.parametrize("spoil", ["nonce", "patron", "budget", "signature", "consent", "project"])
async def test_request__that_cannot_be_granted_any_more__is_rejected_and_others_go_on(world, spoil):
    await world.open_window({SAFE: BUDGET, OTHER: BUDGET}, P)
    request = terms() if spoil == "consent" else gift([(P[0], 1)])
    behind = gift([(P[1], 2)], safe=OTHER)
    for each in (request, behind):
        proposed(world, each)
        await register(world, each)
        confirmed(world, each)
    spoiled = {
        "nonce": "UPDATE users SET next_nonce = 3 WHERE address = :user",
        "patron": "INSERT INTO patron_events VALUES (99, :user, true, 2100, NULL)",
        "budget": 'UPDATE budgets SET budget = 0 WHERE "user" = :user',
        "project": "DELETE FROM projects WHERE position = 0 AND address <> :user",
        "consent": "INSERT INTO consents VALUES (:user, '', '', 1)",
    }
    if spoil == "signature":
        world.safes.messages[proposed(world, request, confirmations=2)] = SafeMessage(
            safe=SAFE, confirmations=2, prepared_signature="not hex"
        )
    else:
        async with world.database.transaction("test") as connection:
            await connection.execute(text(spoiled[spoil]), {"user": bytes(SAFE)})
    await approve(world)
    assert [row["status"] for row in await rows(world)] == ["rejected", "approved"]
    assert await pending(world, request.type) == NOTHING
    assert await world.live() == {OTHER: [(P[1], 2)]}
    events = [(e.user, e.status) for e in await world.events(MultisigChanged)]
    assert sorted(events[2:]) == sorted([(SAFE, "rejected"), (OTHER, "approved")])


async def next_window(world) -> None:
    """The window of epoch 1 is over, that of epoch 2 open, with the same budget and projects."""
    world.budgets[2] = budget_rows({SAFE: BUDGET})
    await world.announce(
        head_at(CLOSES + 1),
        ProjectsSet(block=block(NOW), epoch=2, projects=P, cid="Qm"),
        epoch_started(2, 2000, 3000, DECISION_WINDOW),
        WindowOpened(epoch=2, opens_at=2600, closes_at=3500),
        snapshot(2, world.budgets[2]),
        head_at(2700),
    )


async def test_allocation__still_unsigned_when_its_window_closes__is_not_applied_to_the_next(world):
    await world.open_window({SAFE: BUDGET}, P)
    request = gift([(P[0], 1)])
    proposed(world, request)
    await register(world, request)
    await world.announce(head_at(CLOSES))
    await approve(world)
    assert (await pending(world, "allocation")).hash is not None
    await next_window(world)
    confirmed(world, request)
    world.safes.trouble = Refusal("UpstreamTimeout")  # nobody need be asked
    await approve(world)
    assert await pending(world, "allocation") == NOTHING
    assert [row["status"] for row in await rows(world)] == ["rejected"]
    assert await world.live(EPOCH) == await world.live(2) == {}


async def test_allocation__whose_window_closes_while_it_is_looked_at__is_not_applied_either(world):
    await world.open_window({SAFE: BUDGET}, P)
    request = gift([(P[0], 1)])
    proposed(world, request)
    await register(world, request)
    confirmed(world, request)
    threshold = world.safes.threshold

    async def slow(safe: Address) -> int | None:
        await next_window(world)
        return await threshold(safe)

    world.safes.threshold = slow
    await approve(world)
    assert [row["status"] for row in await rows(world)] == ["rejected"]
    assert await world.live(EPOCH) == await world.live(2) == {}


async def test_request__while_somebody_outside_is_away__waits_and_loses_nothing(world):
    await world.announce(head_at(NOW))
    for safe in (SAFE, OTHER):
        proposed(world, terms(safe))
        await register(world, terms(safe))
    confirmed(world, terms(SAFE))
    confirmed(world, terms(OTHER))
    for trouble in (Refusal("UpstreamTimeout"), Refusal("UpstreamFailed"), OSError("gone")):
        world.safes.trouble = trouble
        await approve(world)
    world.safes.trouble = None
    world.wallet_answer = Refusal("UpstreamTimeout")
    await approve(world)
    assert [(r["status"], r["failures"]) for r in await rows(world)] == [("pending", 4)] * 2
    world.wallet_answer = True
    await approve(world)
    assert [r["status"] for r in await rows(world)] == ["approved"] * 2


async def test_request__that_nobody_signs_for_a_month__fails(world):
    await world.announce(head_at(NOW))
    proposed(world, terms())
    await register(world, terms())
    async with world.database.transaction("test") as connection:
        await connection.execute(
            text("UPDATE multisig_requests SET created_at = now() - interval '31 days'")
        )
    await approve(world)
    assert await statuses(world) == [("tos", "pending"), ("tos", "failed")]
    assert await pending(world, "tos") == NOTHING


async def test_approvals__asked_for_by_many__share_passes_and_apply_once(world):
    await world.open_window({SAFE: BUDGET}, P)
    request = gift([(P[0], 1)])
    proposed(world, request)
    await register(world, request)
    before = len(world.safes.asked)
    await asyncio.gather(*(approve(world) for _ in range(20)))
    assert 0 < len(world.safes.asked) - before <= 4, "two questions a pass"
    confirmed(world, request)
    await asyncio.gather(*(approve(world) for _ in range(20)))
    assert len(await world.events(Allocated)) == 1
    assert await statuses(world) == [("allocation", "pending"), ("allocation", "approved")]


async def test_request__that_another_process_works_on__is_left_alone_until_its_lease_ends(world):
    await world.announce(head_at(NOW))
    proposed(world, terms())
    await register(world, terms())
    confirmed(world, terms())

    async def lease(seconds: int) -> None:
        async with world.database.transaction("test") as connection:
            await connection.execute(
                text(
                    "UPDATE multisig_requests SET"
                    " leased_until = now() + make_interval(secs => :seconds)"
                ),
                {"seconds": seconds},
            )

    await lease(60)
    await approve(world)
    assert (await pending(world, "tos")).hash is not None
    await lease(-1)
    await approve(world)
    assert await pending(world, "tos") == NOTHING


async def test_request__replaced_while_it_is_applied__is_not_applied(world):
    await world.open_window({SAFE: BUDGET}, P)
    first, second = gift([(P[0], 1)]), gift([(P[1], 2)])
    for request in (first, second):
        proposed(world, request)
    await register(world, first)
    confirmed(world, first)
    threshold = world.safes.threshold

    async def replace(safe: Address) -> int | None:
        if (await pending(world, "allocation")).hash == digest_of(first):
            await register(world, second)
        return await threshold(safe)

    world.safes.threshold = replace
    await approve(world)
    assert await world.live() == {}
    assert [row["status"] for row in await rows(world)] == ["superseded", "pending"]


async def test_request__looked_at_in_vain__is_due_again_later_unless_somebody_asks(world):
    await world.announce(head_at(NOW))
    proposed(world, terms())
    await register(world, terms())
    unused: Any = None
    approver = Approver(world.database, world.safes, unused, unused, patience_days=30)

    async def looks(*, also_not_due: bool = False) -> int:
        before = world.safes.asked.count("message")
        assert await approver.one_pass(also_not_due=also_not_due) == []
        return world.safes.asked.count("message") - before

    assert [await looks(), await looks(), await looks(also_not_due=True)] == [1, 0, 1]
    for trouble in (Refusal("UpstreamFailed"), OSError("gone")):
        await make_due(world)
        world.safes.trouble = trouble
        assert [await looks(), await looks()] == [1, 0]
    (row,) = await rows(world)
    assert row["failures"] == 2


async def make_due(world) -> None:
    async with world.database.transaction("test") as connection:
        await connection.execute(text("UPDATE multisig_requests SET due_at = now()"))


async def test_passes__by_themselves__come_again_whatever_one_of_them_meets():
    class Counting:
        passes = 0

        async def one_pass(self, *, also_not_due: bool) -> list[int]:
            assert not also_not_due
            self.passes += 1
            raise OSError("the database is away")

    approver: Any = Counting()
    running = asyncio.create_task(Passes(approver, 0.01).run())
    await eventually(lambda: approver.passes >= 2, what="two passes")
    running.cancel()
