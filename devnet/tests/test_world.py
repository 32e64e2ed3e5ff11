"""A world as tests use it: real servers and a real chain, small stand-ins for the services."""

import time

import asyncpg
import msgspec
import nats
import pytest
from devnet_kit import STANDIN
from octant_contracts.events import SERVICES
from octant_devnet import contracts, processes, seed
from octant_devnet.chainkit import until
from octant_devnet.options import WorldOptions
from octant_devnet.ports import random_ports
from octant_devnet.testkit import eventually
from octant_devnet.world import NotReady, World


def options(**changes) -> WorldOptions:
    fields = {"ports": random_ports(), "durable": False, "deterministic": True}
    return WorldOptions(**{**fields, "command": STANDIN, **changes})


def world_json(world: World) -> dict:
    return msgspec.json.decode((world.folder / "world.json").read_bytes())


def pids(world: World) -> dict[str, int]:
    return {service["name"]: service["pid"] for service in world_json(world)["services"]}


def gone(pid: int) -> bool:
    return processes.incarnation(pid) is None


def test_world__ready__tells_where_everything_answers_and_stopped__leaves_nothing(tmp_path):
    with World(tmp_path, options()) as world:
        world.wait_ready()
        content = world_json(world)
        ports = world.options.ports
        assert content["chain"]["rpcUrl"] == f"http://127.0.0.1:{ports.anvil}"
        assert content["chain"]["chainId"] == int(world.chain.rpc("eth_chainId"), 16) == 1337
        assert set(content["chain"]["contracts"]) == {
            *("glm", "auth", "epochs", "deposits"),
            *("proposals", "vault", "withdrawalsTarget"),
        }
        for address in content["chain"]["contracts"].values():
            assert world.chain.code(address)
        assert set(content) == {"chain", "gateway", "nats", "postgres", "services"}
        assert content["gateway"] == {
            "url": f"http://127.0.0.1:{ports.gateway}",
            "feedUrl": f"ws://127.0.0.1:{ports.feed}/feed",
        }
        assert [service["name"] for service in content["services"]] == list(SERVICES)
        running = processes.running(tmp_path)
        assert set(running) == {*SERVICES, "anvil", "nats", "postgres"}
        assert pids(world).items() <= running.items()
    assert not (tmp_path / "world.json").exists()
    assert all(gone(pid) for pid in running.values())


def test_service__killed__is_started_again_and_world_json_names_the_new_pid(tmp_path):
    with World(tmp_path, options()) as world:
        world.wait_ready()
        before = pids(world)
        began = time.monotonic()
        world.kill("epochs")
        until(lambda: pids(world)["epochs"] != before["epochs"])
        assert time.monotonic() - began < 2
        world.wait_ready()
        assert {n for n, pid in pids(world).items() if pid != before[n]} == {"epochs"}


def test_service__held__stays_down_until_released(tmp_path):
    with World(tmp_path, options(services=("epochs",))) as world:
        world.wait_ready()
        before = world.pid("epochs")
        world.hold("epochs")
        world.terminate("epochs")
        with pytest.raises(NotReady, match="does not answer"):
            world.wait_ready(0.6)
        assert world.pid("epochs") == before
        world.release("epochs")
        world.wait_ready()
        assert world.pid("epochs") != before


def test_world__with_a_service_that_cannot_start__says_which_and_why(tmp_path):
    broken = options(env={"*": {"BROKEN": "rewards"}})
    with World(tmp_path, broken) as world:
        with pytest.raises(NotReady, match=r"rewards ends .* broken on purpose"):
            world.wait_ready()
        assert not (tmp_path / "world.json").exists()


