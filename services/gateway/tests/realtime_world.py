"""A gateway that pushes, services played by the test, and the dApp's own client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from octant_chassis.tasks import end
from octant_contracts import calls
from octant_contracts.calls import (
    EpochAllocation,
    EpochAllocations,
    ProjectRewards,
    ProjectRewardsRow,
    ProjectThreshold,
    RewardsStatus,
    Window,
)
from octant_contracts.errors import Refusal
from octant_contracts.events import Event, subject
from octant_contracts.values import Address, Wei, encode
from octant_devnet.testkit import eventually
from octant_gateway.announcements import Announcements
from realtime.node import Client, Node, node

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
BOB = "0x3333333333333333333333333333333333333333"
# Not in the order of their addresses: contract order is to survive.
P1 = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f"
P2 = "0x1111111111111111111111111111111111111111"
P3 = "0x2222222222222222222222222222222222222222"
EPOCH = 5


def body(nonce: int = 0, **other: Any) -> dict[str, Any]:
    return {
        "userAddress": ALICE,
        "payload": {"allocations": [{"proposalAddress": P1, "amount": "1000"}], "nonce": nonce},
        "signature": "0xabc",
        "isManuallyEdited": False,
        **other,
    }


def row(donor: str, project: str, amount: int) -> EpochAllocation:
    return EpochAllocation(
        donor=Address.parse(donor), project=Address.parse(project), amount=Wei(amount)
    )


class Live:
    """The state that the played services tell, and the means to change it."""

    def __init__(self, world: Any, nodes: Node) -> None:
        self.world = world
        self.nodes = nodes
        self.url = f"http://127.0.0.1:{world.port}"
        self.threshold: int | None = None
        self.rewards = {P1: (100, 7), P2: (0, 0), P3: (0, 0)}
        self.rows = [row(ALICE, P1, 100)]
        self.as_of = 10
        on = world.services.on
        on(calls.ALLOCATION_WINDOW, Window(pending_epoch=EPOCH))
        on(calls.ESTIMATED_PROJECT_REWARDS, lambda _: self._rewards())
        on(calls.THRESHOLD, lambda _: ProjectThreshold(threshold=self._wei(self.threshold)))
        on(calls.EPOCH_ALLOCATIONS, self._rows)
        on(calls.PROJECT_REWARDS, ProjectRewards([]))
        self.taken(EPOCH)

    def taken(self, epoch: int) -> None:
        """The pending snapshot of this epoch is the last."""
        status = RewardsStatus(
            head_number=1, head_timestamp=1, last_pending_snapshot=epoch, last_finalized_snapshot=0
        )
        self.world.services.on(calls.REWARDS_STATUS, status)

    def refuse(self, code: str) -> None:
        self.world.services.on(calls.ESTIMATED_PROJECT_REWARDS, Refusal(code))

    def estimate(self) -> None:
        self.world.services.on(calls.ESTIMATED_PROJECT_REWARDS, lambda _: self._rewards())

    def change(self, project: str, allocated: int, matched: int, donor: str = BOB) -> None:
        """One more allocation, in all that is told."""
        self.rewards[project] = (allocated, matched)
        self.rows.append(row(donor, project, allocated))
        self.as_of += 1

    async def announce(self, event: Event) -> None:
        client = self.world.services.bus.client
        await client.publish(subject(type(event)), encode(event))
        await client.flush()

    async def asked(self, call: calls.Call[Any, Any], times: int) -> None:
        """Until the call came once more than `times`."""
        requests = self.world.services.requests
        await eventually(lambda: len(requests(call)) > times, what=f"{call} is asked")

    async def connect(self, name: str = "c1", **options: Any) -> Client:
        return await self.nodes.connect(self.url, name, **options)

    async def greeted(self, name: str = "c1", **options: Any) -> Client:
        """A client that has the initial events, and forgets them."""
        client = await self.connect(name, **options)
        await client.until_told("project_donors", 3)
        client.told.clear()
        return client

    def _rewards(self) -> ProjectRewards:
        return ProjectRewards(
            [
                ProjectRewardsRow(Address.parse(project), Wei(allocated), Wei(matched))
                for project, (allocated, matched) in self.rewards.items()
            ]
        )

    async def _rows(self, request: calls.EpochAllocationsRequest) -> EpochAllocations:
        """Two to a page."""
        assert (request.as_of is None) == (request.cursor == 0)
        rows = [r for r in self.rows if r.amount or request.include_zero_allocations]
        following = request.cursor + 2
        return EpochAllocations(
            allocations=rows[request.cursor : following],
            next_cursor=following if following < len(rows) else None,
            as_of=self.as_of,
        )

    @staticmethod
    def _wei(value: int | None) -> Wei | None:
        return None if value is None else Wei(value)


@asynccontextmanager
async def pushing(world: Any) -> AsyncIterator[Live]:
    async with node() as nodes:
        live = Live(world, nodes)
        announcements = Announcements()
        world.realtime.pushes.listen(announcements)
        await announcements.subscribe(world.bus.client)
        task = asyncio.create_task(world.realtime.pushes.run())
        yield live
        await end([task])
