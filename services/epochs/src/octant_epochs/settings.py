"""The knobs of the epochs service: those of the chassis; the calendar itself is on the chain."""

from octant_chassis.settings import ChassisSettings


class Settings(ChassisSettings, frozen=True, kw_only=True):
    """Everything the service reads from its environment."""
