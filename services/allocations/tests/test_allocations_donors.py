"""Who gives: donors of an epoch and of a project, an allocation's terms, its leverage."""

import random
from decimal import Decimal

from octant_allocations import tables
from octant_chassis.database import copy_rows
from octant_contracts.calls import (
    ALLOCATION_TERMS,
    EPOCH_ALLOCATIONS,
    EPOCH_DONORS,
    PAGE,
    PROJECT_DONORS,
    AllocationTerms,
    EpochDonorsRequest,
    OfUser,
    ProjectDonorsRequest,
)
from octant_contracts.events import Allocated, LeverageComputed
from octant_contracts.values import Address
from sqlalchemy import select

from .world import BUDGET, CLOSES, EPOCH, START, epoch_started, head_at, person

ALICE, BOB, CHARLIE = person(1), person(2), person(3)
P = [Address(bytes([n]) * 20) for n in range(1, 6)]
ALL = dict.fromkeys((p.address for p in (ALICE, BOB, CHARLIE)), BUDGET)
NOWHERE = (-1, 0, EPOCH + 1, 2**31, 2**63, 10**30)


async def donors(world, epoch=EPOCH):
    answer = await world.caller.ask(EPOCH_DONORS, EpochDonorsRequest(epoch=epoch))
    assert answer.next_cursor is None
    return answer.donors


async def of_project(world, project, epoch=EPOCH):
    request = ProjectDonorsRequest(project=project, epoch=epoch)
    answer = await world.caller.ask(PROJECT_DONORS, request)
    assert answer.next_cursor is None
    return [(donor.address, donor.amount) for donor in answer.donors]


async def test_donors__of_an_epoch__are_distinct_and_in_order_of_their_live_rows(world):
    await world.open_window(ALL, P)
    assert await donors(world) == []
    for someone in (ALICE, BOB, CHARLIE):
        assert await world.allocate(someone.allocation([(p, 1000) for p in P[:3]], 0)) is None
    assert await donors(world) == [ALICE.address, BOB.address, CHARLIE.address]

    # A new set replaces the old one; nothing but zeros is an allocation, too.
    assert await world.allocate(ALICE.allocation([(P[4], 0), (P[3], 0)], 1)) is None
    assert await donors(world) == [BOB.address, CHARLIE.address, ALICE.address]
    assert await world.set_patron_mode(CHARLIE.patron_mode(True)) is True
    assert await donors(world) == [BOB.address, ALICE.address]
    for epoch in NOWHERE:
        assert await donors(world, epoch) == []


async def test_donors__of_a_project__are_live_rows_with_zeros_in_order(world):
    await world.open_window(ALL, P)
    assert await of_project(world, P[0]) == []
    assert await world.allocate(ALICE.allocation([(P[1], 5), (P[0], 7)], 0)) is None
    assert await world.allocate(BOB.allocation([(P[0], 0)], 0)) is None
    assert await world.allocate(CHARLIE.allocation([(P[2], 9)], 0)) is None
    assert await of_project(world, P[0]) == [(ALICE.address, 7), (BOB.address, 0)]
    assert await of_project(world, P[1]) == [(ALICE.address, 5)]

    assert await world.allocate(ALICE.allocation([(P[0], 8)], 1)) is None
    assert await of_project(world, P[0]) == [(BOB.address, 0), (ALICE.address, 8)]
    assert await of_project(world, P[1]) == []
    assert await of_project(world, ALICE.address) == []
    for epoch in NOWHERE:
        assert await of_project(world, P[0], epoch) == []


async def test_donors__of_two_epochs__are_kept_apart(world):
    await world.open_window(ALL, P)
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0)) is None
    await world.close_window()
    await world.open_window(ALL, P, epoch=EPOCH + 1)
    assert await world.allocate(BOB.allocation([(P[0], 2)], 0)) is None

    assert [await donors(world, e) for e in (EPOCH, EPOCH + 1)] == [[ALICE.address], [BOB.address]]
    assert await of_project(world, P[0], EPOCH) == [(ALICE.address, 1)]
    assert await of_project(world, P[0], EPOCH + 1) == [(BOB.address, 2)]


USERS, REQUESTS = 1_300, 4_000


