"""A delegation as it is stored: salted hashes that tell who only to those who know whom to ask."""

from collections.abc import Sequence
from itertools import permutations

import msgspec
from octant_contracts.values import Address
from octant_protocol.messages import DelegationHashes, delegation_hashes

MINIMUM_SCORE = 15.0  # of the secondary, on every chain


class Salts(msgspec.Struct, frozen=True):
    """Secrets: they do not show in its text."""

    primary: str
    secondary: str

    def __repr__(self) -> str:
        return "Salts(***)"

    def hashes(self, primary: Address, secondary: Address) -> DelegationHashes:
        return delegation_hashes(
            primary, secondary, primary_salt=self.primary, secondary_salt=self.secondary
        )

    def of_one(self, user: Address) -> tuple[str, str]:
        """The user's hash as a primary and as a secondary."""
        hashes = self.hashes(user, user)
        return hashes.primary, hashes.secondary

    def of_pairs(self, users: Sequence[Address]) -> dict[str, tuple[Address, Address]]:
        """Hash → (primary, secondary) of every ordered pair, first users first."""
        return {self.hashes(*pair).both: pair for pair in permutations(users, 2)}
