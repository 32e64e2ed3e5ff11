"""Laws under concurrency: one nonce once, a budget once, and a seal that misses nothing."""

import asyncio
from collections import Counter
from decimal import Decimal

from octant_allocations import locks
from octant_allocations.allocations import repository
from octant_allocations.patrons import repository as patrons
from octant_contracts.calls import (
    EPOCH_ALLOCATIONS,
    PAGE,
    EpochAllocationsRequest,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    Allocated,
    AllocationsSealed,
    PatronModeSet,
    ProjectsSet,
    WindowClosed,
    WindowOpened,
)
from octant_contracts.seals import allocations_digest, patrons_digest
from octant_contracts.values import Address
from octant_devnet.testkit import eventually
from sqlalchemy import text

from .world import (
    BUDGET,
    CLOSES,
    DECISION_WINDOW,
    END,
    EPOCH,
    NOW,
    OPENS,
    START,
    block,
    budget_rows,
    epoch_started,
    head_at,
    person,
    snapshot,
)

P = [Address(bytes([n]) * 20) for n in range(1, 21)]


def crowd(size):
    return [person(n) for n in range(1, size + 1)]


async def test_nonce__used_by_two_at_once__is_granted_to_one_and_the_other_gets_the_next(world):
    people = crowd(50)
    await world.open_window({p.address: BUDGET for p in people}, P)
    answers = await asyncio.gather(
        *(
            world.allocate(p.allocation([(project, 1)], 0))
            for p in people
            for project in (P[0], P[1])
        )
    )
    for first, second in zip(answers[::2], answers[1::2], strict=True):
        assert (first is None) != (second is None)
        loser = first or second
        assert loser.code == "WrongAllocationsNonce"
        assert loser.details == {"used": "0", "expected": "1"}
    assert sum(len(items) for items in (await world.live()).values()) == 50
    assert len(await world.events(Allocated)) == 50


async def test_budget__allocated_whole_many_times_at_once__is_live_once(world):
    alice = person(1)
    await world.open_window({alice.address: BUDGET}, P)
    answers = await asyncio.gather(
        *(world.allocate(alice.allocation([(P[n], BUDGET)], n)) for n in range(12))
    )
    granted = [n for n, answer in enumerate(answers) if answer is None]
    assert granted == list(range(len(granted)))
    assert granted
    assert await world.live() == {alice.address: [(P[granted[-1]], BUDGET)]}


async def test_seal__racing_twenty_writers__counts_exactly_what_was_granted(world):
    """Four epochs, all with a window around the same chain time, sealed one after the other."""
    people, rounds = crowd(20), range(1, 5)
    rows = budget_rows({p.address: BUDGET for p in people})
    nonces = dict.fromkeys((p.address for p in people), 0)
    await world.announce(head_at(NOW))
    for epoch in rounds:
        world.budgets[epoch] = rows
        await world.announce(
            ProjectsSet(block=block(NOW), epoch=epoch, projects=P, cid="Qm"),
            epoch_started(epoch, START, END, DECISION_WINDOW),
            snapshot(epoch, rows),
        )
        token = await world.publish(WindowOpened(epoch=epoch, opens_at=OPENS, closes_at=CLOSES))
        await world.applied(token)
        granted: dict[Address, tuple[int, int]] = {}

        async def write(someone, granted=granted) -> str:
            while True:
                nonce = nonces[someone.address]
                amount = nonce + 1
                answer = await world.allocate(someone.allocation([(P[0], amount)], nonce))
                if answer is not None:
                    return answer.code
                granted[someone.address] = (nonce, amount)
                nonces[someone.address] += 1

        async def close(epoch=epoch, granted=granted) -> None:
            await eventually(lambda: len(granted) >= 10)
            await world.applied(await world.publish(WindowClosed(epoch=epoch, closes_at=CLOSES)))

        *codes, _ = await asyncio.gather(*(write(p) for p in people), close())
        assert codes == ["AllocationWindowClosed"] * 20
        seal = (await world.events(AllocationsSealed))[-1]
        allocated = [e for e in await world.events(Allocated) if e.epoch == epoch]
        last = {e.user: e for e in allocated}
        assert {u: (e.nonce, e.allocations[0].amount) for u, e in last.items()} == granted
        in_order = sorted(last.values(), key=lambda e: e.sequence)
        assert (seal.epoch, seal.count, seal.digest) == (
            epoch,
            len(granted),
            allocations_digest(
                (e.sequence, e.user, P[0], e.nonce + 1, e.uniqueness_quotient, e.nonce)
                for e in in_order
            ),
        )
        assert seal.last_sequence == in_order[-1].sequence
        assert (await world.events())[-1] == seal


async def test_seal__racing_patron_toggles__counts_exactly_those_before_it(world):
    people = crowd(30)
    await world.open_window({p.address: BUDGET for p in people}, P)
    token = asyncio.create_task(world.publish(WindowClosed(epoch=EPOCH, closes_at=CLOSES)))
    answers = await asyncio.gather(*(world.set_patron_mode(p.patron_mode(True)) for p in people))
    await world.applied(await token)
    assert answers == [True] * 30
    (seal,) = await world.events(AllocationsSealed)
    before = [e for e in await world.events(PatronModeSet) if e.sequence <= seal.last_sequence]
    assert (seal.patrons_count, seal.patrons_digest) == (
        len(before),
        patrons_digest(sorted(e.user for e in before)),
    )
    # Toggles of before the seal revoked; those after it found no window open.
    assert all(
        (e.revoked_epoch == EPOCH) == (e in before) for e in await world.events(PatronModeSet)
    )


