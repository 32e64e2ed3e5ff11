"""Granting requests: effects, replacement, reads."""

from decimal import Decimal

from octant_allocations import tables
from octant_contracts.calls import (
    ALLOCATE,
    ALLOCATION_WINDOW,
    ALLOCATIONS_STATUS,
    EPOCH_ALLOCATIONS,
    REQUEST_STORED,
    USER_ALLOCATIONS,
    EpochAllocationsRequest,
    Nothing,
    OfUserEpoch,
    ServiceStatus,
    StoredRequest,
)
from octant_contracts.errors import Refusal, render
from octant_contracts.events import ALLOCATIONS, Allocated, AllocationItem
from octant_contracts.values import Address, Wei
from sqlalchemy import event, select, update

from .world import BUDGET, CLOSES, EPOCH, NOW, OPENS, head_at, person, unsigned

ALICE, BOB = person(1), person(2)
P = [Address(bytes([n]) * 20) for n in range(1, 6)]
BOTH = {ALICE.address: BUDGET, BOB.address: BUDGET}


async def of_epoch(world, *, zeros=False):
    answer = await world.caller.ask(
        EPOCH_ALLOCATIONS,
        EpochAllocationsRequest(epoch=EPOCH, include_zero_allocations=zeros),
    )
    assert answer.next_cursor is None
    return [(a.donor, a.project, a.amount) for a in answer.allocations]


async def of_user(world, user):
    answer = await world.caller.ask(USER_ALLOCATIONS, OfUserEpoch(user, EPOCH))
    return [(a.address, a.amount) for a in answer.allocations], answer.is_manually_edited


async def test_journey__two_people_allocate__everybody_reads_it(world):
    await world.open_window(BOTH, P)
    assert await world.nonce(ALICE.address) == 0
    assert await world.allocate(ALICE.allocation([(p, 1000) for p in P[:3]], 0)) is None
    assert await world.allocate(BOB.allocation([(P[0], 1000)], 0, edited=True)) is None

    assert await of_epoch(world) == [
        *((ALICE.address, p, 1000) for p in P[:3]),
        (BOB.address, P[0], 1000),
    ]
    assert await of_user(world, ALICE.address) == ([(p, 1000) for p in P[:3]], False)
    assert await of_user(world, BOB.address) == ([(P[0], 1000)], True)
    assert await world.nonce(ALICE.address) == 1

    assert await world.allocate(ALICE.allocation([(P[1], 5)], 1)) is None
    assert await of_epoch(world) == [(BOB.address, P[0], 1000), (ALICE.address, P[1], 5)]
    assert await world.nonce(ALICE.address) == 2
    assert await world.events(Allocated) == [
        Allocated(
            sequence=1,
            epoch=EPOCH,
            user=ALICE.address,
            nonce=0,
            time=NOW,
            uniqueness_quotient=Decimal("0.01"),
            is_manually_edited=False,
            allocations=[AllocationItem(project=p, amount=Wei(1000)) for p in P[:3]],
        ),
        Allocated(
            sequence=2,
            epoch=EPOCH,
            user=BOB.address,
            nonce=0,
            time=NOW,
            uniqueness_quotient=Decimal("0.01"),
            is_manually_edited=True,
            allocations=[AllocationItem(project=P[0], amount=Wei(1000))],
        ),
        Allocated(
            sequence=3,
            epoch=EPOCH,
            user=ALICE.address,
            nonce=1,
            time=NOW,
            uniqueness_quotient=Decimal("0.01"),
            is_manually_edited=False,
            allocations=[AllocationItem(project=P[1], amount=Wei(5))],
        ),
    ]


async def test_write__granted__names_its_event(world):
    await world.open_window(BOTH, P)
    reply = await world.caller.ask_raw(ALLOCATE, ALICE.allocation([(P[0], 1)], 0))
    assert (reply.data, reply.wrote) == (b"{}", ((ALLOCATIONS, 1),))


async def test_replacing__with_more_fewer_or_other_projects__leaves_the_last_set(world):
    await world.open_window(BOTH, P)
    sets = ([P[0], P[1]], [P[0], P[1], P[2]], [P[2]], [P[3], P[4]], [P[4], P[3]])
    for nonce, chosen in enumerate(sets):
        items = [(p, 10 + nonce) for p in chosen]
        assert await world.allocate(ALICE.allocation(items, nonce)) is None
        assert await world.live() == {ALICE.address: items}
    async with world.database.engine.connect() as connection:
        ended = await connection.execute(
            select(tables.allocations.c.sequence, tables.allocations.c.deleted_sequence)
            .where(tables.allocations.c.deleted_sequence.is_not(None))
            .distinct()
            .order_by(tables.allocations.c.sequence)
        )
        assert [tuple(row) for row in ended] == [(1, 2), (2, 3), (3, 4), (4, 5)]


async def test_zero_amounts__are_live__but_shown_of_the_epoch_only_on_request(world):
    await world.open_window(BOTH, P)
    assert await world.allocate(ALICE.allocation([(P[0], 0), (P[1], 0)], 0)) is None
    assert await of_epoch(world) == []
    assert await of_epoch(world, zeros=True) == [(ALICE.address, p, 0) for p in P[:2]]
    assert await of_user(world, ALICE.address) == ([(P[0], 0), (P[1], 0)], False)


async def test_budget__allocated_whole__is_granted(world):
    await world.open_window(BOTH, P)
    items = [(P[0], BUDGET - 1), (P[1], 1)]
    assert await world.allocate(ALICE.allocation(items, 0)) is None


