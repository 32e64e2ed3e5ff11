"""Patron mode, the seal, and the operator's scores."""

from decimal import Decimal

import pytest
from octant_contracts.calls import PATRON_MODE, USER_ALLOCATIONS, OfUser, OfUserEpoch
from octant_contracts.errors import Refusal, render
from octant_contracts.events import AllocationsSealed, PatronModeSet, UqScoreSet
from octant_contracts.seals import allocations_digest, patrons_digest
from octant_contracts.values import Address
from octant_protocol.signatures import patron_mode_text, personal_digest
from sqlalchemy import text

from .world import (
    BUDGET,
    CLOSES,
    DECISION_WINDOW,
    END,
    EPOCH,
    NOW,
    START,
    WindowClosed,
    epoch_started,
    head_at,
    person,
)

ALICE, BOB, CAROL = person(1), person(2), person(3)
P = [Address(bytes([n]) * 20) for n in range(1, 4)]
ALL = dict.fromkeys((p.address for p in (ALICE, BOB, CAROL)), BUDGET)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # SHA-256 of nothing


async def mode(world, user):
    return (await world.caller.ask(PATRON_MODE, OfUser(user.address))).status


@pytest.mark.proves("GET /user/{user_address}/patron-mode")
@pytest.mark.proves("PATCH /user/{user_address}/patron-mode")
async def test_patron_mode__on_and_off_in_the_window__ends_what_was_allocated(world):
    await world.open_window(ALL, P)
    assert await mode(world, ALICE) is False
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0, edited=True)) is None
    assert await world.allocate(BOB.allocation([(P[0], 1)], 0)) is None
    assert await world.set_patron_mode(ALICE.patron_mode(True)) is True
    assert await mode(world, ALICE) is True
    assert await world.live() == {BOB.address: [(P[0], 1)]}
    answer = await world.caller.ask(USER_ALLOCATIONS, OfUserEpoch(ALICE.address, EPOCH))
    assert (answer.allocations, answer.is_manually_edited) == ([], True)
    refusal = await world.allocate(ALICE.allocation([(P[0], 1)], 1))
    assert refusal.code == "NotAllowedInPatronMode"
    assert await world.nonce(ALICE.address) == 1
    assert await world.set_patron_mode(ALICE.patron_mode(False)) is False
    assert await world.allocate(ALICE.allocation([(P[1], 2)], 1)) is None
    # The same text again carries the same signature, and is valid again.
    assert await world.set_patron_mode(ALICE.patron_mode(True)) is True
    assert await world.events(PatronModeSet) == [
        PatronModeSet(sequence=s, user=ALICE.address, enabled=e, time=NOW, revoked_epoch=EPOCH)
        for s, e in ((3, True), (4, False), (6, True))
    ]


async def test_patron_mode__outside_the_window__revokes_nothing(world):
    await world.open_window(ALL, P)
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0)) is None
    await world.announce(head_at(CLOSES + 1))
    assert await world.set_patron_mode(ALICE.patron_mode(True)) is True
    (event,) = await world.events(PatronModeSet)
    assert (event.time, event.revoked_epoch) == (CLOSES + 1, None)
    assert await world.live() == {ALICE.address: [(P[0], 1)]}


@pytest.mark.proves("PATCH /user/{user_address}/patron-mode", "InvalidSignature")
async def test_patron_mode__signed_for_the_wrong_mode_or_by_somebody_else__is_refused(world):
    await world.open_window(ALL, P)
    before = await world.stored()
    wrong = [ALICE.patron_mode(False), type(ALICE)(BOB.key, ALICE.address).patron_mode(True)]
    for request in wrong:
        refusal = await world.set_patron_mode(request)
        assert isinstance(refusal, Refusal)
        assert render(refusal)[1]["message"] == (
            f"Given signature {request.signature} is invalid "
            f"or does not belong to {ALICE.address.text}"
        )
    assert await world.stored() == before
    world.wallet_answer = True
    assert await world.set_patron_mode(wrong[1]) is True
    assert bytes(world.wallet_questions[-1].digest) == personal_digest(
        patron_mode_text(ALICE.address, True)
    )


