"""The texts people sign, and the hashes kept of a score delegation."""

import hashlib
from dataclasses import dataclass

from octant_protocol.address import eip55


def terms_of_service_text(address: bytes) -> str:
    """Consent to the terms of service, six line feeds."""
    return (
        "Welcome to Octant.\n"
        "Please click to sign in and accept the Octant Terms of Service.\n"
        "\n"
        "Signing this message will not trigger a transaction.\n"
        "\n"
        "Your address\n"
        f"{eip55(address)}"
    )


def patron_mode_text(address: bytes, enable: bool) -> str:
    """Request to switch patron mode on (`enable`) or off."""
    verb = "enable" if enable else "disable"
    return f"Signing this message will {verb} patron mode for address {eip55(address)}."


def delegation_text(primary: bytes, secondary: bytes) -> str:
    """The secondary's consent to give its score to the primary; both sign it."""
    return f"Delegation of UQ score from {eip55(secondary)} to {eip55(primary)}"


def glm_claim_text(amount: int) -> str:
    """Message of a GLM claim; `amount` in wei, whole GLM are shown, divided as doubles."""
    return f"Claim {int(amount / 10**18)} GLMs"


@dataclass(frozen=True, slots=True)
class DelegationHashes:
    """Bare lower-case SHA-256 hex, the only thing stored about a delegation."""

    primary: str
    secondary: str
    both: str


def delegation_hashes(
    primary: bytes, secondary: bytes, *, primary_salt: str, secondary_salt: str
) -> DelegationHashes:
    """Salted hashes of a delegation's two addresses. Source: score delegation."""
    primary_part = primary_salt + eip55(primary)
    secondary_part = secondary_salt + eip55(secondary)
    return DelegationHashes(
        _sha256(primary_part),
        _sha256(secondary_part),
        _sha256(primary_part + secondary_part),
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
