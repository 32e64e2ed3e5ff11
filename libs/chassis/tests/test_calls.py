"""Calls over a real NATS: answers, refusals, deadlines, overlap, and waiting for own writes."""

import asyncio
import time

import pytest
from octant_chassis.calls import Applied, Caller, CallServer, Written
from octant_chassis.database import Notifications
from octant_chassis.tables import inbox
from octant_chassis.tasks import end
from octant_contracts.calls import (
    ALLOCATION_NONCE,
    EPOCH_INFO,
    EPOCH_STATISTICS,
    REWARDS_STATUS,
    SET_PATRON_MODE,
    AllocationNonce,
    EpochInfo,
    EpochStatistics,
    Nothing,
    OfEpoch,
    OfUser,
    PatronMode,
    SetPatronMode,
)
from octant_contracts.errors import Refusal
from octant_contracts.values import Address
from sqlalchemy import insert

USER = Address(b"\7" * 20)


async def server_of(bus, handler, *, call=ALLOCATION_NONCE, applied=None) -> CallServer:
    server = CallServer(bus.client, call.service, applied, 64)
    server.answer(call, handler)
    await server.start()
    return server


async def test_call__answered__gives_the_typed_answer(make_bus) -> None:
    async def nonce(request: OfUser) -> AllocationNonce:
        assert request.user == USER
        return AllocationNonce(allocation_nonce=7)

    server = await server_of(await make_bus("allocations"), nonce)
    caller = Caller((await make_bus("gateway")).client)
    assert (await caller.ask(ALLOCATION_NONCE, OfUser(USER))).allocation_nonce == 7
    reply = await caller.ask_raw(ALLOCATION_NONCE, OfUser(USER))
    assert reply.data == b'{"allocationNonce":7}'
    await server.stop()


async def test_call__refused__raises_the_same_refusal_at_the_caller(make_bus) -> None:
    async def nonce(_: OfUser) -> AllocationNonce:
        raise Refusal("BudgetNotFound", user=USER, epoch=3)

    server = await server_of(await make_bus("allocations"), nonce)
    caller = Caller((await make_bus("gateway")).client)
    with pytest.raises(Refusal) as refused:
        await caller.ask(ALLOCATION_NONCE, OfUser(USER))
    assert refused.value.code == "BudgetNotFound"
    assert refused.value.details == {"user": USER.text, "epoch": "3"}
    await server.stop()


async def test_call__whose_handler_fails__is_an_internal_error_and_the_next_one_works(
    make_bus,
) -> None:
    outcomes = iter([ValueError("bug"), AllocationNonce(allocation_nonce=1)])

    async def nonce(_: OfUser) -> AllocationNonce:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    server = await server_of(await make_bus("allocations"), nonce)
    caller = Caller((await make_bus("gateway")).client)
    with pytest.raises(Refusal, match="InternalError"):
        await caller.ask(ALLOCATION_NONCE, OfUser(USER))
    assert (await caller.ask(ALLOCATION_NONCE, OfUser(USER))).allocation_nonce == 1
    await server.stop()


async def test_call__nobody_answers__is_refused_at_once(make_bus) -> None:
    caller = Caller((await make_bus("gateway")).client)
    started = time.monotonic()
    with pytest.raises(Refusal, match="ServiceUnavailable"):
        await caller.ask(REWARDS_STATUS, Nothing())
    assert time.monotonic() - started < REWARDS_STATUS.timeout


async def test_call__past_its_deadline__is_refused_and_cancelled_at_the_callee(make_bus) -> None:
    cancelled = asyncio.Event()

    async def nonce(_: OfUser) -> AllocationNonce:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        raise AssertionError

    server = await server_of(await make_bus("allocations"), nonce)
    caller = Caller((await make_bus("gateway")).client)
    with pytest.raises(Refusal, match="ServiceUnavailable"):
        await caller.ask(ALLOCATION_NONCE, OfUser(USER), timeout=0.2)
    await asyncio.wait_for(cancelled.wait(), 2)
    await server.stop()


