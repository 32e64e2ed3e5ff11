"""Every knob of the service."""

from octant_chassis.settings import ChassisSettings, InvalidSettings, Secret

from octant_allocations.antisybil import lists
from octant_allocations.antisybil.model import Lists
from octant_allocations.delegation.model import Salts
from octant_allocations.quotients.model import Scale, parse_score

DEFAULT_SALT = "salt"
DEFAULT_SALT_PRIMARY = "salt_primary"


class Settings(ChassisSettings, frozen=True, kw_only=True):
    """Read from the environment, upper-case names."""

    max_uq_score: str = "1.0"
    """Uniqueness quotient of who reaches the threshold. Each of the three is frozen, as it is
    then, with a user's first allocation of an epoch."""
    low_uq_score: str = "0.01"
    """Uniqueness quotient of everybody else."""
    null_uq_score: str = "0.0"
    """Uniqueness quotient of users in time-out."""
    uq_threshold: float | None = None
    """Antisybil score that counts as one person; unset: 15 on chain id 1, 5 elsewhere."""
    guest_list: str | None = None
    """Addresses that get a bonus, with commas or blanks between them; unset: the chain's own."""
    timeout_list: str | None = None
    """Addresses that count for nothing; unset: the chain's own."""
    delegation_salt: Secret = Secret(DEFAULT_SALT)
    """Of the hashes of those who give their score away; the default is refused on chain id 1."""
    delegation_salt_primary: Secret = Secret(DEFAULT_SALT_PRIMARY)
    """Of the hashes of those who get it; the default is refused on chain id 1."""
    score_provider_timeout: float = 15.0
    """Seconds the score provider gets, all in all; less than the deadline of a call."""
    score_refresh_pause: float = 10.0
    """Seconds in which a user's score is not fetched again."""
    multisig_interval: float = 5.0
    """Seconds between looks for signatures of contract wallets' owners."""
    multisig_patience_days: float = 30.0
    """Days after which an unsigned request fails."""
    ip_retention_days: float | None = None
    """Days that an accepted consent keeps its IP address; unset: for ever."""
    # Chain-sync gives the node two attempts of 1.8 s and a pause of up to 0.2 s: its refusal, that
    # the node failed, must come before we conclude that chain-sync does not answer.
    signature_check_timeout: float = 4.5
    """Seconds chain-sync gets to ask a contract wallet; less than the deadline of a call."""

    @property
    def lists(self) -> Lists:
        guests, timeouts = self.guest_list, self.timeout_list
        return Lists(
            guests=lists.guests_of(self.chain_id) if guests is None else lists.parse(guests),
            timeouts=lists.timeouts_of(self.chain_id)
            if timeouts is None
            else lists.parse(timeouts),
        )

    @property
    def scale(self) -> Scale:
        threshold = 15.0 if self.chain_id == lists.MAINNET else 5.0
        return Scale(
            lists=self.lists,
            threshold=threshold if self.uq_threshold is None else self.uq_threshold,
            highest=parse_score(self.max_uq_score),
            low=parse_score(self.low_uq_score),
            nothing=parse_score(self.null_uq_score),
        )

    @property
    def salts(self) -> Salts:
        return Salts(self.delegation_salt_primary.reveal(), self.delegation_salt.reveal())


def validate(settings: Settings) -> None:
    """Raises InvalidSettings."""
    for name in ("guest_list", "timeout_list"):
        try:
            lists.parse(getattr(settings, name) or "")
        except ValueError as error:
            raise InvalidSettings(f"{name.upper()}: {error}") from None
    for name in ("max_uq_score", "low_uq_score", "null_uq_score"):
        try:
            parse_score(getattr(settings, name))
        except ValueError as error:
            raise InvalidSettings(f"{name.upper()}: {error}") from None
    if settings.chain_id == lists.MAINNET:
        for name, default in (
            ("delegation_salt", DEFAULT_SALT),
            ("delegation_salt_primary", DEFAULT_SALT_PRIMARY),
        ):
            if getattr(settings, name).reveal() in ("", default):
                raise InvalidSettings(f"{name.upper()} must be set on chain id 1")
