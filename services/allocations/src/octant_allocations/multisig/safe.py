"""Contract wallets with several owners, and the outside service that collects signatures."""

from typing import Protocol

import msgspec
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Hex


class SafeMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the service knows it: whose it is, who has signed, all signatures joined."""

    safe: Address
    confirmations: int
    prepared_signature: str | None


class Safes(Protocol):
    """Whatever keeps them from answering is the Refusal UpstreamFailed or UpstreamTimeout."""

    async def message_hash(self, safe: Address, digest: Hex) -> Hex | None:
        """What the wallet makes of a digest, the service's key. None: no such wallet."""

    async def message(self, message_hash: Hex) -> SafeMessage | None:
        """None while the service does not know it."""

    async def threshold(self, safe: Address) -> int | None:
        """How many owners have to sign. None: the service does not know the wallet."""


class NotConfigured:
    """Stands where no service is."""

    async def message_hash(self, safe: Address, digest: Hex) -> Hex | None:
        raise _not_configured()

    async def message(self, message_hash: Hex) -> SafeMessage | None:
        raise _not_configured()

    async def threshold(self, safe: Address) -> int | None:
        raise _not_configured()


NOT_CONFIGURED: Safes = NotConfigured()


def _not_configured() -> Refusal:
    return Refusal("ServiceUnavailable", service="Safe transaction")