async def test_calls__that_wait__overlap(make_bus) -> None:
    together = asyncio.Barrier(20)

    async def nonce(_: OfUser) -> AllocationNonce:
        await together.wait()  # passes only when all twenty are under way
        return AllocationNonce(allocation_nonce=0)

    server = await server_of(await make_bus("allocations"), nonce)
    caller = Caller((await make_bus("gateway")).client)
    await asyncio.gather(*(caller.ask(ALLOCATION_NONCE, OfUser(USER)) for _ in range(20)))
    await server.stop()


async def test_write__answered__names_its_events(make_bus) -> None:
    async def toggle(_: SetPatronMode) -> Written[PatronMode]:
        return Written(PatronMode(True), [41, 42])

    server = await server_of(await make_bus("allocations"), toggle, call=SET_PATRON_MODE)
    caller = Caller((await make_bus("gateway")).client)
    reply = await caller.ask_raw(SET_PATRON_MODE, SetPatronMode(USER, "0x"))
    assert reply.wrote == (("allocations", 41), ("allocations", 42))
    await server.stop()


async def test_call_after_a_write__waits_until_the_event_is_applied(make_bus, rewards_db) -> None:
    notifications = Notifications(rewards_db)
    listening = asyncio.create_task(notifications.run(("applied",)))
    order: list[str] = []

    async def status(_: Nothing) -> object:
        order.append("answered")
        raise Refusal("InvalidEpoch")

    bus = await make_bus("rewards")
    server = await server_of(
        bus, status, call=REWARDS_STATUS, applied=Applied(rewards_db, notifications)
    )
    caller = Caller((await make_bus("gateway")).client)
    asking = asyncio.create_task(
        caller.ask_raw(REWARDS_STATUS, Nothing(), after=[("allocations", 5)])
    )
    done, _ = await asyncio.wait({asking}, timeout=0.2)
    assert not done
    order.append("applied")
    async with rewards_db.transaction("test") as connection:
        await connection.execute(insert(inbox).values(source="allocations", event_id=5))
    with pytest.raises(Refusal, match="InvalidEpoch"):
        await asking
    assert order == ["applied", "answered"]
    with pytest.raises(Refusal, match="NotLoadedYet"):
        await caller.ask_raw(REWARDS_STATUS, Nothing(), after=[("allocations", 6)])
    listening.cancel()
    await server.stop()


async def test_call_after_a_write__that_asks_others__lets_them_wait_for_the_write_too(
    make_bus, rewards_db
) -> None:
    notifications = Notifications(rewards_db)
    rewards_bus, epochs_bus = await make_bus("rewards"), await make_bus("epochs")
    asking = Caller(epochs_bus.client)

    async def statistics(_: OfEpoch) -> EpochStatistics:
        return EpochStatistics(info=None)

    async def info(request: OfEpoch) -> EpochInfo:
        await asking.ask(EPOCH_STATISTICS, request)
        raise Refusal("InvalidEpoch")

    applied = Applied(rewards_db, notifications)
    rewards = await server_of(rewards_bus, statistics, call=EPOCH_STATISTICS, applied=applied)
    # Epochs does not project allocations: it does not wait itself.
    epochs = await server_of(epochs_bus, info, call=EPOCH_INFO)
    caller = Caller((await make_bus("gateway")).client)
    written = [("allocations", 9)]
    with pytest.raises(Refusal, match="NotLoadedYet"):
        await caller.ask_raw(EPOCH_INFO, OfEpoch(1), after=written)
    async with rewards_db.transaction("test") as connection:
        await connection.execute(insert(inbox).values(source="allocations", event_id=9))
    with pytest.raises(Refusal, match="InvalidEpoch"):
        await caller.ask_raw(EPOCH_INFO, OfEpoch(1), after=written)
    await rewards.stop()
    await epochs.stop()


async def test_end__of_a_task_that_loses_a_cancellation__cancels_again() -> None:
    lost = 0

    async def stubborn() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
                if lost == 3:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await end([task])
    assert task.cancelled()
    assert lost == 3
