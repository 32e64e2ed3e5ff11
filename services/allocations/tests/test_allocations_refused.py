"""Refusals: the first failing check wins, and nothing is left behind."""

import pytest
from octant_contracts.errors import Refusal, render
from octant_contracts.events import ProjectsSet, WindowClosed, WindowOpened
from octant_contracts.values import Address
from octant_protocol.signatures import allocation_digest, sign_digest

from .world import (
    BUDGET,
    CHAIN_ID,
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
    unsigned,
)

ALICE, BOB, CAROL, PROJECT = person(1), person(2), person(3), person(4)
P = [Address(bytes([n]) * 20) for n in range(1, 4)]
STRANGERS = [Address(bytes([n]) * 20) for n in (0xEE, 0xDD)]
# Too much, to unknown projects, twice: everything after the budget row is wrong.
ALL_WRONG = [(P[0], BUDGET), (STRANGERS[0], 1), (P[0], 1), (STRANGERS[1], 0), (STRANGERS[0], 0)]


async def refused(world, request) -> str:
    before = await world.stored()
    refusal = await world.allocate(request)
    assert isinstance(refusal, Refusal), "it was granted"
    assert await world.stored() == before
    status, body, _ = render(refusal)
    return f"{status} {body['message']}"


@pytest.mark.proves("POST /allocations/allocate", "EpochNotIndexed")
@pytest.mark.proves(
    "POST /allocations/allocate",
    "AllocationWindowClosed",
    "EmptyAllocations",
    "NotAllowedInPatronMode",
    "ProjectAllocationToSelf",
    "InvalidProjects",
    "DuplicatedProjects",
)
async def test_first_failing_check__of_requests_wrong_in_many_ways__wins(world):
    """Window, empty, nonce, epoch, patron, budget row, sum, own, unknown, twice, signature."""
    rows = budget_rows({ALICE.address: BUDGET, BOB.address: 0, PROJECT.address: BUDGET})
    world.budgets[EPOCH] = rows
    projects = [*P, PROJECT.address]
    closed = "403 This action is available only during the allocation window."
    assert await refused(world, unsigned(CAROL.address, [], 9, "?")) == closed
    await world.announce(head_at(NOW))
    assert await refused(world, unsigned(CAROL.address, [], 9, "?")) == closed
    await world.announce(
        ProjectsSet(block=block(NOW), epoch=EPOCH, projects=projects, cid="Qm"),
        WindowOpened(epoch=EPOCH, opens_at=OPENS, closes_at=CLOSES),
        snapshot(EPOCH, rows),
    )
    # Patrons before the window: Bob has a budget row of zero, Carol none.
    for patron in (BOB, CAROL):
        assert await world.set_patron_mode(patron.patron_mode(True)) is True
    assert await refused(world, unsigned(CAROL.address, [], 9, "?")) == (
        "400 Passed empty or zeroed allocations"
    )
    assert await refused(world, unsigned(CAROL.address, ALL_WRONG, 9, "?")) == (
        "400 Attempt to use wrong value of nonce (9 instead of 0) when signing allocations"
    )
    for user in (ALICE, BOB, CAROL):
        assert await refused(world, unsigned(user.address, ALL_WRONG, 0, "?")) == (
            "400 Epoch 1 has not yet been indexed in the Graph."
        )
    await world.announce(epoch_started(EPOCH, START, END, DECISION_WINDOW))
    assert await refused(world, unsigned(BOB.address, ALL_WRONG, 0, "?")) == (
        f"403 This action is not allowed in patron mode; user address: {BOB.address.text}"
    )
    assert await refused(world, unsigned(CAROL.address, ALL_WRONG, 0, "?")) == (
        f"404 User {CAROL.address.text} does not have a budget for epoch 1"
    )
    for user in (ALICE, PROJECT):
        assert await refused(world, unsigned(user.address, ALL_WRONG, 0, "?")) == (
            "400 You cannot allocate more funds than your rewards budget."
        )
    affordable = [(project, min(amount, 1)) for project, amount in ALL_WRONG]
    assert await refused(world, unsigned(PROJECT.address, affordable, 0, "?")) == (
        "400 You cannot allocate funds to your own project."
    )
    assert await refused(world, unsigned(ALICE.address, affordable, 0, "?")) == (
        "400 The following projects are not valid: "
        "{'0xDDdDddDdDdddDDddDDddDDDDdDdDDdDDdDDDDDDd', "
        "'0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE'}"
    )
    twice = [(P[0], 1), (P[1], 1), (P[2], 1), (P[1], 0), (P[0], 1)]
    assert await refused(world, unsigned(ALICE.address, twice, 0, "?")) == (
        "400 The following projects are duplicated in the payload: "
        f"['{P[0].text}', '{P[1].text}', '{P[1].text}', '{P[0].text}']"
    )
    assert await refused(world, unsigned(ALICE.address, [(P[0], 1)], 0, "?")) == (
        f"400 Given signature ? is invalid or does not belong to {ALICE.address.text}"
    )
    await world.announce(WindowClosed(epoch=EPOCH, closes_at=CLOSES))
    assert await refused(world, ALICE.allocation([(P[0], 1)], 0)) == closed


