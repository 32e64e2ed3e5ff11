"""Four epochs of a small community: what is told of each, compared with what must be told.

People lock more and unlock, give, change their minds, give nothing, keep everything, and are
patrons for a while. Nothing of ours is asked for what must be told: it follows from the chain's
logs and balances, and from the requests that were signed.
"""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from octant_devnet import contracts, people, seed, travel
from octant_devnet.contracts import WithdrawPayload
from octant_devnet.people import Person
from octant_devnet.world import World
from octant_protocol.address import eip55, parse_address
from octant_protocol.finalization import Finalization
from octant_protocol.funding import AllocationRow
from octant_protocol.leverage import individual_leverage
from octant_protocol.pending import PendingSnapshot
from octant_protocol.rules import live_rules_for, rules_for
from octant_protocol.settlement import donated_to_projects, unused_matched_rewards

from e2e import expected
from e2e.client import Gateway
from e2e.expected_history import Allocated, Donated, chain_items, history

GLM = 10**18
ETH = 10**18
EPOCHS = 4
PEOPLE = 12
SWITCHES: dict[int, list[tuple[int, bool]]] = {
    # Before anybody gives, and again after everybody has given: (person, patron mode).
    1: [(1, True)],
    2: [(4, True)],
    3: [(4, False), (6, True)],
    4: [(1, False), (6, False), (6, True)],
}
LATE_SWITCHES: dict[int, list[tuple[int, bool]]] = {2: [(5, True)], 3: [(5, False)]}
Middle = Callable[[str], None]


