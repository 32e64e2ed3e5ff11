"""What the numbers must be: the rules of Octant over the chain's own logs, nothing of ours."""

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

from octant_devnet import contracts
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment
from octant_protocol.address import parse_address
from octant_protocol.calendar import EpochBounds, EpochProps, bounds
from octant_protocol.deposits import DepositEvent, EffectiveDeposit
from octant_protocol.finalization import Finalization, PendingAmounts, finalize
from octant_protocol.funding import AllocationRow
from octant_protocol.pending import PendingSnapshot, deposits_of_all, pending_snapshot
from octant_protocol.rules import live_rules_for

LOCKED = "0x4c00281b0bce21cd7064204e92146d972c359c3743b9a503f438b4325efaaf14"
UNLOCKED = "0xc866d6212c58a2480a6da14f1bdbaae0c127cdc8296409157a23b968149066ce"


@dataclass
class AcceptedAllocations:
    """What the test itself saw accepted, in order: the input of the expected matching."""

    uq: dict[bytes, Decimal] = field(default_factory=dict)
    sets: dict[bytes, list[tuple[bytes, int]]] = field(default_factory=dict)
    patrons: set[bytes] = field(default_factory=set)

    def accept(self, user: bytes, items: list[tuple[bytes, int]]) -> None:
        self.sets.pop(user, None)  # a replacement takes its place at the end
        self.sets[user] = items

    def rows(self) -> list[AllocationRow]:
        return [
            AllocationRow(project, amount, self.uq.get(user, Decimal("0.01")), user)
            for user, items in self.sets.items()
            for project, amount in items
        ]


def calendar(chain: Chain, deployment: Deployment) -> list[EpochProps]:
    last = contracts.epoch_props_index(chain, deployment.epochs)
    entries = [contracts.epoch_props(chain, deployment.epochs, i) for i in range(last + 1)]
    return [
        EpochProps(i, e.from_epoch, e.to_epoch, e.from_ts, e.duration, e.decision_window)
        for i, e in enumerate(entries)
    ]


def epoch_bounds(chain: Chain, deployment: Deployment, epoch: int) -> EpochBounds:
    return bounds(calendar(chain, deployment), epoch)


def deposits(
    chain: Chain, deployment: Deployment, epoch: int, until: int | None = None
) -> dict[bytes, EffectiveDeposit]:
    """Effective deposits of an epoch from the contract's logs alone; `until` ends it earlier."""
    limits = epoch_bounds(chain, deployment, epoch)
    end = limits.end if until is None else until
    opening: dict[bytes, int] = {}
    if epoch > 1:
        opening = {u: d.end_balance for u, d in deposits(chain, deployment, epoch - 1).items()}
    events: dict[bytes, list[DepositEvent]] = defaultdict(list)
    logs = chain.rpc(
        "eth_getLogs",
        {"fromBlock": "0x0", "toBlock": "latest", "address": deployment.deposits},
    )
    for log in logs:
        data = bytes.fromhex(log["data"][2:])
        amount, when = (int.from_bytes(data[32 * i : 32 * (i + 1)], "big") for i in (1, 2))
        if limits.start <= when < end:
            kind = {LOCKED: "Locked", UNLOCKED: "Unlocked"}[log["topics"][0]]
            events[data[108:128]].append(DepositEvent(kind, when, amount, "Octant"))  # type: ignore[arg-type]
    return deposits_of_all(
        start=limits.start,
        end=end,
        opening=opening,
        events=events,
        grace_period=900,
        rules=live_rules_for(epoch),
    )


def pending(chain: Chain, deployment: Deployment, epoch: int, proceeds: int) -> PendingSnapshot:
    return pending_snapshot(
        proceeds=proceeds,
        deposits=deposits(chain, deployment, epoch),
        rules=live_rules_for(epoch),
    )


def settled(
    chain: Chain,
    deployment: Deployment,
    epoch: int,
    snapshot: PendingSnapshot,
    accepted: AcceptedAllocations,
) -> Finalization:
    listed = contracts.proposal_addresses(chain, deployment.proposals, epoch)
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
        patrons=accepted.patrons,
        rows=accepted.rows(),
        projects=[parse_address(p) for p in listed],
        rules=live_rules_for(epoch),
    )
