"""A gateway's live feed over real sockets and a real stream; services played by the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from feed.client import FeedClient, connected
from octant_chassis.bus import ensure_stream
from octant_chassis.calls import Caller
from octant_chassis.tasks import end
from octant_contracts import calls
from octant_contracts.events import (
    PRODUCED,
    Allocated,
    AllocationItem,
    EpochStarted,
    Event,
    PatronModeSet,
    WindowOpened,
    subject,
)
from octant_contracts.values import Address, BlockRef, Decimal, Hex, Wei, encode
from octant_devnet.testkit import eventually
from octant_gateway.announcements import Announcements
from octant_gateway.feed.hub import Hub
from octant_gateway.feed.server import FeedServer
from octant_gateway.gateway import Gateway
from octant_gateway.settings import GatewaySettings

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"
BOB = "0x3333333333333333333333333333333333333333"
P1 = "0xc9dE43fe03ae48E8f7245671D1bc8ACab030a98f"
P2 = "0x1111111111111111111111111111111111111111"
EPOCH = 5


class Services:
    """The state that the played services tell; a test changes it and announces the change."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.allocated = {P1: 100, P2: 0}
        self.live: dict[str, list[tuple[str, int]]] = {ALICE: [(P1, 100)]}
        self.head = 1_000_000
        self.sequence = 0
        on = world.services.on
        status = lambda _: calls.ServiceStatus(  # noqa: E731
            head_number=9, head_timestamp=self.head, current_epoch=EPOCH + 1
        )
        on(calls.EPOCHS_STATUS, status)
        on(calls.ALLOCATIONS_STATUS, status)
        on(
            calls.REWARDS_STATUS,
            calls.RewardsStatus(
                head_number=8,
                head_timestamp=self.head,
                last_pending_snapshot=EPOCH,
                last_finalized_snapshot=EPOCH - 1,
            ),
        )
        on(
            calls.CHAIN_STATUS,
            calls.ChainStatus(
                blockchain_height=11,
                blockchain_epoch=EPOCH + 1,
                window_open=True,
                indexed_height=10,
                head_timestamp=self.head,
            ),
        )
        on(calls.ALLOCATION_WINDOW, calls.Window(pending_epoch=EPOCH))
        on(calls.ESTIMATED_PROJECT_REWARDS, lambda _: self._rewards())
        on(calls.LEVERAGE, calls.Leverage(2.5))
        on(calls.THRESHOLD, calls.ProjectThreshold(threshold=None))
        on(calls.EPOCH_ALLOCATIONS, self._of_epoch)
        on(calls.EPOCH_DONORS, lambda _: self._donors())
        on(calls.PROJECT_DONORS, self._of_project)
        on(calls.USER_ALLOCATIONS, self._of_user)
        on(calls.ALLOCATION_NONCE, lambda _: calls.AllocationNonce(allocation_nonce=7))
        on(calls.PATRON_MODE, calls.PatronMode(False))

    @property
    def jetstream(self) -> Any:
        return self.world.services.bus.jetstream

    async def store(self, event: Event) -> int:
        """As a relay does it; the place in the stream."""
        acknowledged = await self.jetstream.publish(subject(type(event)), encode(event))
        return int(acknowledged.seq)

    async def allocate(self, donor: str, *gifts: tuple[str, int]) -> int:
        self.live[donor] = list(gifts)
        self.sequence += 1
        return await self.store(allocated(donor, *gifts, sequence=self.sequence))

    async def revoke(self, donor: str) -> int:
        self.live[donor] = []
        self.sequence += 1
        return await self.store(
            PatronModeSet(
                sequence=self.sequence,
                user=Address.parse(donor),
                enabled=True,
                time=1,
                revoked_epoch=EPOCH,
            )
        )

    def requests(self, call: calls.Call[Any, Any]) -> int:
        return len(self.world.services.requests(call))

    def _rewards(self) -> calls.ProjectRewards:
        return calls.ProjectRewards(
            [
                calls.ProjectRewardsRow(Address.parse(p), Wei(amount), Wei(amount // 2))
                for p, amount in self.allocated.items()
            ]
        )

    def rows(self) -> list[tuple[str, str, int]]:
        return [(d, p, a) for d, gifts in self.live.items() for p, a in gifts]

    def _of_epoch(self, request: calls.EpochAllocationsRequest) -> calls.EpochAllocations:
        assert request.include_zero_allocations
        assert request.epoch == EPOCH
        rows = [
            calls.EpochAllocation(amount=Wei(a), donor=Address.parse(d), project=Address.parse(p))
            for d, p, a in self.rows()[request.cursor : request.cursor + calls.PAGE]
        ]
        following = request.cursor + calls.PAGE
        return calls.EpochAllocations(
            allocations=rows,
            next_cursor=following if following < len(self.rows()) else None,
            as_of=self.sequence,
        )

    def _donors(self) -> calls.EpochDonors:
        found = [Address.parse(donor) for donor, gifts in self.live.items() if gifts]
        return calls.EpochDonors(donors=found, next_cursor=None, as_of=self.sequence)

    def _of_project(self, request: calls.ProjectDonorsRequest) -> calls.ProjectDonors:
        found = [
            calls.ProjectDonor(Address.parse(d), Wei(a))
            for d, p, a in self.rows()
            if p == request.project.text
        ]
        return calls.ProjectDonors(donors=found, next_cursor=None, as_of=self.sequence)

    def _of_user(self, request: calls.OfUserEpoch) -> calls.UserAllocations:
        gifts = self.live.get(request.user.text, [])
        return calls.UserAllocations(
            allocations=[calls.UserAllocation(Address.parse(p), Wei(a)) for p, a in gifts],
            is_manually_edited=True,
        )


def allocated(donor: str, *gifts: tuple[str, int], sequence: int, epoch: int = EPOCH) -> Allocated:
    return Allocated(
        sequence=sequence,
        epoch=epoch,
        user=Address.parse(donor),
        nonce=sequence,
        time=1,
        uniqueness_quotient=Decimal("1.0"),
        is_manually_edited=False,
        allocations=[
            AllocationItem(project=Address.parse(p), amount=Wei(amount)) for p, amount in gifts
        ],
    )


class Feed:
    """One gateway's feed."""

    def __init__(self, services: Services, hub: Hub, server: FeedServer, url: str) -> None:
        self.services = services
        self.hub = hub
        self.server = server
        self.url = url

    async def client(self, *topics: str, since: dict[str, str] | None = None) -> FeedClient:
        return await connected(self.url, *topics, since=since)


@asynccontextmanager
async def feeding(
    world: Any, services: Services | None = None, **knobs: Any
) -> AsyncIterator[Feed]:
    """A feed on the world's bus; the second one of a test gets the `services` of the first."""
    services = services or Services(world)
    for service in PRODUCED:
        await ensure_stream(world.services.bus.jetstream, service)
    settings = GatewaySettings(nats_url=world.bus.url, **{"feed_port": 0, **knobs})
    gateway = Gateway(settings, Caller(world.bus.client))
    announcements = Announcements()
    hub = Hub(gateway, world.bus.jetstream)
    server = FeedServer(gateway, hub)
    hub.listen(announcements)
    await announcements.subscribe(world.bus.client)
    world.bus.on_lost.append(announcements.missed)
    tasks = [asyncio.create_task(hub.run()), asyncio.create_task(server.run())]
    await eventually(lambda: server.trouble is None, what="the feed is ready")
    yield Feed(services, hub, server, f"ws://127.0.0.1:{server.port}/feed")
    await server.stop()
    await end(tasks)


async def open_window(services: Services) -> None:
    """The calendar, as epochs announced it."""
    start, seconds = services.head - 10, 1000
    await services.store(
        EpochStarted(epoch=EPOCH + 1, start=start, end=start + seconds, decision_window=500)
    )
    await services.store(WindowOpened(epoch=EPOCH, opens_at=start, closes_at=start + 500))


BLOCK = BlockRef(number=10, hash=Hex(b"\1" * 32), timestamp=1_000_000)


def patron_of(user: str, enabled: bool) -> PatronModeSet:
    return PatronModeSet(
        sequence=1, user=Address.parse(user), enabled=enabled, time=1, revoked_epoch=None
    )