class History:
    """Requests of many users over time, and what was live after each of them."""

    def __init__(self) -> None:
        chance = random.Random(7)
        self.sets: dict[int, tuple[int, list[tuple[Address, int]]]] = {}
        self.ended: dict[int, int] = {}
        self.toggles: dict[int, int] = {}
        live: dict[int, int] = {}
        for sequence in range(1, REQUESTS + 1):
            # Everybody once, so that there is more than a page; then anybody.
            user = sequence - 1 if sequence <= USERS else chance.randrange(USERS)
            if user in live:
                self.ended[live.pop(user)] = sequence
            if sequence > USERS and chance.random() < 0.1:
                self.toggles[sequence] = user  # a patron: ends a set and begins none
                continue
            live[user] = sequence
            projects = chance.sample(P[1:], chance.randint(0, 3))
            chosen = [(project, chance.choice([0, 1, 10**18])) for project in [P[0], *projects]]
            chance.shuffle(chosen)
            self.sets[sequence] = (user, chosen)

    @staticmethod
    def address(user: int) -> Address:
        return Address(user.to_bytes(2, "big") * 10)

    def live(self, as_of: int) -> list[tuple[Address, Address, int]]:
        """(donor, project, wei) right after a sequence, in order."""
        return [
            (self.address(user), project, amount)
            for sequence, (user, chosen) in sorted(self.sets.items())
            if sequence <= as_of and self.ended.get(sequence, REQUESTS + 1) > as_of
            for project, amount in chosen
        ]

    async def store(self, world) -> None:
        async with world.database.transaction("test") as connection:
            await copy_rows(
                connection,
                tables.requests,
                ("sequence", "epoch", "user", "nonce", "signature", "time"),
                ((s, EPOCH, self.address(u), s, "0x", START) for s, (u, _) in self.sets.items()),
            )
            await copy_rows(
                connection,
                tables.allocations,
                ("sequence", "place", "epoch", "user", "project", "amount", "deleted_sequence"),
                (
                    (s, place, EPOCH, self.address(u), project, amount, self.ended.get(s))
                    for s, (u, chosen) in self.sets.items()
                    for place, (project, amount) in enumerate(chosen, start=1)
                ),
            )
            await copy_rows(
                connection,
                tables.patron_events,
                ("sequence", "user", "enabled", "time"),
                ((s, self.address(user), True, START) for s, user in self.toggles.items()),
            )


async def all_pages(world, call, as_of, rows, **request):
    """Rows of all pages, and how many rows each had."""
    found, sizes, cursor = [], [], 0
    while cursor is not None:
        page = await world.caller.ask(
            call, call.request(epoch=EPOCH, cursor=cursor, as_of=as_of, **request)
        )
        found += getattr(page, rows)
        sizes.append(len(getattr(page, rows)))
        cursor, as_of = page.next_cursor, page.as_of
    assert all(size == PAGE for size in sizes[:-1])
    return found, len(sizes)


MOMENTS = (None, REQUESTS, REQUESTS - 1, 2 * USERS, USERS, USERS - 1, 5, 0)


