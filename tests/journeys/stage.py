"""A world with Alice, Bob and Carol, and the procedures that journeys are told in."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.client import Gateway
from octant_devnet import contracts, people, seed, travel
from octant_devnet.options import WorldOptions
from octant_devnet.people import Person
from octant_devnet.ports import random_ports
from octant_devnet.world import World
from octant_protocol.address import parse_address
from octant_protocol.merkle import build_tree

GLM = 10**18
EPOCH = 600
BALANCES = (10_000, 15_000, 20_000)


class Stage:
    def __init__(self, world: World, gateway: Gateway) -> None:
        self.world, self.gateway = world, gateway
        self.chain, self.deployment = world.chain, world.deployment
        self.alice, self.bob, self.carol = (people.person(i, "journeys") for i in range(3))
        self.projects = [p.address for p in seed.seeded_projects()]
        everybody = [self.alice, self.bob, self.carol]
        people.fund_people(self.chain, self.deployment, everybody, [b * GLM for b in BALANCES])

    def get(self, path: str) -> Any:
        return self.gateway.get(path)

    def refused(self, method: str, path: str, **content: Any) -> tuple[int, Any]:
        response = self.gateway.request(method, path, **content)
        return response.status_code, response.json()

    def lock(self, who: Person, glm: int) -> None:
        people.lock(self.chain, self.deployment, who, glm * GLM)
        self.height_synced()

    def unlock(self, who: Person, glm: int) -> None:
        people.unlock(self.chain, self.deployment, who, glm * GLM)
        self.height_synced()

    def to_epoch(self, epoch: int) -> None:
        travel.to_epoch(self.chain, self.deployment, epoch, seconds_in=30)

        def synced() -> bool:
            status = self.get("/info/sync-status")
            return bool(status["blockchainEpoch"] == status["indexedEpoch"] == epoch)

        self.gateway.wait_for(f"epoch {epoch} in every service", synced)
        self.height_synced()

    def close_window(self) -> None:
        travel.close_window(self.chain, self.deployment)
        self.height_synced()

    def height_synced(self) -> None:
        self.gateway.wait_synced(self.chain.height())

    def take(self, kind: str) -> Any:
        """What POST answers: `{"epoch": n}`, or None when there is nothing to do."""
        response = self.gateway.request("POST", f"/snapshots/{kind}")
        assert response.status_code == (200 if response.json() is None else 201)
        return response.json()

    def allocate(self, who: Person, amount: int, projects: Sequence[str]) -> None:
        self.gateway.allocate(who, [(project, amount) for project in projects])

    def confirm(self, epoch: int) -> None:
        """Chain-sync funds the Vault and sets the root by itself here."""
        tree = self.get(f"/rewards/merkle_tree/{epoch}")
        self.gateway.wait_for(
            "the root on chain",
            lambda: (
                "0x" + contracts.merkle_root(self.chain, self.deployment.vault, epoch).hex()
                == tree["root"]
            ),
        )
        self.height_synced()

    def check_invariants(self, epoch: int) -> None:
        """Of a finalized epoch: everything is accounted for, to the wei where it must be."""
        info = self.get(f"/epochs/info/{epoch}")
        budgets = {
            b["address"]: int(b["amount"])
            for b in self.get(f"/rewards/budgets/epoch/{epoch}")["budgets"]
        }
        # Half of the personal fund tops up the budgets.
        available = int(info["vanillaIndividualRewards"]) + int(info["ppf"]) // 2
        assert sum(budgets.values()) <= available + 500
        rows = self.get(f"/allocations/epoch/{epoch}?includeZeroAllocations=true")["allocations"]
        given: dict[str, int] = {}
        for row in rows:
            given[row["donor"]] = given.get(row["donor"], 0) + int(row["amount"])
        assert all(given[user] <= budgets[user] for user in given)
        rewards = self.get(f"/rewards/projects/epoch/{epoch}")["rewards"]
        assert sum(int(r["matched"]) for r in rewards) <= int(info["matchedRewards"])
        assert sum(int(r["allocated"]) for r in rewards) == sum(given.values())
        tree = self.get(f"/rewards/merkle_tree/{epoch}")
        leaves = [(parse_address(x["address"]), int(x["amount"])) for x in tree["leaves"]]
        assert "0x" + build_tree(leaves).root.hex() == tree["root"]
        assert tree["rewardsSum"] == str(sum(amount for _, amount in leaves))
        dust = int(info["totalWithdrawals"]) - int(tree["rewardsSum"])
        assert 0 <= dust < len(rewards) + 1


@contextmanager
def stage(folder: Path, *, window: int = EPOCH, **options: Any) -> Iterator[Stage]:
    world_options = WorldOptions(
        ports=random_ports(),
        snapshots="manual",
        epoch_duration=EPOCH,
        decision_window=window,
        deterministic=True,
        durable=False,
        forked=True,
        people=False,
        **options,
    )
    with World(folder, world_options) as world:
        world.wait_ready(90)
        gateway = Gateway(world.gateway_url)
        try:
            yield Stage(world, gateway)
        finally:
            gateway.close()
