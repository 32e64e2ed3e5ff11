"""A person whose every gift can be told apart in whatever the gateways answer."""

import random
from typing import Any

import httpx
from octant_devnet.people import Person

from laws.support import patch_patron_mode, post_allocation, read, settled
from laws.window.house import House, Window

# Each person has a place of 12 bits in the sum of one project: the estimate tells everybody's
# number apart. The last person gives either nearly everything or next to nothing, so that the
# leverage (matched by allocated wei) tells which.
BITS, SLOTS = 12, 4
LARGE, SMALL = 3_000, 1
GENEROUS = 10_000.0
"""Leverage above it: the last person gives little. Below: much. Far from both."""


class Voice:
    """What one person was told last, and what must be seen therefore."""

    def __init__(self, house: House, window: Window, number: int, nonce: int) -> None:
        self.person: Person = house.people[number]
        self.window = window
        self.place = number % len(house.projects)
        self.shift = BITS * (number // len(house.projects))
        self.moves_leverage = number == len(house.projects) * SLOTS
        self.project = house.projects[self.place]
        self.nonce = nonce
        self.patron = False
        self.count = 0
        """What is live; 0: nothing."""
        self.given = 0
        self.views = ["list", "nonce", "estimate", "patron", "withdrawals"]
        if self.moves_leverage:
            self.views.append("leverage")

    @property
    def amount(self) -> int:
        return self.count << self.shift

    async def write(self, http: httpx.AsyncClient, rng: random.Random) -> None:
        if self.patron or (not self.moves_leverage and rng.random() < 0.1):
            enable = not self.patron
            response = await settled(lambda: patch_patron_mode(http, self.person, enable))
            assert (response.status_code, response.json()) == (200, {"status": enable})
            self.patron, self.count = enable, 0
            return
        await self.allocate(http)

    async def allocate(self, http: httpx.AsyncClient) -> None:
        """Another number than before."""
        self.given += 1
        count = self.given
        if self.moves_leverage:
            count = LARGE if self.given % 2 else SMALL
        items = [(self.project, count << self.shift)]
        response = await settled(lambda: post_allocation(http, self.person, items, self.nonce))
        assert response.status_code == 201, response.text
        self.nonce, self.count = self.nonce + 1, count

    def in_estimate(self, answer: Any) -> int:
        allocated = int(answer["rewards"][self.place]["allocated"])
        return allocated >> self.shift & ((1 << BITS) - 1)

    async def see(self, http: httpx.AsyncClient, what: str) -> None:
        """One answer, compared with what this person was told before."""
        epoch, address = self.window.epoch, self.person.address
        if what == "list":
            listed = (await read(http, f"/allocations/epoch/{epoch}"))["allocations"]
            mine = [(r["project"], int(r["amount"])) for r in listed if r["donor"] == address]
            assert mine == ([(self.project, self.amount)] if self.count else [])
        elif what == "nonce":
            answer = await read(http, f"/allocations/users/{address}/allocation_nonce")
            assert answer == {"allocationNonce": self.nonce}
        elif what == "patron":
            answer = await read(http, f"/user/{address}/patron-mode")
            assert answer == {"status": self.patron}
        elif what == "estimate":
            answer = await read(http, "/rewards/projects/estimated")
            assert self.in_estimate(answer) == self.count
        elif what == "withdrawals":
            entries = await read(http, f"/withdrawals/{address}")
            kept = [int(e["amount"]) for e in entries if e["epoch"] == epoch]
            budget = self.window.budgets[address]
            assert kept == ([budget - self.amount] if self.count else [])
        elif self.count:
            leverage = (await read(http, f"/rewards/leverage/{epoch}"))["leverage"]
            assert (leverage > GENEROUS) == (self.count == SMALL)