async def test_signature__of_a_published_vector__is_granted(world):
    project = Address.parse("0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f")
    user = Address.parse("0xB32398833CF0A132a22104D8746a027A34A47269")
    await world.open_window({user: 10**18}, [project])
    signature = (
        "0x33f9823d86d39d4139e263d22ee01be9a14b2d8072a0d124976117931f8b3f1a"
        "3543a576d157ce40afefa55cdd3e4101f6cfa9cf036460461d584e57aa23e7251b"
    )
    assert await world.allocate(unsigned(user, [(project, 10**18)], 0, signature)) is None
    assert world.wallet_questions == []


async def test_window__by_chain_time__is_open_from_its_first_to_its_last_second(world):
    await world.open_window(BOTH, P)
    seen = []
    for time in (OPENS - 1, OPENS, CLOSES, CLOSES + 1):
        await world.announce(head_at(time))
        window = await world.caller.ask(ALLOCATION_WINDOW, Nothing())
        nonce = await world.nonce(ALICE.address)
        refusal = await world.allocate(ALICE.allocation([(P[0], 1)], nonce))
        seen.append((window.pending_epoch, refusal and refusal.code))
    closed = (None, "AllocationWindowClosed")
    assert seen == [closed, (EPOCH, None), (EPOCH, None), closed]


async def test_status__before_and_after_the_first_events__tells_head_and_epoch(world):
    ask = world.caller.ask
    assert await ask(ALLOCATIONS_STATUS, Nothing()) == ServiceStatus(
        head_number=0, head_timestamp=0, current_epoch=0
    )
    await world.open_window(BOTH, P)
    assert await ask(ALLOCATIONS_STATUS, Nothing()) == ServiceStatus(
        head_number=NOW, head_timestamp=NOW, current_epoch=EPOCH
    )


async def test_reads__of_what_nobody_knows__are_empty(world):
    for epoch in (EPOCH, -1, 2**31, 2**63, 10**30):
        answer = await world.caller.ask(USER_ALLOCATIONS, OfUserEpoch(ALICE.address, epoch))
        assert (answer.allocations, answer.is_manually_edited) == ([], None)
        page = await world.caller.ask(EPOCH_ALLOCATIONS, EpochAllocationsRequest(epoch=epoch))
        assert (page.allocations, page.next_cursor) == ([], None)
    assert await world.nonce(ALICE.address) == 0


async def test_answers__have_the_public_form(world):
    await world.open_window(BOTH, P)
    await world.allocate(ALICE.allocation([(P[0], 7)], 0))
    raw = await world.caller.ask_raw(USER_ALLOCATIONS, OfUserEpoch(ALICE.address, EPOCH))
    assert raw.data == (
        b'{"allocations":[{"address":"0x0101010101010101010101010101010101010101","amount":"7"}],'
        b'"isManuallyEdited":false}'
    )


async def test_score__once_stored__stays_even_at_zero(world):
    await world.open_window(BOTH, P)
    body = {"epoch": EPOCH, "user": ALICE.address.text, "who": "ops", "why": "test"}
    assert (await world.operate({**body, "score": "0.0"})).status_code == 200
    for nonce in range(2):
        assert await world.allocate(ALICE.allocation([(P[0], 1)], nonce)) is None
    assert [str(e.uniqueness_quotient) for e in await world.events(Allocated)] == ["0.0", "0.0"]


async def test_nonce__used_before_although_the_user_row_forgot__is_refused_with_the_next(world):
    await world.open_window(BOTH, P)
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0)) is None
    async with world.database.transaction("test") as connection:
        await connection.execute(update(tables.users).values(next_nonce=0))
    before = await world.stored()
    refusal = await world.allocate(ALICE.allocation([(P[0], 2)], 0))
    assert render(refusal)[1]["message"] == (
        "Attempt to use wrong value of nonce (0 instead of 1) when signing allocations"
    )
    assert await world.stored() == before


async def test_hot_path__in_steady_state__takes_five_round_trips(world):
    await world.open_window(BOTH, P)
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0)) is None
    trips: dict[object, list[str]] = {}
    engine = world.database.engine.sync_engine

    def note(what):
        return lambda connection, *_: trips.setdefault(connection, []).append(what)

    event.listen(engine, "begin", note("BEGIN"))
    event.listen(engine, "commit", note("COMMIT"))
    event.listen(
        engine,
        "before_cursor_execute",
        lambda connection, _, statement, *__: note(statement.split()[0])(connection),
    )
    assert await world.allocate(ALICE.allocation([(P[1], 1)], 1)) is None
    assert ["BEGIN", "WITH", "WITH", "INSERT", "COMMIT"] in trips.values()


async def test_repeat__byte_for_byte__is_granted_once(world):
    await world.open_window(BOTH, P)
    request = ALICE.allocation([(P[0], 1)], 0)
    assert await world.allocate(request) is None
    refusal = await world.allocate(request)
    assert isinstance(refusal, Refusal)
    assert refusal.details == {"used": "0", "expected": "1"}


async def test_request__asked_for_later__is_stored_only_as_it_was_granted(world):
    await world.open_window(BOTH, P)
    granted, refused = ALICE.allocation([(P[0], 1)], 0), ALICE.allocation([(P[0], 2)], 0)
    assert await world.allocate(granted) is None
    assert isinstance(await world.allocate(refused), Refusal)
    assert await world.allocate(ALICE.allocation([(P[0], 3)], 1)) is None

    async def stored(user, nonce, signature):
        request = StoredRequest(user=user, nonce=Wei(nonce), signature=signature)
        return (await world.caller.ask(REQUEST_STORED, request)).stored

    assert await stored(ALICE.address, 0, granted.signature)
    assert not await stored(ALICE.address, 0, refused.signature)
    assert not await stored(ALICE.address, 1, granted.signature)
    assert not await stored(BOB.address, 0, granted.signature)
    assert not await stored(ALICE.address, 2**64, granted.signature)
