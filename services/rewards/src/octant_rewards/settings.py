"""Every knob of the rewards service."""

from decimal import Decimal
from typing import Literal

from octant_chassis.settings import ChassisSettings
from octant_protocol.rules import MatchingPercents


class Settings(ChassisSettings, frozen=True, kw_only=True):
    """Read from the environment by the upper-case names."""

    snapshots: Literal["auto", "manual"] = "auto"
    """auto: every snapshot is taken as soon as its inputs are sealed; manual: on request."""
    snapshot_patience: float = 10.0
    """Seconds a request for a snapshot waits for its inputs before it is refused."""
    tr_percent: Decimal = Decimal("0.7")
    ire_percent: Decimal = Decimal("0.35")
    matched_rewards_percent: Decimal = Decimal("0.35")

    @property
    def percents(self) -> MatchingPercents:
        return MatchingPercents(self.tr_percent, self.ire_percent, self.matched_rewards_percent)