async def test_pages__as_of_any_moment__show_exactly_what_was_live_then(world):
    history = History()
    await history.store(world)
    for as_of in MOMENTS:
        live = history.live(REQUESTS if as_of is None else as_of)
        expected = list(dict.fromkeys(donor for donor, _, _ in live))

        found, pages = await all_pages(world, EPOCH_DONORS, as_of, "donors")
        assert found == expected, as_of
        assert pages == max(1, -(-len(expected) // PAGE))
        found, _ = await all_pages(world, PROJECT_DONORS, as_of, "donors", project=P[0])
        assert [(d.address, d.amount) for d in found] == [(d, a) for d, p, a in live if p == P[0]]
        found, _ = await all_pages(
            world, EPOCH_ALLOCATIONS, as_of, "allocations", include_zero_allocations=True
        )
        assert [(a.donor, a.project, a.amount) for a in found] == live
        found, _ = await all_pages(world, EPOCH_ALLOCATIONS, as_of, "allocations")
        assert [(a.donor, a.project, a.amount) for a in found] == [row for row in live if row[2]]


async def test_page__of_a_moment_when_things_change__stays_that_of_the_first(world):
    history = History()
    await history.store(world)
    ask, live = world.caller.ask, history.live(REQUESTS)
    first = await ask(EPOCH_DONORS, EpochDonorsRequest(epoch=EPOCH))
    firsts = await ask(PROJECT_DONORS, ProjectDonorsRequest(project=P[0], epoch=EPOCH))
    assert first.as_of == firsts.as_of == REQUESTS

    last = [sequence for sequence in history.sets if sequence not in history.ended][-1]
    async with world.database.transaction("test") as connection:
        await connection.execute(
            tables.allocations.update()
            .where(tables.allocations.c.sequence.in_([last, last - 1, last - 2]))
            .where(tables.allocations.c.deleted_sequence.is_(None))
            .values(deleted_sequence=REQUESTS + 5)
        )
        await connection.execute(
            tables.allocations.insert().values(
                sequence=REQUESTS + 5,
                place=1,
                epoch=EPOCH,
                user=ALICE.address,
                project=P[0],
                amount=1,
            )
        )

    following = EpochDonorsRequest(epoch=EPOCH, cursor=first.next_cursor, as_of=first.as_of)
    second = await ask(EPOCH_DONORS, following)
    assert first.donors + second.donors == list(dict.fromkeys(donor for donor, _, _ in live))
    following = ProjectDonorsRequest(
        project=P[0], epoch=EPOCH, cursor=firsts.next_cursor, as_of=firsts.as_of
    )
    seconds = await ask(PROJECT_DONORS, following)
    assert [(d.address, d.amount) for d in firsts.donors + seconds.donors] == [
        (donor, amount) for donor, project, amount in live if project == P[0]
    ]


async def terms(world, user) -> AllocationTerms:
    return await world.caller.ask(ALLOCATION_TERMS, OfUser(user.address))


async def test_terms__of_an_allocation__are_the_open_epoch_and_the_weight_it_would_get(world):
    closed = AllocationTerms(epoch=None, uniqueness_quotient=None)
    assert await terms(world, ALICE) == closed
    await world.open_window(ALL, P)
    before = await world.stored()
    assert await terms(world, ALICE) == AllocationTerms(
        epoch=EPOCH, uniqueness_quotient=Decimal("0.01")
    )
    assert await world.stored() == before

    body = {"epoch": EPOCH, "who": "Olga", "why": "guest list"}
    for user, score in ((ALICE, "0.0"), (BOB, "1.0")):
        answer = await world.operate(body | {"user": user.address.text, "score": score})
        assert answer.status_code == 200
    answer = await world.operate(body | {"epoch": 7, "user": CHARLIE.address.text, "score": "1.0"})
    assert answer.status_code == 200
    found = [(await terms(world, user)).uniqueness_quotient for user in (ALICE, BOB, CHARLIE)]
    assert [str(score) for score in found] == ["0.0", "1.0", "0.01"]

    await world.announce(head_at(CLOSES + 1))
    assert await terms(world, ALICE) == closed
    await world.announce(head_at(CLOSES))
    assert (await terms(world, ALICE)).epoch == EPOCH
    await world.close_window()
    assert await terms(world, ALICE) == closed


async def leverages(world) -> list[tuple[int, float | None]]:
    async with world.database.engine.connect() as connection:
        rows = await connection.execute(
            select(tables.requests.c.sequence, tables.requests.c.leverage).order_by(
                tables.requests.c.sequence
            )
        )
        return [tuple(row) for row in rows]


async def test_leverage__that_rewards_computed__is_kept_with_its_request(world):
    await world.open_window(ALL, P)
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0)) is None
    assert await world.allocate(BOB.allocation([(P[0], 1)], 0)) is None
    assert await leverages(world) == [(1, None), (2, None)]
    first, second = await world.events(Allocated)

    def computed(of: Allocated, leverage: float, **other) -> LeverageComputed:
        values = {"epoch": of.epoch, "user": of.user, "nonce": of.nonce, "sequence": of.sequence}
        return LeverageComputed(**{**values, **other}, leverage=leverage)

    await world.announce(computed(second, 1.9607843137254901))
    assert await leverages(world) == [(1, None), (2, 1.9607843137254901)]
    # Of requests that are not here: nothing to keep, and nothing that stops.
    await world.announce(
        computed(first, 0.0),
        computed(first, 5.0, sequence=99),
        computed(first, 6.0, user=CHARLIE.address),
        epoch_started(EPOCH + 1, 2000, 3000, 500),
    )
    assert await leverages(world) == [(1, 0.0), (2, 1.9607843137254901)]
