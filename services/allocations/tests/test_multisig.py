"""Multisig requests: registered after every check, applied when enough owners have signed."""

import json
from pathlib import Path

import pytest
from octant_allocations.multisig.model import payload_of, text_of
from octant_allocations.multisig.safe import SafeMessage
from octant_contracts.calls import (
    CONSENT,
    REGISTER_MULTISIG,
    OfUser,
    PendingMultisig,
    RegisterMultisig,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import (
    Allocated,
    MultisigChanged,
    ProjectsSet,
    TosAccepted,
    WindowOpened,
)
from octant_contracts.values import Address, Hex, encode
from octant_protocol.messages import terms_of_service_text
from sqlalchemy import text

from .multisig_requests import (
    ALICE,
    IP,
    NOTHING,
    OTHER,
    SAFE,
    UNKNOWN,
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
    CHAIN_ID,
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

VECTORS = json.loads((Path(__file__).parents[3] / "tests/vectors/signatures.json").read_text())
SAFE_MESSAGES = VECTORS["safe_messages"]
OURS = [c for c in SAFE_MESSAGES if c["op_type"] == "tos" or c["chain_id"] == CHAIN_ID]


@pytest.mark.proves("GET /multisig-signatures/pending/{user_address}/type/{op_type}")
@pytest.mark.proves("POST /multisig-signatures/pending/{user_address}/type/{op_type}")
@pytest.mark.proves("PATCH /multisig-signatures/pending/approve")
async def test_terms__of_a_wallet_with_two_owners__are_accepted_when_both_have_signed(world):
    await world.announce(head_at(NOW))
    request = terms()
    assert await pending(world, "tos") == NOTHING
    proposed(world, request)
    await register(world, request)
    assert await pending(world, "tos") == PendingMultisig(
        message=terms_of_service_text(SAFE), hash=digest_of(request)
    )
    assert await pending(world, "allocation") == NOTHING
    await approve(world)
    assert (await pending(world, "tos")).hash == digest_of(request)
    assert (await world.caller.ask(CONSENT, OfUser(SAFE))).accepted is False
    confirmed(world, request)
    await approve(world)
    assert await pending(world, "tos") == NOTHING
    assert (await world.caller.ask(CONSENT, OfUser(SAFE))).accepted is True
    assert await world.events() == [
        MultisigChanged(user=SAFE, type="tos", status="pending"),
        TosAccepted(user=SAFE, time=NOW),
        MultisigChanged(user=SAFE, type="tos", status="approved"),
    ]
    question = world.wallet_questions[-1]
    assert (question.user, question.digest, question.signature) == (
        SAFE, digest_of(request), "0xab"
    )  # fmt: skip
    (row,) = await rows(world)
    assert (row["confirmed_signature"], row["ip"]) == ("0xab", None)
    (consent,) = (await world.stored())["consents"]
    assert consent[1] == IP
    assert not any(IP.encode() in encode(event) for event in await world.events())
    asked = len(world.safes.asked)
    await approve(world)
    assert len(world.safes.asked) == asked, "nothing waits, so nobody is asked"


async def test_allocation__of_a_wallet__is_granted_like_anybodys(world):
    await world.open_window({SAFE: BUDGET}, P)
    request = gift([(P[0], 5), (P[1], 0)])
    proposed(world, request)
    await register(world, request)
    shown = await pending(world, "allocation")
    assert shown.hash == digest_of(request)
    assert shown.message == (
        f'{{"payload":{{"allocations":[{{"proposalAddress":"{P[0].text}","amount":"5"}},'
        f'{{"proposalAddress":"{P[1].text}","amount":"0"}}],"nonce":0}},"isManuallyEdited":true}}'
    )
    await approve(world)
    assert await world.live() == {}
    confirmed(world, request)
    await approve(world)
    assert await pending(world, "allocation") == NOTHING
    assert await world.live() == {SAFE: [(P[0], 5), (P[1], 0)]}
    assert await world.nonce(SAFE) == 1
    (event,) = await world.events(Allocated)
    assert (event.user, event.nonce, event.is_manually_edited) == (SAFE, 0, True)
    assert await statuses(world) == [("allocation", "pending"), ("allocation", "approved")]


@pytest.mark.parametrize("case", OURS, ids=lambda case: case["id"])
async def test_message__of_the_golden_cases__is_stored_and_known_as_there(world, case):
    """The chain's and the service's hashes are the vectors'; the text and the digest are ours."""
    if case["op_type"] == "tos":
        request = terms(Address.parse(case["safe"]), case["message"])
    else:
        payload = payload_of(case["stored_message"])
        request = RegisterMultisig(
            user=Address.parse(case["safe"]), type="allocation", message=None,
            payload=payload, ip=IP,
        )  # fmt: skip
        projects = [a.project for a in payload.allocations]
        await world.open_window(
            {request.user: sum(a.amount for a in payload.allocations)}, projects
        )
        async with world.database.transaction("test") as connection:
            await connection.execute(
                text("UPDATE users SET next_nonce = :nonce"), {"nonce": int(payload.nonce)}
            )
    await world.announce(head_at(NOW))
    digest, known_by = Hex.parse(case["safe_msg_hash"]), Hex.parse(case["msg_hash"])
    world.safes.hashes[(request.user, digest)] = known_by
    world.safes.messages[known_by] = SafeMessage(
        safe=request.user, confirmations=0, prepared_signature=None
    )
    await register(world, request)
    assert await pending(world, case["op_type"], request.user) == PendingMultisig(
        message=case["stored_message"], hash=digest
    )


@pytest.mark.proves(
    "POST /multisig-signatures/pending/{user_address}/type/{op_type}",
    "InvalidMultisigSignatureRequest",
    "DuplicateConsent",
    "InvalidMultisigAddress",
    "UpstreamNotFound",
    "UpstreamTimeout",
    "UpstreamFailed",
)
async def test_terms__refused__in_the_order_of_the_checks(world):
    await world.announce(head_at(NOW))
    failed = "400 Given multisig signature request failed validation"
    payload = gift([]).payload
    for wrong in (
        terms(message="I agree"),
        terms(message=terms_of_service_text(SAFE) + "\n"),
        terms(message=terms_of_service_text(OTHER)),
        RegisterMultisig(user=SAFE, type="tos", message=None, payload=payload, ip=IP),
        RegisterMultisig(user=SAFE, type="allocation", message="{}", payload=None, ip=IP),
    ):
        assert await world.told(REGISTER_MULTISIG, wrong) == failed
    invalid = "403 Given multisig address is invalid"
    assert await world.told(REGISTER_MULTISIG, terms()) == invalid
    known_by = proposed(world, terms())
    message = world.safes.messages.pop(known_by)
    assert await world.told(REGISTER_MULTISIG, terms()) == UNKNOWN
    assert world.safes.asked.count("message") == 3
    world.safes.messages[known_by] = SafeMessage(
        safe=OTHER, confirmations=1, prepared_signature=None
    )
    assert await world.told(REGISTER_MULTISIG, terms()) == invalid
    world.safes.messages[known_by] = message
    for code, status in (("UpstreamTimeout", 504), ("UpstreamFailed", 502)):
        world.safes.trouble = Refusal(code)
        assert await world.told(REGISTER_MULTISIG, terms()) == (
            f"{status} Request to an external service failed."
        )
    world.safes.trouble = None
    await register(world, terms())
    confirmed(world, terms())
    await approve(world)
    asked = len(world.safes.asked)
    assert await world.told(REGISTER_MULTISIG, terms(message="I agree")) == failed
    assert await world.told(REGISTER_MULTISIG, terms()) == (
        f"400 Given user {SAFE.text} has already accepted the Terms of Service"
    )
    assert len(world.safes.asked) == asked, "outsiders are asked last"


@pytest.mark.proves(
    "POST /multisig-signatures/pending/{user_address}/type/{op_type}",
    "InvalidEpoch",
    "EmptyAllocations",
    "WrongAllocationsNonce",
    "EpochNotIndexed",
    "NotAllowedInPatronMode",
    "BudgetNotFound",
    "RewardsBudgetExceeded",
    "ProjectAllocationToSelf",
    "InvalidProjects",
    "DuplicatedProjects",
)
async def test_allocations__refused__in_the_order_of_the_checks(world):
    all_wrong = [(P[0], BUDGET), (OTHER, 1), (P[0], 1)]

    async def told(request: RegisterMultisig) -> str:
        return await world.told(REGISTER_MULTISIG, request)

    assert await told(gift([])) == "400 Given epoch is not valid."
    users = {SAFE: BUDGET, ALICE.address: BUDGET, P[0]: BUDGET}
    world.budgets[EPOCH] = budget_rows(users)
    await world.announce(
        head_at(NOW),
        ProjectsSet(block=block(NOW), epoch=EPOCH, projects=P, cid="Qm"),
        WindowOpened(epoch=EPOCH, opens_at=NOW, closes_at=CLOSES),
        snapshot(EPOCH, world.budgets[EPOCH]),
    )
    assert await told(gift([], 5)) == "400 Passed empty or zeroed allocations"
    assert await told(gift(all_wrong, 5)) == (
        "400 Attempt to use wrong value of nonce (5 instead of 0) when signing allocations"
    )
    assert await told(gift(all_wrong)) == "400 Epoch 1 has not yet been indexed in the Graph."
    await world.announce(epoch_started(EPOCH, 1000, 2000, DECISION_WINDOW))
    assert await world.set_patron_mode(ALICE.patron_mode(True)) is True
    assert await told(gift(all_wrong, safe=ALICE.address)) == (
        f"403 This action is not allowed in patron mode; user address: {ALICE.address.text}"
    )
    assert await told(gift(all_wrong, safe=OTHER)) == (
        f"404 User {OTHER.text} does not have a budget for epoch 1"
    )
    assert await told(gift(all_wrong)) == (
        "400 You cannot allocate more funds than your rewards budget."
    )
    small = [(p, 1) for p, _ in all_wrong]
    assert await told(gift(small, safe=P[0])) == (
        "400 You cannot allocate funds to your own project."
    )
    assert await told(gift(small)) == (
        f"400 The following projects are not valid: {{'{OTHER.text}'}}"
    )
    assert await told(gift([(P[0], 1), (P[0], 2)])) == (
        f"400 The following projects are duplicated in the payload: ['{P[0].text}', '{P[0].text}']"
    )
    assert world.safes.asked == []
    assert await told(gift([(P[0], 1)])) == "403 Given multisig address is invalid"


def test_allocation_texts__of_the_golden_cases__lead_back_to_themselves():
    stored = [c["stored_message"] for c in SAFE_MESSAGES if c["op_type"] == "allocation"]
    assert stored
    assert [text_of(payload_of(each)) for each in stored] == stored
