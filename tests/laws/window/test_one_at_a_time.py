"""Nobody spends twice: one nonce once, a budget once, and never as donor and patron both."""

import asyncio
import random

import httpx
import pytest
from faults.support import metric
from octant_contracts.events import ALLOCATIONS
from octant_devnet.people import Person
from octant_devnet.testkit import eventually
from octant_protocol.address import parse_address

from laws.support import patch_patron_mode, post_allocation, read, rows_now
from laws.window.house import House, Window

pytestmark = pytest.mark.xdist_group("laws-window")


def wrong_nonce(used: int, expected: int) -> dict[str, str]:
    text = f"Attempt to use wrong value of nonce ({used} instead of {expected})"
    return {"message": f"{text} when signing allocations"}


@pytest.mark.parametrize("twins", [False, True], ids=["two contents", "byte for byte the same"])
async def test_nonce__used_twice_at_once_by_two_ways__is_granted_once(
    house: House, window: Window, twins: bool
) -> None:
    person = house.people[0]
    first = await asyncio.to_thread(house.gateway.nonce, person)
    taken_part = await asyncio.to_thread(answered, house)
    async with house.clients() as clients:
        for nonce in range(first, first + 100):
            contents = [
                [(house.projects[0 if twins else n], 1_000 + nonce)] for n in range(len(clients))
            ]
            answers = await asyncio.gather(
                *(
                    post_allocation(http, person, items, nonce)
                    for http, items in zip(clients, contents, strict=True)
                )
            )
            statuses = [answer.status_code for answer in answers]
            assert sorted(statuses) == [201, 400]
            assert answers[statuses.index(400)].json() == wrong_nonce(nonce, nonce + 1)
            told = await read(clients[0], of_user(person, window))
            ((project, amount),) = contents[statuses.index(201)]
            assert told["allocations"] == [{"address": project, "amount": str(amount)}]
    stored = await rows_now(
        house.world,
        'SELECT nonce FROM allocations.requests WHERE "user" = $1 AND nonce >= $2 ORDER BY 1',
        parse_address(person.address),
        first,
    )
    assert [row["nonce"] for row in stored] == list(range(first, first + 100))
    replicas = zip(await asyncio.to_thread(answered, house), taken_part, strict=True)
    assert all(now > then for now, then in replicas)


async def test_budget__allocated_whole_by_fifty_at_once__is_never_live_twice(
    house: House, window: Window
) -> None:
    """Nonces are guessed: one for all, or one after the other."""
    person = house.people[1]
    budget = window.budgets[person.address]
    done = asyncio.Event()
    seen: list[list[int]] = []

    async def watch() -> None:
        while not done.is_set():
            seen.append(await live_amounts(house, person, window))

    async with house.clients() as clients:
        for guess in ("the same", "successive"):
            first = await asyncio.to_thread(house.gateway.nonce, person)
            done.clear()
            watching = asyncio.create_task(watch())
            answers = await asyncio.gather(
                *(
                    post_allocation(
                        clients[n % 2],
                        person,
                        [(house.projects[n % 10], budget - 1), (house.projects[(n + 1) % 10], 1)],
                        first if guess == "the same" else first + n,
                    )
                    for n in range(50)
                )
            )
            done.set()
            await watching
            granted = [n for n, answer in enumerate(answers) if answer.status_code == 201]
            if guess == "the same":
                assert len(granted) == 1
            else:
                assert granted == list(range(len(granted)))
                assert granted
            assert {a.status_code for a in answers} <= {201, 400}
            last = granted[-1]
            assert (await read(clients[0], of_user(person, window)))["allocations"] == [
                {"address": house.projects[last % 10], "amount": str(budget - 1)},
                {"address": house.projects[(last + 1) % 10], "amount": "1"},
            ]
            used = first + len(granted)
            assert await asyncio.to_thread(house.gateway.nonce, person) == used
            too_much = [(house.projects[0], budget + 1)]
            assert (await post_allocation(clients[0], person, too_much, used)).status_code == 400
    assert {tuple(amounts) for amounts in seen} <= {(), (1, budget - 1)}
    assert seen


