"""The bus is a wire: it may lose everything or say everything three times."""

import asyncio
import shutil
from pathlib import Path

import nats
import pytest
from e2e.client import Gateway
from e2e.dump import canonical_dump
from octant_contracts.events import CONSUMES, PRODUCED, stream_name
from octant_devnet.processes import NATS
from octant_devnet.servers import STORING_SERVICES
from octant_devnet.world import World

from laws.bus.conftest import Dump
from laws.bus.play import Play, stage_in
from laws.support import rows

pytestmark = pytest.mark.xdist_group("laws-bus")

# In the middle of a burst, and while the closing of the window goes from service to service.
LOST_BEFORE = {"gift 9", "finalized"}


def test_store_of_the_bus__deleted_again_and_again__is_rebuilt_and_no_number_changes(
    run_folder: Path, wanted: Dump
) -> None:
    lost: list[str] = []

    def lose(step: str) -> None:
        if step in LOST_BEFORE:
            world.hold(NATS)
            world.kill(NATS)
            shutil.rmtree(world.folder / "nats")
            world.release(NATS)
            lost.append(step)

    with stage_in(run_folder / "lost-store") as (world, gateway):
        processes = {service: world.pid(service) for service in world.options.services}
        Play(world, gateway, lose).run()
        assert set(lost) == LOST_BEFORE
        assert canonical_dump(world) == wanted
        assert {service: world.pid(service) for service in processes} == processes
        # The streams of the last store are complete, although most of it was said before.
        for service, told in asyncio.run(told_events(world.nats_url)).items():
            written = rows(world, f"SELECT id FROM {schema(service)}.outbox ORDER BY 1")
            assert sorted(told) == [row["id"] for row in written]


def test_events__delivered_three_times_each__change_nothing(
    undisturbed: tuple[World, Gateway, Dump],
) -> None:
    world, gateway, wanted = undisturbed
    before = asyncio.run(told_events(world.nats_url))
    assert all(before.values())
    asyncio.run(say_twice_more(world.nats_url))
    told = asyncio.run(told_events(world.nats_url))
    ends = {service: len(events) for service, events in told.items()}
    assert all(ends[service] >= 3 * len(before[service]) for service in before)
    gateway.wait_for("everything applied", lambda: applied_up_to(world, ends))
    assert canonical_dump(world) == wanted
    # The relays go on behind what they did not publish, and know the first order of all.
    world.chain.mine()
    gateway.wait_synced(world.chain.height())
    for service, first in before.items():
        written = rows(world, f"SELECT id FROM {schema(service)}.outbox ORDER BY stream_sequence")
        assert [row["id"] for row in written][: len(first)] == first


def schema(service: str) -> str:
    return service.replace("-", "_")


async def told_events(nats_url: str) -> dict[str, list[int]]:
    """The outbox id of every message, by stream, in order."""
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        found: dict[str, list[int]] = {}
        for service in PRODUCED:
            last = (await jetstream.stream_info(stream_name(service))).state.last_seq
            messages = [
                await jetstream.get_msg(stream_name(service), number + 1) for number in range(last)
            ]
            found[service] = [
                int((m.headers or {})["Nats-Msg-Id"].rpartition(":")[2]) for m in messages
            ]
        return found
    finally:
        await client.close()


async def say_twice_more(nats_url: str) -> None:
    """Everything in every stream, backwards, under ids that the server has not seen."""
    client = await nats.connect(nats_url)
    try:
        jetstream = client.jetstream()
        for service in PRODUCED:
            last = (await jetstream.stream_info(stream_name(service))).state.last_seq
            for number in reversed(range(last)):
                message = await jetstream.get_msg(stream_name(service), number + 1)
                for time in ("second", "third"):
                    await jetstream.publish(
                        message.subject or "",
                        message.data or b"",
                        headers={"Nats-Msg-Id": f"{time}:{(message.headers or {})['Nats-Msg-Id']}"},
                    )
    finally:
        await client.close()


def applied_up_to(world: World, ends: dict[str, int]) -> bool:
    """Every projection of every service has come that far."""
    return all(
        row["sequence"] >= ends[source]
        for service in STORING_SERVICES
        for source in CONSUMES[service]
        for row in rows(
            world,
            f"SELECT sequence FROM {schema(service)}.positions WHERE stream = $1",
            stream_name(source),
        )
    )
