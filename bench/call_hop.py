"""A call from the gateway to a service against a raw nats-py request, on one real NATS."""

import asyncio
import tempfile
from pathlib import Path

import nats
from measure import latency, report
from octant_chassis.calls import Caller, CallServer
from octant_contracts.calls import ALLOCATION_NONCE, AllocationNonce, OfUser
from octant_contracts.values import Address
from octant_devnet import servers
from octant_devnet.testkit import stop

USER = Address(b"\7" * 20)
TIMES = 3000


async def measure(url: str) -> None:
    asking, answering = await nats.connect(url), await nats.connect(url)

    async def echo(message: nats.aio.msg.Msg) -> None:
        await message.respond(b'{"allocationNonce":7}')

    await answering.subscribe("floor", cb=echo)
    await answering.flush()

    async def nonce(_: OfUser) -> AllocationNonce:
        return AllocationNonce(allocation_nonce=7)

    server = CallServer(answering, "allocations", None, 64)
    server.answer(ALLOCATION_NONCE, nonce)
    await server.start()
    caller = Caller(asking)
    request = OfUser(USER)

    async def raw() -> object:
        return await asking.request("floor", b'{"user":"0x"}', timeout=1)

    async def call() -> object:
        return await caller.ask_raw(ALLOCATION_NONCE, request)

    await latency(raw, 300)
    await latency(call, 300)
    floor, floor_p99 = await latency(raw, TIMES)
    ours, ours_p99 = await latency(call, TIMES)
    report("call hop, one after the other, median", floor, ours)
    report("call hop, one after the other, p99", floor_p99, ours_p99)

    async def many(work) -> float:  # type: ignore[no-untyped-def]
        started = asyncio.get_running_loop().time()
        for _ in range(60):
            await asyncio.gather(*(work() for _ in range(50)))
        return (asyncio.get_running_loop().time() - started) / TIMES * 1e6

    report("call hop, 50 at a time, per call", await many(raw), await many(call))
    await server.stop()
    await asking.close()
    await answering.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = servers.free_port()
        process = servers.start_nats(Path(folder) / "nats", port, Path(folder) / "log")
        try:
            asyncio.run(measure(f"nats://127.0.0.1:{port}"))
        finally:
            stop(process)


main()
