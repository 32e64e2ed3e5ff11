"""Claims of the one-time gift: who may, who may not, and in which order they are paid."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from octant_chain_sync.glms.service import claim, claimable
from octant_chain_sync.tables import epoch_zero_claims
from octant_contracts.calls import ClaimGlm, OfUser
from octant_contracts.errors import Refusal
from octant_contracts.values import Address
from sqlalchemy import insert, select

CLAIM = "POST /glms/claim"
CHECK = "GET /glms/claim/{user_address}/check"
VECTORS = Path(__file__).parents[3] / "tests" / "vectors" / "signatures.json"
CASES = json.loads(VECTORS.read_text())["glm_claim_eip712"]
# Signed by the first two accounts of the well-known development mnemonic, chain 11155111.
ALICE = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
BY_ALICE = (
    "0xe15f64350e7cda9145144f7540775cf875cf19c323ccb17b79846eb6d6da98aa"
    "47299965cdfc16a81a378ef7bfd89752104188a2cbadb62ff447424be617854c1b"
)
BOB = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BY_BOB = (
    "0xbc0da5deb63cc8c1c4eb62a3fd48d84cc967955f01caa8e90f8a4bb5ea787ab2"
    "539001f4f9067a38974e55c6995bbd7522614d4171bac8e0e07566f1976a3c3e1b"
)


@pytest.fixture
def enabled(settings):
    return msgspec.structs.replace(settings, chain_id=11155111, glm_claim_enabled=True)


async def make_eligible(database, *people: str) -> None:
    async with database.transaction("test") as connection:
        await connection.execute(
            insert(epoch_zero_claims), [{"address": Address.parse(p)} for p in people]
        )


async def rows(database) -> dict[str, tuple[int, str]]:
    """Nonce and status of who has claimed."""
    async with database.engine.connect() as connection:
        found = await connection.execute(
            select(epoch_zero_claims).where(epoch_zero_claims.c.status.is_not(None))
        )
        return {row.address.text: (row.claim_nonce, row.status) for row in found}


async def refusal(awaitable) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await awaitable
    return refused.value


def signed(key: str, chain_id: int, text: str) -> str:
    """By an implementation of EIP-712 that is not ours."""
    message = encode_typed_data(
        domain_data={"name": "Octant", "version": "1.0.0", "chainId": chain_id},
        message_types={"ClaimGLMPayload": [{"name": "msg", "type": "string"}]},
        message_data={"msg": text},
    )
    return Account.sign_message(message, key).signature.to_0x_hex()


@pytest.mark.proves(CLAIM)
@pytest.mark.proves(CHECK)
async def test_claim__of_two_people_in_turn__gets_the_next_nonces(database, enabled):
    await make_eligible(database, ALICE, BOB)
    for place, (user, signature) in enumerate([(ALICE, BY_ALICE), (BOB, BY_BOB[2:].upper())]):
        request = OfUser(Address.parse(user))
        before = await claimable(database, enabled, request)
        assert (before.address.text, before.claimable) == (user, 1000 * 10**18)
        await claim(database, enabled, ClaimGlm(signature))
        after = await claimable(database, enabled, request)
        assert (after.address.text, after.claimable) == (user, 0)
        assert (await rows(database))[user] == (place, "queued")


async def test_claim__with_a_first_nonce_configured__counts_from_there(database, enabled):
    await make_eligible(database, ALICE, BOB)
    later = msgspec.structs.replace(enabled, glm_sender_nonce=7)
    await claim(database, later, ClaimGlm(BY_BOB))
    # The configured one is only the first.
    await claim(database, enabled, ClaimGlm(BY_ALICE))
    assert await rows(database) == {BOB: (7, "queued"), ALICE: (8, "queued")}


@pytest.mark.proves(CLAIM, "GlmClaimed")
async def test_claim__a_second_time__is_refused(database, enabled):
    await make_eligible(database, ALICE)
    await claim(database, enabled, ClaimGlm(BY_ALICE))
    refused = await refusal(claim(database, enabled, ClaimGlm(BY_ALICE)))
    assert (refused.code, refused.details) == ("GlmClaimed", {"user": ALICE})
    assert await rows(database) == {ALICE: (0, "queued")}


@pytest.mark.proves(CLAIM, "NotEligibleToClaimGLM")
@pytest.mark.proves(CHECK, "NotEligibleToClaimGLM")
async def test_claim_or_check__of_somebody_else__is_refused(database, enabled):
    refused = await refusal(claim(database, enabled, ClaimGlm(BY_ALICE)))
    assert (refused.code, refused.details) == ("NotEligibleToClaimGLM", {"user": ALICE})
    refused = await refusal(claimable(database, enabled, OfUser(Address.parse(BOB))))
    assert (refused.code, refused.details) == ("NotEligibleToClaimGLM", {"user": BOB})


async def test_claim__signed_for_another_chain_or_amount__is_somebody_elses(database, enabled):
    await make_eligible(database, ALICE)
    for changes in ({"chain_id": 1}, {"glm_withdrawal_amount": 999 * 10**18}):
        other = msgspec.structs.replace(enabled, **changes)
        refused = await refusal(claim(database, other, ClaimGlm(BY_ALICE)))
        assert refused.code == "NotEligibleToClaimGLM"
        assert refused.details["user"] != ALICE
    assert await rows(database) == {}


MALFORMED = ["", "0x", "0x12", "zz" * 65, BY_ALICE[:-2], BY_ALICE + "00", BY_ALICE[:-2] + "05",
             "0x" + "00" * 65, "0x" + "ff" * 65, BY_ALICE + "\n"]  # fmt: skip


@pytest.mark.parametrize("signature", MALFORMED, ids=range(len(MALFORMED)))
async def test_claim__with_a_malformed_signature__names_nobody(database, enabled, signature):
    refused = await refusal(claim(database, enabled, ClaimGlm(signature)))
    assert refused.code == "InvalidSignature"
    assert refused.details == {"signature": signature, "user": "unknown"}


@pytest.mark.proves(CLAIM, "GlmClaimDisabled")
@pytest.mark.proves(CHECK, "GlmClaimDisabled")
async def test_claim_or_check__while_disabled__says_so_first(database, settings):
    await make_eligible(database, ALICE)
    assert settings.glm_claim_enabled is False
    for attempt in (
        claim(database, settings, ClaimGlm(BY_ALICE)),
        claim(database, settings, ClaimGlm("")),
        claimable(database, settings, OfUser(Address.parse(ALICE))),
        claimable(database, settings, OfUser(Address.parse(BOB))),
    ):
        assert (await refusal(attempt)).code == "GlmClaimDisabled"
    assert await rows(database) == {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
async def test_claim__of_every_vector__is_its_signers(database, enabled, case):
    await make_eligible(database, case["address"])
    there = msgspec.structs.replace(
        enabled,
        chain_id=case["chain_id"],
        glm_withdrawal_amount=int(case["glm_withdrawal_amount_wei"]),
    )
    await claim(database, there, ClaimGlm(case["signature"]))
    assert await rows(database) == {case["address"]: (0, "queued")}


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (1000 * 10**18, "Claim 1000 GLMs"),
        (5 * 10**17, "Claim 0 GLMs"),
        (1999999 * 10**15, "Claim 1999 GLMs"),
        (10**21 - 1, "Claim 1000 GLMs"),  # divided as doubles
    ],
)
async def test_claim__of_any_amount__is_signed_as_whole_glm(database, enabled, amount, text):
    key = "0x" + "17" * 32
    user = Account.from_key(key).address
    await make_eligible(database, user)
    there = msgspec.structs.replace(enabled, glm_withdrawal_amount=amount)
    await claim(database, there, ClaimGlm(signed(key, 11155111, text)))
    assert list(await rows(database)) == [user]


async def test_claims__of_many_at_once__get_different_nonces_without_gaps(database, enabled):
    keys = ["0x" + f"{n:064x}" for n in range(1, 11)]
    people = [Account.from_key(key).address for key in keys]
    await make_eligible(database, *people)
    signatures = [signed(key, 11155111, "Claim 1000 GLMs") for key in keys]
    outcomes = await asyncio.gather(
        *(claim(database, enabled, ClaimGlm(s)) for s in signatures * 2), return_exceptions=True
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [getattr(r, "code", r) for r in refused] == ["GlmClaimed"] * len(people)
    claimed = await rows(database)
    assert sorted(nonce for nonce, _ in claimed.values()) == list(range(len(people)))
    assert set(claimed) == set(people)
