"""People, blocks and the books of the neighbours, kept apart from the service's own tables."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from octant_contracts.calls import SettledDeposit
from octant_contracts.events import (
    Allocated,
    AllocationItem,
    AllocationsSealed,
    DepositsSettled,
    EpochPropsSet,
    MerkleRootSet,
    PatronModeSet,
    UqScoreSet,
    Withdrawn,
)
from octant_contracts.seals import allocations_digest, deposits_digest, patrons_digest
from octant_contracts.values import Address, BlockRef, Hex, Wei
from octant_protocol.finalization import (
    Finalization,
    PendingAmounts,
    finalize,
)
from octant_protocol.funding import AllocationRow
from octant_protocol.proceeds import split_proceeds, user_budget
from octant_protocol.rules import EPOCH_4

GLM = ETH = 10**18
START, DURATION, WINDOW = 1_700_000_000, 1_000, 200


def user(number: int) -> Address:
    return Address(hashlib.sha256(b"user %d" % number).digest()[:20])


def project(number: int) -> Address:
    return Address(hashlib.sha256(b"project %d" % number).digest()[:20])


PROJECTS = [project(n) for n in range(6)]


def block(number: int, timestamp: int = START) -> BlockRef:
    return BlockRef(number=number, hash=Hex(number.to_bytes(32, "big")), timestamp=timestamp)


def end_of(epoch: int) -> int:
    return START + epoch * DURATION


def calendar() -> EpochPropsSet:
    return EpochPropsSet(
        block=block(1),
        index=0,
        from_epoch=1,
        to_epoch=0,
        from_ts=START,
        duration=DURATION,
        decision_window=WINDOW,
    )


def root_set(epoch: int, root: Hex, number: int) -> MerkleRootSet:
    return MerkleRootSet(
        block=block(number), log_index=0, transaction_hash=Hex(bytes(32)), epoch=epoch, root=root
    )


def withdrawn(who: Address, epoch: int, amount: int, number: int) -> Withdrawn:
    return Withdrawn(
        block=block(number),
        log_index=1,
        transaction_hash=Hex(bytes(32)),
        user=who,
        amount=Wei(amount),
        epoch=epoch,
    )


def deposit_rows(effective: Mapping[Address, int]) -> list[SettledDeposit]:
    """As epochs lists them: ascending address bytes."""
    return [
        SettledDeposit(user=who, effective_deposit=Wei(amount), end_balance=Wei(amount))
        for who, amount in sorted(effective.items())
    ]


def settled(epoch: int, rows: Sequence[SettledDeposit]) -> DepositsSettled:
    return DepositsSettled(
        epoch=epoch,
        start=end_of(epoch) - DURATION,
        end=end_of(epoch),
        finalized_at=end_of(epoch) + WINDOW,
        to_block=block(1, end_of(epoch) + 1),
        total_effective_deposit=Wei(sum(row.effective_deposit for row in rows)),
        count=len(rows),
        digest=deposits_digest((r.user, r.effective_deposit, r.end_balance) for r in rows),
    )


def expected_budgets(proceeds: int, effective: Mapping[Address, int]) -> dict[Address, int]:
    """Budgets above zero, in EIP-55 order."""
    total = sum(effective.values())
    split = split_proceeds(proceeds, total, EPOCH_4)
    budgets = {
        who: user_budget(deposit, total, split.vanilla_individual_rewards, split.ppf, EPOCH_4)
        for who, deposit in effective.items()
    }
    return {who: budgets[who] for who in sorted(budgets, key=lambda w: w.text) if budgets[who]}


@dataclass
class Ledger:
    """What the allocations service has on its books, and the events it would announce."""

    sequence: int = 0
    live: dict[tuple[int, Address], tuple[Allocated, Decimal]] = field(default_factory=dict)
    """The set that counts, and the score that weighs it."""
    patron_events: list[PatronModeSet] = field(default_factory=list)

    def _next(self) -> int:
        self.sequence += 1
        return self.sequence

    def allocate(
        self, epoch: int, who: Address, gifts: Mapping[Address, int], uq: str = "1.0"
    ) -> Allocated:
        event = Allocated(
            sequence=self._next(),
            epoch=epoch,
            user=who,
            nonce=7 * self.sequence,
            time=end_of(epoch) + 10,
            uniqueness_quotient=Decimal(uq),
            is_manually_edited=False,
            allocations=[AllocationItem(project=p, amount=Wei(a)) for p, a in gifts.items()],
        )
        self.live[epoch, who] = event, Decimal(uq)
        return event

    def score(self, epoch: int, who: Address, uq: str) -> UqScoreSet:
        if (epoch, who) in self.live:
            self.live[epoch, who] = self.live[epoch, who][0], Decimal(uq)
        return UqScoreSet(epoch=epoch, user=who, score=Decimal(uq))

    def patron(
        self, who: Address, enabled: bool, time: int, revoked_epoch: int | None = None
    ) -> PatronModeSet:
        if revoked_epoch is not None:
            self.live.pop((revoked_epoch, who), None)
        event = PatronModeSet(
            sequence=self._next(),
            user=who,
            enabled=enabled,
            time=time,
            revoked_epoch=revoked_epoch,
        )
        self.patron_events.append(event)
        return event

    def _in_order(self, epoch: int) -> list[tuple[Allocated, AllocationItem, Decimal]]:
        sets = sorted(
            (live for (of, _), live in self.live.items() if of == epoch),
            key=lambda live: live[0].sequence,
        )
        return [(event, item, uq) for event, uq in sets for item in event.allocations]

    def rows(self, epoch: int) -> list[AllocationRow]:
        """Live rows in summation order."""
        return [
            AllocationRow(item.project, item.amount, uq, event.user)
            for event, item, uq in self._in_order(epoch)
        ]

    def patrons(self, epoch: int) -> list[Address]:
        """Of two switches in one second the later one counts."""
        until = end_of(epoch) + WINDOW
        switches = sorted(self.patron_events, key=lambda e: (e.time, e.sequence))
        state = {e.user: e.enabled for e in switches if e.time <= until}
        return sorted(who for who, enabled in state.items() if enabled)

    def seal(self, epoch: int) -> AllocationsSealed:
        rows = [
            (event.sequence, event.user, item.project, item.amount, uq, event.nonce)
            for event, item, uq in self._in_order(epoch)
        ]
        patrons = self.patrons(epoch)
        return AllocationsSealed(
            epoch=epoch,
            last_sequence=self.sequence,
            count=len(rows),
            digest=allocations_digest(rows),
            patrons_count=len(patrons),
            patrons_digest=patrons_digest(patrons),
        )

    def finalization(
        self, epoch: int, proceeds: int, effective: Mapping[Address, int]
    ) -> Finalization:
        """The epoch recomputed from these books alone."""
        split = split_proceeds(proceeds, sum(effective.values()), EPOCH_4)
        return finalize(
            pending=PendingAmounts(
                proceeds=proceeds,
                locked_ratio=split.locked_ratio,
                operational_cost=split.operational_cost,
                ppf=split.ppf,
                community_fund=split.community_fund,
            ),
            budgets={bytes(u): b for u, b in expected_budgets(proceeds, effective).items()},
            patrons=self.patrons(epoch),
            rows=self.rows(epoch),
            projects=PROJECTS,
            rules=EPOCH_4,
        )
