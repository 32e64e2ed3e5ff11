"""The outside systems, played: a test sets what they answer, and sees what they were asked."""

from dataclasses import dataclass, field

from octant_allocations.antisybil.model import Stamp
from octant_allocations.antisybil.provider import Passport
from octant_allocations.multisig.safe import SafeMessage
from octant_contracts.calls import FirstDeposit, OfUser, UserDepositUntil
from octant_contracts.errors import Refusal
from octant_contracts.values import Address, Hex, Wei


@dataclass
class Provider:
    """Scores by user; whoever is not in it fails."""

    passports: dict[Address, Passport | Exception] = field(default_factory=dict)
    asked: list[Address] = field(default_factory=list)

    def knows(self, user: Address, score: float, *stamps: tuple[str, int]) -> None:
        self.passports[user] = Passport(score, [Stamp(p, e) for p, e in stamps])

    async def passport(self, user: Address) -> Passport:
        self.asked.append(user)
        found = self.passports.get(user, Refusal("UpstreamTimeout"))
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class Safes:
    """Wallets and messages; `trouble` is raised instead of any answer."""

    hashes: dict[tuple[Address, Hex], Hex] = field(default_factory=dict)
    messages: dict[Hex, SafeMessage] = field(default_factory=dict)
    thresholds: dict[Address, int] = field(default_factory=dict)
    trouble: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def _note(self, what: str) -> None:
        self.asked.append(what)
        if self.trouble is not None:
            raise self.trouble

    async def message_hash(self, safe: Address, digest: Hex) -> Hex | None:
        self._note("message_hash")
        return self.hashes.get((safe, digest))

    async def message(self, message_hash: Hex) -> SafeMessage | None:
        self._note("message")
        return self.messages.get(message_hash)

    async def threshold(self, safe: Address) -> int | None:
        self._note("threshold")
        return self.thresholds.get(safe)


@dataclass
class Deposits:
    """What epochs answers about deposits."""

    until_now: dict[Address, int] = field(default_factory=dict)
    first: dict[Address, int] = field(default_factory=dict)
    trouble: Refusal | None = None

    async def user_deposit_until(self, request: OfUser) -> UserDepositUntil:
        if self.trouble is not None:
            raise self.trouble
        amount = Wei(self.until_now.get(request.user, 0))
        return UserDepositUntil(
            epoch=2, start=0, until=0, total_effective_deposit=amount, effective_deposit=amount
        )

    async def first_deposit(self, request: OfUser) -> FirstDeposit:
        if self.trouble is not None:
            raise self.trouble
        return FirstDeposit(self.first.get(request.user))
