"""`make next-epoch` against all five services."""

from octant_devnet import contracts, gateway, journeys, seed, worldfile
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.world import World


def test_next_epoch__twice__takes_a_world_through_allocation_to_withdrawals(tmp_path):
    options = WorldOptions(ports=random_ports(), deterministic=True, durable=False)
    with World(tmp_path, options) as world:
        world.wait_ready(90)
        where = worldfile.read(world.folder)
        assert where is not None
        said: list[str] = []

        assert journeys.next_epoch(where, said.append) == 2
        assert said[-1] == "epoch 1 gave 15 people a budget; its window is open"
        assert contracts.current_epoch(world.chain, world.deployment.epochs) == 2

        assert journeys.next_epoch(where, said.append) == 3
        _, answer = gateway.get(f"{world.gateway_url}/allocations/epoch/1")
        donors = sorted({allocation["donor"] for allocation in answer["allocations"]})
        assert len(donors) == journeys.ALLOCATING
        assert set(donors) <= {person.address for person in seed.seeded_people()}
        assert contracts.merkle_root(world.chain, world.deployment.vault, 1) != bytes(32)
        _, rewards = gateway.get(f"{world.gateway_url}/withdrawals/{donors[0]}")
        assert [reward["epoch"] for reward in rewards] == [1]
        assert world.chain.balance(world.deployment.vault) >= int(rewards[0]["amount"]) > 0
