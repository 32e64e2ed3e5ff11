"""The main job: people lock GLM, two epochs pass, everybody withdraws from the real vault.

Every number the API tells is compared with what `expected` computes from the chain's logs and
from the allocations the test itself saw accepted.
"""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest
from octant_devnet import contracts, people, seed, travel
from octant_devnet.abi import Reverted
from octant_devnet.contracts import WithdrawPayload
from octant_devnet.people import Person
from octant_devnet.world import World
from octant_protocol.address import eip55, parse_address
from octant_protocol.finalization import Finalization
from octant_protocol.leverage import total_leverage
from octant_protocol.merkle import build_tree
from octant_protocol.pending import PendingSnapshot

from e2e import expected
from e2e.client import Gateway, allocation_body

GLM = 10**18
PEOPLE = 50
TRUSTED = 5  # people whose uniqueness quotient an operator sets to 1.0
Trouble = Callable[[str], None]


def no_trouble(_: str) -> None:
    """An undisturbed run."""


class Journey:
    """One run. `trouble` is called with the name of each step just before it happens."""

    def __init__(self, world: World, gateway: Gateway, trouble: Trouble = no_trouble) -> None:
        self.world, self.gateway, self.trouble = world, gateway, trouble
        self.chain, self.deployment = world.chain, world.deployment
        self.random = random.Random("octant")
        self.people = [people.person(i, "journey") for i in range(PEOPLE)]
        self.projects = seed.seeded_projects()
        self.accepted = expected.AcceptedAllocations()

    def run(self) -> None:
        self.trouble("lock")
        self.lock()
        first = self.end_epoch(1)
        self.allocate(1, first)
        self.close(1, first)
        self.unlock()
        second = self.end_epoch(2)
        self.allocate_a_little(2, second)
        self.close(2, second)

    def lock(self) -> None:
        """Fifty people lock at five moments of the first epoch; one locks too little."""
        chain, deployment = self.chain, self.deployment
        amounts = [self.random.randrange(100 * GLM, 50_000 * GLM) for _ in self.people]
        amounts[-1] = 99 * GLM
        people.fund_people(chain, deployment, self.people, [2 * a for a in amounts])
        chain.set_balances({p.address: 10**20 for p in self.projects})
        start = chain.now()
        for part in range(5):
            chain.travel_to(start + (part + 1) * 500_000)
            group = list(zip(self.people, amounts, strict=True))[part::5]
            people.lock_many(chain, deployment, group)
        self.gateway.wait_synced(chain.height())
        for person in self.people[:3]:
            estimate = self.gateway.get(
                f"/deposits/users/{person.address}/estimated_effective_deposit"
            )
            self.same_deposit(estimate, person, 1)
        assert self.gateway.get("/epochs/current") == {"currentEpoch": 1}
        info = self.gateway.get("/epochs/info/1")
        total = sum(d.effective for d in expected.deposits(chain, deployment, 1).values())
        assert info["totalEffectiveDeposit"] == str(total)

    def unlock(self) -> None:
        """In the second epoch some take GLM out, and one locks more."""
        chain, deployment = self.chain, self.deployment
        chain.travel_to(chain.now() + 400_000)
        for person in self.people[:10]:
            deposit = contracts.deposit_of(chain, deployment.deposits, person.address)
            people.unlock(chain, deployment, person, deposit // (person.index + 1))
        people.lock(chain, deployment, self.people[10], 50 * GLM)
        self.trouble("unlock")
        self.gateway.wait_synced(chain.height())

    def end_epoch(self, epoch: int) -> PendingSnapshot:
        """The epoch ends; budgets appear."""
        gateway, chain, deployment = self.gateway, self.chain, self.deployment
        status = gateway.get(f"/snapshots/status/{epoch}")
        assert status == {"isCurrent": True, "isPending": False, "isFinalized": False}
        early = gateway.request("POST", "/snapshots/pending")
        assert (early.status_code, early.json()) == (200, None)
        travel.to_next_epoch(chain, deployment, seconds_in=60)
        self.trouble(f"pending {epoch}")
        assert gateway.take_snapshot("pending") in (200, 201)
        again = gateway.request("POST", "/snapshots/pending")
        assert (again.status_code, again.json()) == (200, None)

        wanted = expected.pending(
            chain, deployment, epoch, chain.balance(deployment.withdrawals_target)
        )
        budgets = gateway.get(f"/rewards/budgets/epoch/{epoch}")["budgets"]
        assert budgets == [
            {"address": eip55(user), "amount": str(budget)}
            for user, budget in sorted(wanted.budgets.items(), key=lambda b: eip55(b[0]))
        ]
        assert len(budgets) > 30
        info = gateway.get(f"/epochs/info/{epoch}")
        assert info["totalEffectiveDeposit"] == str(wanted.total_effective_deposit)
        assert info["stakingProceeds"] == str(wanted.proceeds)
        assert info["ppf"] == str(wanted.split.ppf)
        assert info["vanillaIndividualRewards"] == str(wanted.split.vanilla_individual_rewards)
        for person in self.people[:12]:
            stored = gateway.get(f"/deposits/users/{person.address}/{epoch}")
            self.same_deposit(stored, person, epoch)
        poor = gateway.request("GET", f"/rewards/budget/{self.people[-1].address}/epoch/{epoch}")
        assert (poor.status_code, poor.content) == (204, b"")
        self.accepted = expected.AcceptedAllocations(patrons=self.accepted.patrons)
        return wanted

    def allocate(self, epoch: int, snapshot: PendingSnapshot) -> None:
        """Donors, one who changes their mind, a patron, and one who keeps everything."""
        rich = [p for p in self.people if snapshot.budgets.get(parse_address(p.address), 0)]
        patron, keeper, undecided, *donors = rich
        self.trouble("patron")
        self.gateway.set_patron_mode(patron, True)
        self.accepted.patrons.add(parse_address(patron.address))
        for person in donors[:TRUSTED]:
            self.trust(person, epoch)
        self.give(keeper, [(self.projects[0].address, 0)])
        self.give(undecided, self.share(undecided, snapshot, 3))
        for person in donors[:30]:
            self.trouble("allocate")
            self.give(person, self.share(person, snapshot, self.random.randint(1, 5)))
        self.give(undecided, self.share(undecided, snapshot, 2))
        self.everybody_else_is_refused(patron, donors[0], snapshot, epoch)
        self.compare_estimates(epoch, snapshot)

    def allocate_a_little(self, epoch: int, snapshot: PendingSnapshot) -> None:
        rich = [p for p in self.people if snapshot.budgets.get(parse_address(p.address), 0)]
        for person in rich[10:20]:
            self.give(person, self.share(person, snapshot, 2))
        self.compare_estimates(epoch, snapshot)

    def close(self, epoch: int, snapshot: PendingSnapshot) -> None:
        """The window closes; the root goes on chain; people and projects withdraw."""
        gateway, chain, deployment = self.gateway, self.chain, self.deployment
        travel.close_window(chain, deployment)
        self.trouble(f"finalized {epoch}")
        assert gateway.take_snapshot("finalized") in (200, 201)
        refused = gateway.request("GET", "/rewards/projects/estimated")
        assert refused.status_code == 403
        wanted = expected.settled(chain, deployment, epoch, snapshot, self.accepted)
        assert wanted.tree is not None
        tree = gateway.get(f"/rewards/merkle_tree/{epoch}")
        assert tree["root"] == "0x" + wanted.tree.root.hex()
        assert tree["leaves"] == [{"address": eip55(a), "amount": str(w)} for a, w in wanted.leaves]
        assert tree["rewardsSum"] == str(sum(w for _, w in wanted.leaves))
        assert gateway.get(f"/rewards/projects/epoch/{epoch}")["rewards"] == [
            {"address": eip55(r.project), "allocated": str(r.allocated), "matched": str(r.matched)}
            for r in sorted(wanted.rewarded, key=lambda r: eip55(r.project))
        ]
        info = gateway.get(f"/epochs/info/{epoch}")
        assert info["matchedRewards"] == str(wanted.matched.matched)
        assert info["patronsRewards"] == str(wanted.patrons_rewards)
        assert info["totalWithdrawals"] == str(wanted.total_withdrawals)
        assert info["leftover"] == str(wanted.leftover)
        self.trouble(f"root {epoch}")
        gateway.wait_for(
            "the merkle root on chain",
            lambda: contracts.merkle_root(chain, deployment.vault, epoch) == wanted.tree.root,
        )
        assert chain.balance(deployment.vault) >= wanted.total_withdrawals
        gateway.wait_synced(chain.height())
        self.withdraw(epoch, wanted)

    def withdraw(self, epoch: int, wanted: Finalization) -> None:
        """The vault pays exactly the claimed leaves; a second or tampered claim reverts."""
        chain, deployment, gateway = self.chain, self.deployment, self.gateway
        vault_before = chain.balance(deployment.vault)
        leaves = dict(wanted.leaves)
        claimed = 0
        accounts = {parse_address(p.address): p for p in [*self.people, *self.projects]}
        assert set(leaves) <= set(accounts)
        for address in leaves:
            person = accounts[address]
            payloads = self.payloads(person)
            assert payloads[-1].epoch == epoch
            assert payloads[-1].amount == leaves[address]
            tampered = WithdrawPayload(epoch, payloads[-1].amount + 1, payloads[-1].proof)
            with pytest.raises(Reverted, match="HN:Vault/invalid-merkle-proof"):
                people.withdraw(chain, deployment, person, [tampered])
            before = chain.balance(person.address)
            receipt = people.withdraw(chain, deployment, person, payloads)
            paid = sum(p.amount for p in payloads)
            assert chain.balance(person.address) == before + paid - receipt.fee
            claimed += paid
            with pytest.raises(Reverted, match="HN:Vault/already-claimed"):
                people.withdraw(chain, deployment, person, payloads)
        assert vault_before - chain.balance(deployment.vault) == claimed == sum(leaves.values())
        gateway.wait_synced(chain.height())
        for address in list(leaves)[:5]:
            assert gateway.get(f"/withdrawals/{accounts[address].address}") == []

    def payloads(self, person: Person) -> list[WithdrawPayload]:
        """Everything the API offers, in the given order, as the web client sends it."""
        entries: list[dict[str, Any]] = self.gateway.get(f"/withdrawals/{person.address}")
        assert all(entry["status"] == "available" for entry in entries)
        return [
            WithdrawPayload(
                e["epoch"], int(e["amount"]), [bytes.fromhex(n[2:]) for n in e["proof"]]
            )
            for e in entries
        ]

    def give(self, person: Person, items: list[tuple[str, int]]) -> None:
        self.gateway.allocate(person, items)
        user = parse_address(person.address)
        self.accepted.accept(user, [(parse_address(p), amount) for p, amount in items])

    def share(self, person: Person, snapshot: PendingSnapshot, parts: int) -> list[tuple[str, int]]:
        budget = snapshot.budgets[parse_address(person.address)]
        chosen = self.random.sample(self.projects, parts)
        return [(p.address, self.random.randrange(budget // parts)) for p in chosen]

    def trust(self, person: Person, epoch: int) -> None:
        """An operator sets the uniqueness quotient."""
        body = {
            "epoch": epoch, "user": person.address, "score": "1.0",
            "who": "operator", "why": "known to be one person",
        }  # fmt: skip

        def set_score() -> bool:
            try:
                url = self.world.operations_url("allocations")
                return httpx.post(f"{url}/uniqueness-quotients", json=body).is_success
            except httpx.TransportError:
                return False

        self.gateway.wait_for("the operator's action", set_score)
        self.accepted.uq[parse_address(person.address)] = Decimal("1.0")

    def everybody_else_is_refused(
        self, patron: Person, donor: Person, snapshot: PendingSnapshot, epoch: int
    ) -> None:
        budget = snapshot.budgets[parse_address(donor.address)]
        nonce = self.gateway.nonce(donor)
        first = self.projects[0].address
        attempts = [
            (allocation_body(patron, [(first, 1)], 0), 403, "patron mode"),
            (allocation_body(donor, [(first, 1)], nonce + 1), 400, "wrong value of nonce"),
            (allocation_body(donor, [(first, budget + 1)], nonce), 400, "more funds than"),
            (allocation_body(donor, [], nonce), 400, "empty or zeroed"),
            (allocation_body(donor, [(donor.address, 1)], nonce), 400, "are not valid"),
            (allocation_body(donor, [(first, 1), (first, 1)], nonce), 400, "duplicated"),
            (allocation_body(self.people[-1], [(first, 1)], 0), 404, "does not have a budget"),
        ]
        forged = allocation_body(donor, [(first, 1)], nonce)
        attempts.append((forged | {"signature": "0x12"}, 400, "is invalid or does not belong"))
        before = self.gateway.get(f"/allocations/epoch/{epoch}")
        for body, status, text in attempts:
            response = self.gateway.request("POST", "/allocations/allocate", json=body)
            assert (response.status_code, text in response.text) == (status, True), response.text
        assert self.gateway.get(f"/allocations/epoch/{epoch}") == before

    def compare_estimates(self, epoch: int, snapshot: PendingSnapshot) -> None:
        """Read your own writes: straight after the last allocation everything includes it."""
        wanted = expected.settled(self.chain, self.deployment, epoch, snapshot, self.accepted)
        assert self.gateway.get("/rewards/projects/estimated")["rewards"] == [
            {"address": eip55(r.project), "allocated": str(r.allocated), "matched": str(r.matched)}
            for r in wanted.funding.projects
        ]
        rows = self.gateway.get(f"/allocations/epoch/{epoch}?includeZeroAllocations=true")
        assert [(r["donor"], r["project"], r["amount"]) for r in rows["allocations"]] == [
            (eip55(r.user), eip55(r.project), str(r.amount)) for r in self.accepted.rows()
        ]
        allocated = sum(r.amount for r in self.accepted.rows())
        leverage = self.gateway.get(f"/rewards/leverage/{epoch}")["leverage"]
        assert leverage == total_leverage(wanted.matched.matched, allocated)
        assert build_tree(wanted.leaves).root == (wanted.tree and wanted.tree.root)

    def same_deposit(self, answer: dict[str, str], person: Person, epoch: int) -> None:
        all_deposits = expected.deposits(self.chain, self.deployment, epoch)
        assert answer == {
            "effectiveDeposit": str(all_deposits[parse_address(person.address)].effective)
        }
