"""Every knob of the service."""

from decimal import Decimal

from octant_chassis.settings import ChassisSettings


class Settings(ChassisSettings, frozen=True, kw_only=True):
    """Read from the environment, upper-case names."""

    low_uq_score: Decimal = Decimal("0.01")
    """Uniqueness quotient of a user whose score of the epoch nobody set."""
    signature_check_timeout: float = 3.0
    """Seconds chain-sync gets to ask a contract wallet; less than the deadline of a call."""