class Golden:
    """One run. `middle` is called in the middle of each phase, with its name."""

    def __init__(self, world: World, gateway: Gateway, middle: Middle) -> None:
        self.world, self.gateway, self.middle = world, gateway, middle
        self.chain, self.deployment = world.chain, world.deployment
        self.random = random.Random("golden")
        self.people = [people.person(i, "golden") for i in range(PEOPLE)]
        self.projects = seed.seeded_projects()
        self.accounts = {parse_address(a.address): a for a in [*self.people, *self.projects]}
        self.accepted = expected.AcceptedAllocations()
        self.allocated: list[Allocated] = []
        self.donated: list[Donated] = []
        self.unclaimed: dict[bytes, list[tuple[int, int]]] = {}
        self.told: dict[str, Any] = {}
        """Everything that was told, by when and what."""

    def run(self) -> dict[str, Any]:
        for epoch in range(1, EPOCHS + 1):
            self.facts(epoch)
            snapshot = self.pending(epoch)
            self.allocate(epoch, snapshot)
            wanted = self.finalize(epoch, snapshot)
            self.withdraw(epoch, wanted)
            self.compare_histories(epoch)
        for epoch in range(1, EPOCHS + 1):
            for path in (f"/epochs/info/{epoch}", f"/rewards/merkle_tree/{epoch}"):
                assert self.gateway.get(path) == self.told[path], "a final epoch has changed"
        return self.told

    def tell(self, path: str) -> Any:
        self.told[path] = self.gateway.get(path)
        return self.told[path]

    def facts(self, epoch: int) -> None:
        """Locks and unlocks at several moments; the foundation earns."""
        chain, deployment = self.chain, self.deployment
        if epoch == 1:
            people.fund_people(chain, deployment, self.people, [10**6 * GLM] * PEOPLE)
            chain.set_balances({p.address: 100 * ETH for p in self.projects})
        earned = self.random.randrange(100 * ETH, 300 * ETH)
        chain.send(deployment.deployer_key, deployment.withdrawals_target, value=earned)
        for part in range(3):
            chain.travel_to(chain.now() + self.random.randrange(500_000, 1_000_000))
            for person in self.people[part::3]:
                self.lock_or_unlock(epoch, person)
            if part == 1:
                self.middle(f"facts {epoch}")
        self.gateway.wait_synced(chain.height())

    def lock_or_unlock(self, epoch: int, person: Person) -> None:
        chain, deployment = self.chain, self.deployment
        if epoch > 1 and self.random.random() < 0.4:
            return
        deposit = contracts.deposit_of(chain, deployment.deposits, person.address)
        if deposit and self.random.random() < 0.5:
            people.unlock(chain, deployment, person, self.random.randrange(1, deposit))
        else:
            amount = self.random.randrange(50 * GLM, 30_000 * GLM)
            people.lock(chain, deployment, person, amount)

    def pending(self, epoch: int) -> PendingSnapshot:
        chain, deployment = self.chain, self.deployment
        travel.to_next_epoch(chain, deployment, seconds_in=60)
        self.middle(f"pending {epoch}")
        self.gateway.take_snapshot("pending")
        proceeds = chain.balance(deployment.withdrawals_target)
        wanted = expected.pending(chain, deployment, epoch, proceeds)
        assert self.tell(f"/rewards/budgets/epoch/{epoch}")["budgets"] == [
            {"address": eip55(user), "amount": str(budget)}
            for user, budget in sorted(wanted.budgets.items(), key=lambda b: eip55(b[0]))
        ]
        self.accepted = expected.AcceptedAllocations(patrons=self.accepted.patrons)
        return wanted

    def allocate(self, epoch: int, snapshot: PendingSnapshot) -> None:
        """Two rounds in which some give, some again, some nothing, and some do not come."""
        chain = self.chain
        self.gateway.wait_synced(chain.height())
        self.switch(SWITCHES.get(epoch, []))
        for part in range(2):
            chain.travel_to(chain.now() + self.random.randrange(100_000, 400_000))
            self.gateway.wait_synced(chain.height())
            for place, person in enumerate(self.people):
                user = parse_address(person.address)
                if (part, place) == (0, PEOPLE // 2):
                    self.middle(f"allocations {epoch}")
                role = (place + epoch) % 5
                comes = role > part  # 0: never, 1: once, the others change their minds
                if not comes or user in self.accepted.patrons or user not in snapshot.budgets:
                    continue
                self.give(epoch, snapshot, user, self.choice(snapshot.budgets[user], role))
        self.switch(LATE_SWITCHES.get(epoch, []))

    def choice(self, budget: int, role: int) -> list[tuple[bytes, int]]:
        chosen = self.random.sample(self.projects, self.random.randint(1, 4))
        if role == 2:  # keeps everything
            return [(parse_address(self.projects[0].address), 0)]
        most = budget // len(chosen)
        return [(parse_address(p.address), self.random.randrange(most)) for p in chosen]

    def give(
        self, epoch: int, snapshot: PendingSnapshot, user: bytes, items: list[tuple[bytes, int]]
    ) -> None:
        before = self.settled(epoch, snapshot)
        leverage, _ = individual_leverage(
            self.accepted.rows(),
            user,
            [AllocationRow(p, amount, Decimal("0.01"), user) for p, amount in items],
            [result.project for result in before.funding.projects],
            before.matched.matched,
            live_rules_for(epoch),
        )
        self.gateway.allocate(self.accounts[user], [(eip55(p), amount) for p, amount in items])
        self.accepted.accept(user, items)
        self.allocated.append(Allocated(user, self.chain.now(), items, leverage))

    def switch(self, switches: list[tuple[int, bool]]) -> None:
        for place, enable in switches:
            user = parse_address(self.people[place].address)
            self.gateway.set_patron_mode(self.people[place], enable)
            if enable:
                self.accepted.patrons.add(user)
                self.accepted.sets.pop(user, None)
            else:
                self.accepted.patrons.discard(user)

    def settled(self, epoch: int, snapshot: PendingSnapshot) -> Finalization:
        return expected.settled(self.chain, self.deployment, epoch, snapshot, self.accepted)

    def finalize(self, epoch: int, snapshot: PendingSnapshot) -> Finalization:
        gateway, chain, deployment = self.gateway, self.chain, self.deployment
        closed = travel.close_window(chain, deployment)
        self.middle(f"finalization {epoch}")
        gateway.take_snapshot("finalized")
        wanted = self.settled(epoch, snapshot)
        assert wanted.tree is not None
        root = wanted.tree.root
        assert self.tell(f"/rewards/merkle_tree/{epoch}") == {
            "epoch": epoch,
            "rewardsSum": str(sum(amount for _, amount in wanted.leaves)),
            "root": "0x" + root.hex(),
            "leaves": [{"address": eip55(a), "amount": str(wei)} for a, wei in wanted.leaves],
            "leafEncoding": ["address", "uint256"],
        }
        assert self.tell(f"/epochs/info/{epoch}") == self.info(epoch, snapshot, wanted)
        self.middle(f"root {epoch}")
        gateway.wait_for(
            "the root on chain",
            lambda: contracts.merkle_root(chain, deployment.vault, epoch) == root,
        )
        gateway.wait_synced(chain.height())
        for patron in self.accepted.patrons & set(snapshot.budgets):
            self.donated.append(Donated(patron, closed - 1, epoch, snapshot.budgets[patron]))
        for address, amount in wanted.leaves:
            self.unclaimed.setdefault(address, []).append((epoch, amount))
        return wanted

    def info(self, epoch: int, snapshot: PendingSnapshot, wanted: Finalization) -> dict[str, Any]:
        split = snapshot.split
        sums: dict[bytes, int] = {}
        for row in self.accepted.rows():
            sums[row.project] = sums.get(row.project, 0) + row.amount
        unused = unused_matched_rewards(
            leftover=wanted.leftover,
            proceeds=snapshot.proceeds,
            operational_cost=split.operational_cost,
            community_fund=split.community_fund,
            ppf=split.ppf,
            total_withdrawals=wanted.total_withdrawals,
            rules=rules_for(epoch),
        )
        donated = donated_to_projects(
            matched=wanted.matched.matched,
            unused=unused,
            allocated_per_project=list(sums.values()),
            rules=rules_for(epoch),
        )
        amounts = {
            "stakingProceeds": snapshot.proceeds,
            "totalEffectiveDeposit": snapshot.total_effective_deposit,
            "totalRewards": split.total_rewards,
            "vanillaIndividualRewards": split.vanilla_individual_rewards,
            "operationalCost": split.operational_cost,
            "ppf": split.ppf,
            "communityFund": split.community_fund,
            "totalWithdrawals": wanted.total_withdrawals,
            "patronsRewards": wanted.patrons_rewards,
            "matchedRewards": wanted.matched.matched,
            "leftover": wanted.leftover,
            "donatedToProjects": donated,
            "stakingMatchedReservedForV2": wanted.matched.reserved_for_v2,
        }
        return {"epoch": epoch, **{name: str(amount) for name, amount in amounts.items()}}

    def withdraw(self, epoch: int, wanted: Finalization) -> None:
        """Some take what they have at once, the others everything after the last epoch."""
        chain, deployment = self.chain, self.deployment
        addresses = [address for address, _ in wanted.leaves]
        for place, address in enumerate(addresses):
            account = self.accounts[address]
            entries = self.gateway.get(f"/withdrawals/{account.address}")
            assert [(e["epoch"], int(e["amount"])) for e in entries] == self.unclaimed[address]
            if place == len(addresses) // 2:
                self.middle(f"withdrawals {epoch}")
            if epoch == EPOCHS or account.index % 2 == 0:
                payloads = [
                    WithdrawPayload(
                        e["epoch"], int(e["amount"]), [bytes.fromhex(n[2:]) for n in e["proof"]]
                    )
                    for e in entries
                ]
                people.withdraw(chain, deployment, account, payloads)
                del self.unclaimed[address]
        self.gateway.wait_synced(chain.height())

    def compare_histories(self, epoch: int) -> None:
        on_chain = chain_items(self.chain, self.deployment)
        for user, account in self.accounts.items():
            path = f"/history/{account.address}"
            self.gateway.wait_for("every leverage", lambda path=path: self.is_settled(path))
            told = self.gateway.get(path)
            wanted = history(user, on_chain.get(user, []), self.allocated, self.donated)
            assert told == {"history": wanted, "nextCursor": None}
            self.told[f"{path} after epoch {epoch}"] = told

    def is_settled(self, path: str) -> bool:
        """Rewards tells the leverage an instant after the allocation itself."""
        return all(
            item["type"] != "allocation" or item["eventData"]["leverage"] is not None
            for item in self.gateway.get(path)["history"]
        )
