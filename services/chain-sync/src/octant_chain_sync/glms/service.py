"""The one-time gift of GLM: who signs a claim is queued for a payout."""

from octant_chassis.database import Database
from octant_chassis.telemetry import log
from octant_contracts.calls import ClaimableGlm, ClaimGlm, Nothing, OfUser
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Wei
from octant_protocol.messages import glm_claim_text
from octant_protocol.signatures import MalformedSignature, glm_claim_digest, recover

from octant_chain_sync.glms import repository
from octant_chain_sync.settings import Settings

NONCES = "glm-claim-nonces"


async def claim(database: Database, settings: Settings, request: ClaimGlm) -> Nothing:
    """Queues the signer's payout with the next nonce of the paying account.

    Refusals: GlmClaimDisabled, InvalidSignature when no signer can be recovered,
    NotEligibleToClaimGLM, GlmClaimed.
    """
    _require_enabled(settings)
    user = _signer(settings, request.signature)
    async with database.transaction("claim-glm") as connection:
        found = await repository.find(connection, user, lock=True)
        if found is None:
            raise Refusal("NotEligibleToClaimGLM", user=user)
        if found.is_claimed:
            raise Refusal("GlmClaimed", user=user)
        highest = await repository.highest_nonce(connection, database.lock_key(NONCES))
        nonce = settings.glm_sender_nonce if highest is None else highest + 1
        await repository.queue(connection, user, nonce)
    log.info("GLM claimed", user=user.text, nonce=nonce)
    return Nothing()


async def claimable(database: Database, settings: Settings, request: OfUser) -> ClaimableGlm:
    """What the user may claim now. Refusals: GlmClaimDisabled, NotEligibleToClaimGLM."""
    _require_enabled(settings)
    async with database.reading() as connection:
        found = await repository.find(connection, request.user)
    if found is None:
        raise Refusal("NotEligibleToClaimGLM", user=request.user)
    amount = 0 if found.is_claimed else settings.glm_withdrawal_amount
    return ClaimableGlm(address=request.user, claimable=Wei(amount))


def _require_enabled(settings: Settings) -> None:
    if not settings.glm_claim_enabled:
        raise Refusal("GlmClaimDisabled")


def _signer(settings: Settings, signature: str) -> Address:
    text = glm_claim_text(settings.glm_withdrawal_amount)
    try:
        return Address(recover(glm_claim_digest(settings.chain_id, text), signature))
    except MalformedSignature:
        raise Refusal("InvalidSignature", signature=signature, user="unknown") from None