async def test_patron_mode__racing_an_allocation__never_leaves_both(world):
    people = crowd(40)
    await world.open_window({p.address: BUDGET for p in people}, P)
    answers = await asyncio.gather(
        *(
            work
            for p in people
            for work in (
                world.allocate(p.allocation([(P[0], BUDGET)], 0)),
                world.set_patron_mode(p.patron_mode(True)),
            )
        )
    )
    assert answers[1::2] == [True] * 40
    assert {a.code for a in answers[::2] if a is not None} <= {"NotAllowedInPatronMode"}
    assert await world.live() == {}
    events = await world.events()
    for p, answer in zip(people, answers[::2], strict=True):
        kinds = [type(e) for e in events if e.user == p.address]
        assert kinds == ([PatronModeSet] if answer else [Allocated, PatronModeSet])


async def test_patron_mode__one_signature_sent_twice_at_once__is_used_once(world):
    people = crowd(20)
    answers = await asyncio.gather(
        *(world.set_patron_mode(p.patron_mode(True)) for p in people for _ in range(2))
    )
    assert all(isinstance(a, Refusal) and a.code == "NotLoadedYet" for a in answers)
    await world.announce(head_at(NOW))
    answers = await asyncio.gather(
        *(world.set_patron_mode(p.patron_mode(True)) for p in people for _ in range(2))
    )
    for pair in zip(answers[::2], answers[1::2], strict=True):
        (refusal,) = [a for a in pair if a is not True]
        assert refusal.code == "InvalidSignature"
    assert len(await world.events(PatronModeSet)) == 20


async def test_pages__while_everybody_reallocates__show_one_moment(world):
    """Each request gives one amount to 20 projects: a mixed set would show two amounts."""
    people = crowd(60)
    await world.open_window({p.address: BUDGET for p in people}, P)

    async def write(someone, nonces) -> None:
        for nonce in nonces:
            items = [(project, nonce + 1) for project in P]
            assert await world.allocate(someone.allocation(items, nonce)) is None

    await asyncio.gather(*(write(p, range(1)) for p in people))
    writers = asyncio.gather(*(write(p, range(1, 5)) for p in people))
    moments = 0
    while not writers.done() or moments == 0:
        seen: dict[Address, list[int]] = {}
        first = page = await world.caller.ask(
            EPOCH_ALLOCATIONS, EpochAllocationsRequest(epoch=EPOCH)
        )
        assert len(first.allocations) == PAGE
        while True:
            for row in page.allocations:
                seen.setdefault(row.donor, []).append(row.amount)
            if page.next_cursor is None:
                break
            page = await world.caller.ask(
                EPOCH_ALLOCATIONS,
                EpochAllocationsRequest(epoch=EPOCH, cursor=page.next_cursor, as_of=first.as_of),
            )
            assert page.as_of == first.as_of
        assert {user: len(amounts) for user, amounts in seen.items()} == dict.fromkeys(
            (p.address for p in people), 20
        )
        assert all(len(set(amounts)) == 1 for amounts in seen.values())
        moments += 1
    await writers
    assert moments > 1


async def blocked(world, kind: str) -> bool:
    """Somebody waits for a lock of this kind."""
    query = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = :kind")
    return bool(await world.scalar(query.bindparams(kind=kind)))


async def test_allocation__that_waited_for_a_patron_toggle__knows_of_it(world):
    alice = person(1)
    await world.open_window({alice.address: BUDGET}, P)
    async with world.database.transaction("test") as toggle:
        await locks.lock_user(toggle, alice.address)
        sequence = await locks.take_sequence(toggle)
        await patrons.insert_event(
            toggle, sequence, alice.address, enabled=True, time=NOW, revoked_epoch=EPOCH
        )
        await locks.note_change(toggle, alice.address)
        allocation = asyncio.create_task(world.allocate(alice.allocation([(P[0], 1)], 0)))
        await eventually(lambda: blocked(world, "transactionid"))
    refusal = await allocation
    assert refusal is not None
    assert refusal.code == "NotAllowedInPatronMode"


async def test_pages__asked_while_a_smaller_sequence_is_on_its_way__wait_for_it(world):
    people = crowd(60)
    await world.open_window({p.address: BUDGET for p in people}, P)

    async def give(someone, nonce) -> None:
        items = [(project, nonce + 1) for project in P]
        assert await world.allocate(someone.allocation(items, nonce)) is None

    for someone in people:
        await give(someone, 0)
    slow = people[0].allocation([(project, 2) for project in P], 1)
    ask = world.caller.ask
    async with world.database.transaction("test") as connection:
        standing = await repository.lock_and_read(connection, people[0].address)
        assert standing.window is not None
        await repository.replace(connection, slow, standing.window, Decimal("0.01"))
        await give(people[1], 1)
        asked = asyncio.create_task(ask(EPOCH_ALLOCATIONS, EpochAllocationsRequest(epoch=EPOCH)))
        await eventually(lambda: blocked(world, "advisory"))
    first = await asked
    second = await ask(
        EPOCH_ALLOCATIONS,
        EpochAllocationsRequest(epoch=EPOCH, cursor=first.next_cursor or 0, as_of=first.as_of),
    )
    rows = first.allocations + second.allocations
    amounts = {p.address: 2 if p in people[:2] else 1 for p in people}
    assert Counter((row.donor, row.amount) for row in rows) == dict.fromkeys(amounts.items(), 20)
