"""Who signed? The key when it can be recovered, else the chain is asked about the wallet."""

from octant_chassis.calls import Caller
from octant_contracts.calls import CHECK_CONTRACT_SIGNATURE, AllocateRequest, SignatureCheck
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Hex
from octant_protocol.messages import delegation_text, patron_mode_text, terms_of_service_text
from octant_protocol.signatures import (
    MalformedSignature,
    allocation_digest,
    personal_digest,
    recover,
)
from octant_protocol.wallets import wallet_signature

# Whether the signature is valid, or why that is not known.
Verification = bool | Refusal

_UPSTREAM = ("ServiceUnavailable", "UpstreamFailed", "UpstreamTimeout")


def digest_of_allocation(chain_id: int, request: AllocateRequest) -> bytes | None:
    """What must have been signed; None when the numbers do not fit the signed types."""
    try:
        return allocation_digest(
            chain_id, [(bytes(a.project), a.amount) for a in request.allocations], request.nonce
        )
    except OverflowError:
        return None


def digest_of_patron_mode(user: Address, enable: bool) -> bytes:
    return personal_digest(patron_mode_text(user, enable))


def digest_of_terms(user: Address) -> bytes:
    return personal_digest(terms_of_service_text(user))


def digest_of_delegation(primary: Address, secondary: Address) -> bytes:
    """Both sign it."""
    return personal_digest(delegation_text(primary, secondary))


class Verifier:
    """Verifies signatures. Never call it inside a transaction: it may ask the chain."""

    def __init__(self, caller: Caller, timeout: float) -> None:
        self._caller = caller
        self._timeout = timeout

    async def verify(self, user: Address, digest: bytes | None, signature: str) -> Verification:
        """True or False, or the Refusal of a chain that did not answer."""
        if digest is None:
            return False
        try:
            if recover(digest, signature) == user:
                return True
        except MalformedSignature:
            pass
        try:
            wallet_signature(signature)
        except MalformedSignature:
            return False
        question = SignatureCheck(user=user, digest=Hex(digest), signature=signature)
        try:
            verdict = await self._caller.ask(
                CHECK_CONTRACT_SIGNATURE, question, timeout=self._timeout
            )
        except Refusal as refusal:
            return refusal if refusal.code in _UPSTREAM else Refusal("UpstreamFailed")
        return verdict.valid


def require(verification: Verification, user: Address, signature: str) -> None:
    """Raises InvalidSignature, or what kept the chain from answering."""
    if isinstance(verification, Refusal):
        raise verification
    if not verification:
        raise Refusal("InvalidSignature", signature=signature, user=user)
