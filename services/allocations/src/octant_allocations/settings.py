"""Every knob of the service."""

from decimal import Decimal

from octant_chassis.settings import ChassisSettings


class Settings(ChassisSettings, frozen=True, kw_only=True):
    """Read from the environment, upper-case names."""

    low_uq_score: Decimal = Decimal("0.01")
    """Uniqueness quotient of a user whose score of the epoch nobody set."""
    # Chain-sync gives the node two attempts of 1.8 s and a pause of up to 0.2 s: its refusal, that
    # the node failed, must come before we conclude that chain-sync does not answer.
    signature_check_timeout: float = 4.5
    """Seconds chain-sync gets to ask a contract wallet; less than the deadline of a call."""
