"""An epoch computed anew: what the services store as facts, and the rules of the protocol.

Facts are the chain's logs and lists as chain-sync keeps them, the requests, switches and scores
that allocations keeps, and the balance of a block that the node knows. What the services
concluded from them (live rows, deposits, budgets, sums) is not looked at.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from octant_devnet.world import World
from octant_protocol.address import eip55
from octant_protocol.calendar import EpochBounds, EpochProps, bounds
from octant_protocol.deposits import DepositEvent, EffectiveDeposit, ratio_text
from octant_protocol.digests import digest_rows
from octant_protocol.finalization import Finalization, PendingAmounts, finalize
from octant_protocol.funding import AllocationRow
from octant_protocol.pending import PendingSnapshot, deposits_of_all, pending_snapshot
from octant_protocol.rules import Rules, live_rules_for

from laws.support import rows

GRACE_PERIOD = 900
Row = dict[str, Any]


@dataclass(frozen=True)
class Live:
    """One row that counts."""

    sequence: int
    nonce: int
    user: bytes
    project: bytes
    amount: int
    uq: Decimal


class Epoch:
    """What must be stored of an epoch whose snapshots were taken at the given blocks."""

    def __init__(self, world: World, number: int) -> None:
        self.world, self.number = world, number
        self.rules: Rules = live_rules_for(number)

    @cached_property
    def span(self) -> EpochBounds:
        found = rows(
            self.world,
            "SELECT index, from_epoch, to_epoch, from_ts, duration, decision_window "
            "FROM chain_sync.epoch_props ORDER BY index",
        )
        return bounds([EpochProps(*row) for row in found], self.number)

    @cached_property
    def deposits(self) -> dict[bytes, EffectiveDeposit]:
        opening: dict[bytes, int] = {}
        if self.number > 1:
            before = Epoch(self.world, self.number - 1).deposits
            opening = {user: deposit.end_balance for user, deposit in before.items()}
        events: dict[bytes, list[DepositEvent]] = defaultdict(list)
        for row in rows(
            self.world,
            "SELECT * FROM chain_sync.deposit_facts WHERE timestamp >= $1 AND timestamp < $2 "
            "ORDER BY block_number, log_index",
            self.span.start,
            self.span.end,
        ):
            event = DepositEvent(row["kind"], row["timestamp"], int(row["amount"]), "Octant")
            events[row["user"]].append(event)
        return deposits_of_all(
            start=self.span.start,
            end=self.span.end,
            opening=opening,
            events=events,
            grace_period=GRACE_PERIOD,
            rules=self.rules,
        )

    def pending(self, block: int) -> PendingSnapshot:
        """With the proceeds of a block."""
        target = self.world.deployment.withdrawals_target
        proceeds = int(self.world.chain.rpc("eth_getBalance", target, hex(block)), 16)
        return pending_snapshot(proceeds=proceeds, deposits=self.deposits, rules=self.rules)

    @cached_property
    def live(self) -> list[Live]:
        """The last request of each user that no switch of patron mode followed, in order."""
        scores = {
            row["user"]: row["score"]
            for row in rows(
                self.world,
                "SELECT * FROM allocations.uniqueness_quotients WHERE epoch = $1",
                self.number,
            )
        }
        found = rows(
            self.world,
            'SELECT r.sequence, r.nonce, r."user", a.project, a.amount '
            "FROM allocations.requests r JOIN allocations.allocations a USING (sequence) "
            "WHERE r.epoch = $1 ORDER BY r.sequence, a.place",
            self.number,
        )
        newest = {row["user"]: row["sequence"] for row in found}
        ended = {
            row["user"]: row["sequence"]
            for row in self._switches
            if row["revoked_epoch"] == self.number
        }
        return [
            Live(
                row["sequence"], row["nonce"], row["user"], row["project"], int(row["amount"]),
                scores[row["user"]],
            )
            for row in found
            if row["sequence"] == newest[row["user"]] > ended.get(row["user"], 0)
        ]  # fmt: skip

    @cached_property
    def patrons(self) -> list[bytes]:
        """Ascending; of two switches in one second the later one counts."""
        switches = sorted(self._switches, key=lambda row: (row["time"], row["sequence"]))
        state = {
            row["user"]: row["enabled"] for row in switches if row["time"] <= self.span.finalized_at
        }
        return sorted(user for user, enabled in state.items() if enabled)

    @cached_property
    def _switches(self) -> list[Any]:
        return rows(self.world, "SELECT * FROM allocations.patron_events ORDER BY sequence")

    @cached_property
    def projects(self) -> list[bytes]:
        (row,) = rows(
            self.world, "SELECT addresses FROM chain_sync.projects WHERE epoch = $1", self.number
        )
        return list(row["addresses"])

    def finalization(self, snapshot: PendingSnapshot) -> Finalization:
        split = snapshot.split
        return finalize(
            pending=PendingAmounts(
                proceeds=snapshot.proceeds,
                locked_ratio=split.locked_ratio,
                operational_cost=split.operational_cost,
                ppf=split.ppf,
                community_fund=split.community_fund,
                total_rewards=split.total_rewards,
                vanilla_individual_rewards=split.vanilla_individual_rewards,
            ),
            budgets=snapshot.budgets,
            patrons=self.patrons,
            rows=[AllocationRow(row.project, row.amount, row.uq, row.user) for row in self.live],
            projects=self.projects,
            rules=self.rules,
        )

    @property
    def allocations_digest(self) -> str:
        return digest_rows(
            (row.sequence, row.user, row.project, row.amount, f"{row.uq:f}", row.nonce)
            for row in self.live
        )

    @property
    def patrons_digest(self) -> str:
        return digest_rows((patron,) for patron in self.patrons)

    def pending_row(self, snapshot: PendingSnapshot) -> Row:
        """Every column but the block's."""
        split = snapshot.split
        return {
            "epoch": self.number,
            "rules": self.rules.name,
            "deposits_digest": digest_rows(
                (user, deposit.effective, deposit.end_balance)
                for user, deposit in sorted(self.deposits.items())
            ),
            "finalized_at": self.span.finalized_at,
            "staking_proceeds": snapshot.proceeds,
            "total_effective_deposit": snapshot.total_effective_deposit,
            "locked_ratio": ratio_text(split.locked_ratio),
            "total_rewards": split.total_rewards,
            "vanilla_individual_rewards": split.vanilla_individual_rewards,
            "operational_cost": split.operational_cost,
            "ppf": split.ppf or 0,
            "community_fund": split.community_fund or 0,
            "budgets_count": len(snapshot.budgets),
            "budgets_digest": digest_rows(_by_address(snapshot.budgets.items())),
        }

    def budget_rows(self, snapshot: PendingSnapshot) -> list[Row]:
        return [
            {"epoch": self.number, "user": user, "position": place, "amount": amount}
            for place, (user, amount) in enumerate(_by_address(snapshot.budgets.items()))
        ]

    def finalized_row(self, result: Finalization) -> Row:
        """Every column but the block's."""
        return {
            "epoch": self.number,
            "rules": self.rules.name,
            "allocations_digest": self.allocations_digest,
            "patrons_digest": self.patrons_digest,
            "matched_rewards": result.matched.matched,
            "patrons_rewards": result.patrons_rewards,
            "leftover": result.leftover,
            "total_withdrawals": result.total_withdrawals,
            "staking_matched_reserved_for_v2": result.matched.reserved_for_v2,
            "merkle_root": result.tree.root if result.tree else None,
        }

    def reward_rows(self, result: Finalization) -> list[Row]:
        of_users = [(user, False, claim, None) for user, claim in result.claims.items()]
        of_projects = [
            (p.project, True, p.allocated + p.matched, p.matched) for p in result.rewarded
        ]
        names = ("address", "of_project", "amount", "matched")
        return [
            {"epoch": self.number, **dict(zip(names, row, strict=True))}
            for row in sorted([*of_users, *of_projects], key=lambda row: (row[0], row[1]))
        ]

    def leaf_rows(self, result: Finalization) -> list[Row]:
        return [
            {"epoch": self.number, "position": place, "address": address, "amount": amount}
            for place, (address, amount) in enumerate(result.leaves)
        ]


def _by_address(pairs: Iterable[tuple[bytes, int]]) -> list[tuple[bytes, int]]:
    return sorted(pairs, key=lambda pair: eip55(pair[0]))
