"""Read your own writes: what a gateway has granted shows in whatever it answers next."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import httpx
import nats
import pytest
from e2e.client import allocation_body
from nats.aio.msg import Msg
from octant_contracts.events import Allocated, EstimatesChanged, subject
from octant_contracts.values import decode
from octant_devnet.testkit import eventually

from laws.support import read, settled
from laws.window.house import House, Window
from laws.window.voices import SLOTS, Voice

pytestmark = pytest.mark.xdist_group("laws-window")


async def speak(
    voice: Voice, clients: tuple[httpx.AsyncClient, ...], steps: Iterator[int], seed: str
) -> None:
    """Writes by either gateway and looks by the same one, until the steps are used up."""
    rng = random.Random(f"{seed} {voice.person.address}")
    for _ in steps:
        http = rng.choice(clients)
        await voice.write(http, rng)
        for _ in range(rng.randrange(3)):
            await asyncio.sleep(0)
        for what in rng.sample(voice.views, rng.randint(1, 2)):
            await voice.see(http, what)


@pytest.mark.parametrize("steps", [300, pytest.param(10_000, marks=pytest.mark.slow)])
async def test_writes__of_many_by_two_gateways__show_in_the_next_answer_of_the_same_gateway(
    house: House, window: Window, steps: int
) -> None:
    async with house.clients() as clients:
        voices = await asyncio.to_thread(voices_of, house, window)
        left = iter(range(steps))
        async with asyncio.TaskGroup() as group:
            for voice in voices:
                group.create_task(speak(voice, clients, left, f"octant {steps}"))


async def test_estimate__asked_by_anybody_after_it_was_announced__includes_what_was_announced(
    house: House, window: Window
) -> None:
    """The second gateway has no writes of its own that it would wait for."""
    given: dict[int, tuple[Voice, int]] = {}  # by sequence: whose number became what
    looked: list[tuple[int, Any]] = []
    async with house.clients() as (first, second), asyncio.TaskGroup() as looks:
        bus = await nats.connect(house.world.nats_url)
        voices = await asyncio.to_thread(voices_of, house, window)
        by_address = {voice.person.address: voice for voice in voices}

        async def allocated(message: Msg) -> None:
            event = decode(message.data, Allocated)
            voice = by_address[event.user.text]
            count = sum(int(item.amount) for item in event.allocations) >> voice.shift
            given[event.sequence] = voice, count

        async def look(sequence: int) -> None:
            looked.append((sequence, await read(second, "/rewards/projects/estimated")))

        async def estimates_changed(message: Msg) -> None:
            looks.create_task(look(decode(message.data, EstimatesChanged).sequence))

        await bus.subscribe(subject(Allocated), cb=allocated)
        await bus.subscribe(subject(EstimatesChanged), cb=estimates_changed)
        await bus.flush()

        async def give(voice: Voice) -> None:
            for _ in range(10):
                await voice.allocate(first)

        await asyncio.gather(*(give(voice) for voice in voices[:15]))

        def after_ours() -> list[tuple[int, Any]]:
            # What was allocated before this test may be announced now, too.
            return [(sequence, answer) for sequence, answer in looked if sequence in given]

        await eventually(lambda: len(after_ours()) == 150, 30, "every announcement looked after")
        await bus.close()
    for sequence, answer in after_ours():
        voice, _ = given[sequence]
        not_older = {count for s, (v, count) in given.items() if v is voice and s >= sequence}
        assert voice.in_estimate(answer) in not_older, f"older than announced: {sequence}"


async def test_pending_snapshot__followed_at_once_by_allocations__never_meets_no_budget(
    house: House,
) -> None:
    """By the gateway that knows of the snapshot, and by the other."""
    nonces = [await asyncio.to_thread(house.gateway.nonce, person) for person in house.people]
    await asyncio.to_thread(house.nobody_is_a_patron)
    async with house.clients() as clients:
        for turn in range(5):
            bodies = [
                allocation_body(person, [(house.projects[0], 1)], nonce + turn)
                for person, nonce in zip(house.people, nonces, strict=True)
            ]
            await asyncio.to_thread(house.travel)
            asking, other = clients[turn % 2], clients[1 - turn % 2]
            taken = await settled(lambda http=asking: http.post("/snapshots/pending"))
            assert taken.status_code == 201, taken.text

            async def give(http: httpx.AsyncClient, body: Any) -> httpx.Response:
                return await settled(lambda: http.post("/allocations/allocate", json=body))

            answers = await asyncio.gather(
                *(give((other, asking)[n % 2], body) for n, body in enumerate(bodies))
            )
            assert {(answer.status_code, answer.text) for answer in answers} == {(201, "null")}


def voices_of(house: House, window: Window) -> list[Voice]:
    """As many as can be told apart, and the one who moves the leverage."""
    return [
        Voice(house, window, number, house.gateway.nonce(house.people[number]))
        for number in range(len(house.projects) * SLOTS + 1)
    ]