async def test_patron_mode__switched_after_the_epoch_is_decided__does_not_count_for_it(world):
    """A window that outlasts the epoch's own finalization time."""
    await world.open_window(ALL, P)
    await world.announce(epoch_started(EPOCH, START, END, NOW - END))
    assert await world.set_patron_mode(ALICE.patron_mode(True)) is True
    assert (await world.allocate(ALICE.allocation([(P[0], 1)], 0))).code == (
        "NotAllowedInPatronMode"
    )
    await world.announce(head_at(NOW + 1))
    assert await world.set_patron_mode(BOB.patron_mode(True)) is True
    assert await world.allocate(BOB.allocation([(P[0], 1)], 0)) is None
    await world.close_window()
    (seal,) = await world.events(AllocationsSealed)
    assert (seal.patrons_count, seal.patrons_digest) == (1, patrons_digest([ALICE.address]))


async def test_seal__of_a_window__announces_live_rows_and_patrons_and_ends_the_epoch(world):
    await world.open_window(ALL, P)
    assert await world.allocate(ALICE.allocation([(P[0], 3), (P[1], 0)], 0)) is None
    assert await world.allocate(BOB.allocation([(P[2], 7)], 0)) is None
    assert await world.allocate(ALICE.allocation([(P[1], 5), (P[0], 0)], 1)) is None
    assert await world.set_patron_mode(CAROL.patron_mode(True)) is True
    await world.close_window()
    q = Decimal("0.01")
    expected = AllocationsSealed(
        epoch=EPOCH,
        last_sequence=4,
        count=3,
        digest=allocations_digest(
            [
                (2, BOB.address, P[2], 7, q, 0),
                (3, ALICE.address, P[1], 5, q, 1),
                (3, ALICE.address, P[0], 0, q, 1),
            ]
        ),
        patrons_count=1,
        patrons_digest=patrons_digest([CAROL.address]),
    )
    assert await world.events(AllocationsSealed) == [expected]
    # Chain time is still inside the window; the seal counts.
    assert (await world.allocate(BOB.allocation([(P[0], 1)], 1))).code == "AllocationWindowClosed"
    assert await world.set_patron_mode(BOB.patron_mode(True)) is True
    assert (await world.events(PatronModeSet))[-1].revoked_epoch is None
    assert set(await world.live()) == {ALICE.address, BOB.address}
    await world.close_window()
    assert await world.events(AllocationsSealed) == [expected]


async def test_seal__of_an_epoch_without_window_and_budgets__counts_nothing(world):
    await world.announce(
        head_at(NOW),
        epoch_started(EPOCH, START, END, DECISION_WINDOW),
        WindowClosed(epoch=EPOCH, closes_at=CLOSES),
    )
    assert await world.events() == [
        AllocationsSealed(
            epoch=EPOCH,
            last_sequence=0,
            count=0,
            digest=EMPTY,
            patrons_count=0,
            patrons_digest=EMPTY,
        )
    ]


async def test_operator__sets_a_score__recorded_and_announced_until_the_seal(world):
    await world.open_window(ALL, P)
    assert await world.allocate(ALICE.allocation([(P[0], 3)], 0)) is None
    body = {"epoch": EPOCH, "user": ALICE.address.text.lower(), "score": "0.50"}
    body |= {"who": "Olga", "why": "guest list"}
    before = await world.stored()
    assert (await world.operate(body, token="wrong")).status_code == 401
    for bad in (
        *({"score": s} for s in ("1.1", "-0.1", "abc", "", "1e0", "NaN", "0.1\n", "٠", 0.5)),
        *({"user": u} for u in ("0x12", "", "zz" * 20, None)),
        *({"epoch": e} for e in (0, -1, 2**31, "x", 10**400)),
        *({"who": w} for w in ("", " ", "a\0b")),
        {"why": ""},
    ):
        assert (await world.operate(body | bad)).status_code == 422, bad
    assert await world.stored() == before
    answer = await world.operate(body)
    assert (answer.status_code, answer.json()) == (
        200,
        {"epoch": EPOCH, "user": ALICE.address.text, "score": "0.5"},
    )
    assert await world.events(UqScoreSet) == [
        UqScoreSet(epoch=EPOCH, user=ALICE.address, score=Decimal("0.5"))
    ]
    async with world.database.engine.connect() as connection:
        action = (await connection.execute(text("SELECT who, why FROM operator_actions"))).one()
    assert tuple(action) == ("Olga", "guest list")
    await world.close_window()
    (seal,) = await world.events(AllocationsSealed)
    assert seal.digest == allocations_digest([(1, ALICE.address, P[0], 3, Decimal("0.5"), 0)])
    sealed = await world.stored()
    answer = await world.operate(body | {"score": "1.0"})
    assert (answer.status_code, answer.json()) == (
        409,
        {"detail": "the allocations of epoch 1 are sealed"},
    )
    assert await world.stored() == sealed