async def test_patron_mode__racing_allocations__never_leaves_both(
    house: House, window: Window
) -> None:
    """A hundred races: of twenty people, half of whom are patrons when they begin."""
    rng = random.Random("patrons")
    donors = house.people[:20]
    nonces = {p.address: await asyncio.to_thread(house.gateway.nonce, p) for p in donors}
    modes = {p.address: number < 10 for number, p in enumerate(donors)}
    for person in donors[:10]:
        await asyncio.to_thread(house.gateway.set_patron_mode, person, True)
    refused = 0
    async with house.clients() as clients:

        async def round_of(person: Person) -> bool:
            """Whether the allocation was refused."""
            address = person.address
            nonce, enable = nonces[address], not modes[address]
            amount = rng.randrange(1, window.budgets[address])
            items = [(rng.choice(house.projects), amount)]
            here, there = rng.sample(clients, 2)
            works = [
                post_allocation(here, person, items, nonce),
                patch_patron_mode(there, person, enable),
            ]
            order = rng.sample(range(2), 2)
            answers = dict(
                zip(order, await asyncio.gather(*(works[i] for i in order)), strict=True)
            )
            allocated, toggled = answers[0], answers[1]
            assert (toggled.status_code, toggled.json()) == (200, {"status": enable})
            modes[address] = enable
            assert allocated.status_code in (201, 403), allocated.text
            nonces[address] += allocated.status_code == 201
            live = await live_amounts(house, person, window)
            if enable:
                assert live == []
            elif allocated.status_code == 201:
                assert live == [amount]
            else:
                assert live == []
            return allocated.status_code == 403

        for _ in range(5):
            refused += sum(await asyncio.gather(*(round_of(person) for person in donors)))
        assert 0 < refused < 100
        await assert_conserved(clients[1], window)


async def assert_conserved(http: httpx.AsyncClient, window: Window) -> None:
    """Every wei of a budget is given, kept by who gave, a patron's, or unused: once."""
    epoch = window.epoch
    listed = (await read(http, f"/allocations/epoch/{epoch}"))["allocations"]
    await eventually(lambda: follows(http, listed), 20, "the estimate follows")
    given: dict[str, int] = {}
    for row in listed:
        given[row["donor"]] = given.get(row["donor"], 0) + int(row["amount"])
    patrons = [a for a in window.budgets if (await read(http, f"/user/{a}/patron-mode"))["status"]]
    info = await read(http, f"/epochs/info/{epoch}")
    unused = await read(http, f"/rewards/unused/{epoch}")
    simulated = await read(http, "/snapshots/finalized/simulate")
    kept = sum(int(row["amount"]) for row in simulated["userRewards"])
    assert int(info["patronsRewards"]) == sum(window.budgets[a] for a in patrons)
    assert set(unused["addresses"]) == set(window.budgets) - set(given) - set(patrons)
    assert not set(given) & set(patrons)
    assert patrons
    assert given
    assert sum(window.budgets.values()) == sum(given.values()) + kept + int(
        info["patronsRewards"]
    ) + int(unused["value"])


async def follows(http: httpx.AsyncClient, listed: list[dict[str, str]]) -> bool:
    """The other service has applied what is listed."""
    estimated = (await read(http, "/rewards/projects/estimated"))["rewards"]
    by_project = {row["project"]: 0 for row in listed}
    for row in listed:
        by_project[row["project"]] += int(row["amount"])
    return {r["address"]: int(r["allocated"]) for r in estimated if r["allocated"] != "0"} == {
        project: amount for project, amount in by_project.items() if amount
    }


async def live_amounts(house: House, person: Person, window: Window) -> list[int]:
    found = await rows_now(
        house.world,
        "SELECT amount FROM allocations.allocations "
        'WHERE "user" = $1 AND epoch = $2 AND deleted_sequence IS NULL ORDER BY 1',
        parse_address(person.address),
        window.epoch,
    )
    return [int(row["amount"]) for row in found]


def answered(house: House) -> list[float]:
    """How many allocations each of the two processes was asked for."""
    urls = (house.world.operations_url(ALLOCATIONS), house.second.operations_url(ALLOCATIONS))
    return [metric(u, "octant_call_seconds_count", {"operation": "allocate"}) for u in urls]


def of_user(person: Person, window: Window) -> str:
    return f"/allocations/user/{person.address}/epoch/{window.epoch}"