async def note(world: World, text: str) -> list[str]:
    """Add a row and a message; all rows, and all messages."""
    connection = await asyncpg.connect(world.postgres_dsn)
    await connection.execute("CREATE TABLE IF NOT EXISTS notes (id serial, text text)")
    await connection.execute("INSERT INTO notes (text) VALUES ($1)", text)
    rows = [row["text"] for row in await connection.fetch("SELECT text FROM notes ORDER BY id")]
    await connection.close()
    client = await nats.connect(world.nats_url)
    jetstream = client.jetstream()
    stream = await jetstream.add_stream(name="notes", subjects=["notes"])
    await jetstream.publish("notes", text.encode())
    messages = [
        (await jetstream.get_msg("notes", number + 1)).data.decode()
        for number in range(stream.state.messages + 1)
    ]
    await client.close()
    assert rows == messages
    return rows


async def test_world__started_again__goes_on_with_its_data_and_its_time(tmp_path):
    with World(tmp_path, options(services=())) as world:
        world.chain.travel_to(world.chain.now() + 100_000)
        height, now, deployment = world.chain.height(), world.chain.now(), world.deployment
        assert await note(world, "first") == ["first"]
    with World(tmp_path, options(services=())) as world:
        assert (world.chain.height(), world.chain.now()) == (height, now)
        assert world.deployment == deployment
        assert await note(world, "second") == ["first", "second"]
        world.chain.mine()
        assert world.chain.now() > now


async def test_servers__killed__come_back_with_what_they_had(tmp_path):
    with World(tmp_path, options(services=())) as world:
        await note(world, "first")
        height, now = world.chain.height(), world.chain.now()
        before = {name: world.pid(name) for name in ("postgres", "nats", "anvil")}
        for name in before:
            world.kill(name)
        until(lambda: all(world.pid(name) != pid for name, pid in before.items()))
        until(lambda: answers(world))
        assert world.chain.height() == height
        world.chain.mine()
        assert world.chain.now() == now + 1
        assert await first_note(world) == "first"


async def first_note(world: World) -> str:
    """Waits for the database: it listens before it has recovered."""
    found: list[str] = []

    async def read() -> bool:
        try:
            connection = await asyncpg.connect(world.postgres_dsn)
        except (asyncpg.CannotConnectNowError, OSError):
            return False
        found.append(await connection.fetchval("SELECT text FROM notes ORDER BY id"))
        await connection.close()
        return True

    await eventually(read)
    return found[0]


def answers(world: World) -> bool:
    try:
        return world.chain.height() >= 0
    except OSError:
        return False


def test_first_start__cut_short__is_begun_afresh(tmp_path):
    (tmp_path / "chain").mkdir()
    (tmp_path / "chain" / "state.json").write_text('{"block":')
    with World(tmp_path, options(services=())) as world:
        assert world.chain.height() > 0


def test_fresh_world__has_people_who_locked_and_projects_and_proceeds(tmp_path):
    with World(tmp_path, options(services=())) as world:
        chain, deployment = world.chain, world.deployment
        content = msgspec.json.decode((tmp_path / "people.json").read_bytes())
        locked = {p["address"]: int(p["locked"]) for p in content["people"]}
        on_chain = {
            address: contracts.deposit_of(chain, deployment.deposits, address) for address in locked
        }
        assert on_chain == locked
        amounts = [amount for amount in locked.values() if amount]
        assert len(locked) == 20
        assert len(amounts) == len(set(amounts)) == 15
        assert all(chain.balance(address) > 10**18 for address in locked)
        projects = [project["address"].lower() for project in content["projects"]]
        assert contracts.proposal_addresses(chain, deployment.proposals, 1) == projects
        assert len(set(projects)) == 10
        assert chain.balance(deployment.withdrawals_target) == 400 * 10**18
        assert contracts.current_epoch(chain, deployment.epochs) == 1


def test_people__of_a_seed__are_always_the_same():
    assert seed.seeded_people() == seed.seeded_people()
    assert not {p.key for p in seed.seeded_people()} & {p.key for p in seed.seeded_people("other")}


def test_random_ports__are_all_different():
    ports = random_ports()
    everyone = [ports.gateway, ports.anvil, ports.nats, ports.postgres, *ports.operations.values()]
    assert len(set(everyone)) == 4 + len(SERVICES)