@pytest.mark.proves("POST /allocations/allocate", "RewardsBudgetExceeded")
async def test_sum__one_wei_over_the_budget__is_refused(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    request = ALICE.allocation([(P[0], BUDGET), (P[1], 1)], 0)
    assert (await refused(world, request)).startswith("400 You cannot allocate more")


@pytest.mark.proves("POST /allocations/allocate", "WrongAllocationsNonce")
async def test_nonce__old_future_or_enormous__is_refused_with_the_expected_one(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    assert await world.allocate(ALICE.allocation([(P[0], 1)], 0)) is None
    for used in (0, 2, 2**63, 2**256, 10**1000):
        request = unsigned(ALICE.address, [(P[0], 1)], used, "0x")
        assert await refused(world, request) == (
            f"400 Attempt to use wrong value of nonce ({used} instead of 1) "
            "when signing allocations"
        )


@pytest.mark.proves("POST /allocations/allocate", "InvalidSignature")
async def test_signature__of_other_content_account_or_chain__is_refused(world):
    await world.open_window({ALICE.address: BUDGET, BOB.address: BUDGET}, P)
    items = [(P[0], 1), (P[1], 2)]
    good = ALICE.allocation(items, 0).signature
    other_chain = sign_digest(ALICE.key, allocation_digest(1, items, 0))
    assert CHAIN_ID != 1
    for request in (
        unsigned(ALICE.address, items[::-1], 0, good),
        unsigned(ALICE.address, [(P[0], 1), (P[1], 3)], 0, good),
        unsigned(BOB.address, items, 0, good),
        unsigned(ALICE.address, items, 0, other_chain),
        unsigned(ALICE.address, [(P[0], 2**256), (P[1], -(2**256))], 0, good),
    ):
        assert await refused(world, request) == (
            f"400 Given signature {request.signature} is invalid "
            f"or does not belong to {request.user.text}"
        )


@pytest.mark.parametrize("kind", ["wallet accepts", "wallet refuses", "nobody answers"])
async def test_contract_wallet__asked_about_the_digest__decides(world, kind):
    await world.open_window({ALICE.address: BUDGET}, P)
    items = [(P[0], 1)]
    request = unsigned(ALICE.address, items, 0, "0xC0ffee")
    if kind == "wallet accepts":
        world.wallet_answer = True
        assert await world.allocate(request) is None
    elif kind == "wallet refuses":
        assert (await refused(world, request)).startswith("400 Given signature 0xC0ffee ")
    else:
        for code, status in (
            ("UpstreamFailed", 502),
            ("UpstreamTimeout", 504),
            ("ServiceUnavailable", 503),
            ("InternalError", 502),
        ):
            world.wallet_answer = Refusal(code, service="chain-sync")
            assert (await refused(world, request)).startswith(f"{status} ")
        # Nobody's silence matters when something else is wrong with the request.
        wrong = unsigned(ALICE.address, items, 5, "0xC0ffee")
        assert (await refused(world, wrong)).startswith("400 Attempt to use wrong value")
    question = world.wallet_questions[0]
    assert (question.user, question.signature) == (ALICE.address, "0xC0ffee")
    assert bytes(question.digest) == allocation_digest(CHAIN_ID, items, 0)


async def test_malformed_signatures__of_every_kind__are_refused_as_received(world):
    await world.open_window({ALICE.address: BUDGET}, P)
    good = ALICE.allocation([(P[0], 1)], 0).signature[2:]
    for signature in (
        *("", "0x", "0X", "?", "\0", "0x0", "zz" * 65, "😀" * 65, "0x" + "\n" * 130, "f" * 100_000),
        *(" 0x" + good, "0x" + good + " ", "0x" + good[:-2], "0x" + good + "00", good[:-1]),
        *("0x" + good[:-2] + v for v in ("02", "1a", "1d", "22")),
        *("0x" + "00" * 65, "0x" + "ff" * 65, "0x" + "ff" * 64 + "1b", "{}", "{signature}", "'"),
    ):
        request = unsigned(ALICE.address, [(P[0], 1)], 0, signature)
        assert await refused(world, request) == (
            f"400 Given signature {signature} is invalid or does not belong to {ALICE.address.text}"
        )
