"""The gateway that cached_reads asks: the whole public API, one service played beside it.

python cached_gateway.py PORT NATS_URL ROWS
"""

import asyncio
import sys

from octant_chassis.bus import Bus
from octant_chassis.calls import Caller, CallServer
from octant_contracts.calls import (
    EPOCH_ALLOCATIONS,
    REWARDS_STATUS,
    EpochAllocation,
    EpochAllocations,
    RewardsStatus,
)
from octant_contracts.events import ALLOCATIONS, REWARDS
from octant_contracts.values import Address, Wei
from octant_gateway.app import build
from octant_gateway.cache.front import Cache
from octant_gateway.cache.store import Store
from octant_gateway.catalogue import CATALOGUE
from octant_gateway.gateway import Gateway
from octant_gateway.realtime.server import Realtime
from octant_gateway.server import HttpServer
from octant_gateway.settings import GatewaySettings

PORT, NATS_URL, ROWS = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def row(number: int) -> EpochAllocation:
    who = Address(number.to_bytes(20, "big"))
    return EpochAllocation(amount=Wei(10**18 + number), donor=who, project=who)


async def main() -> None:
    bus = Bus(NATS_URL, "bench")
    await bus.connect()
    allocations = CallServer(bus.client, ALLOCATIONS, None, 64)
    rewards = CallServer(bus.client, REWARDS, None, 64)
    answer = EpochAllocations(
        allocations=[row(n) for n in range(ROWS)], next_cursor=None, as_of=ROWS
    )
    status = RewardsStatus(
        head_number=1, head_timestamp=1, last_pending_snapshot=5, last_finalized_snapshot=4
    )

    async def all_allocations(_: object) -> EpochAllocations:
        return answer

    async def rewards_status(_: object) -> RewardsStatus:
        return status

    allocations.answer(EPOCH_ALLOCATIONS, all_allocations)
    rewards.answer(REWARDS_STATUS, rewards_status)
    await allocations.start()
    await rewards.start()
    settings = GatewaySettings(gateway_port=PORT, nats_url=NATS_URL)
    gateway = Gateway(settings, Caller(bus.client))
    cache = Cache(gateway, Store(settings.cache_bytes, lambda: bus.connected), CATALOGUE)
    await HttpServer(build(gateway, Realtime(gateway), cache), "127.0.0.1", PORT).run()


asyncio.run(main())
