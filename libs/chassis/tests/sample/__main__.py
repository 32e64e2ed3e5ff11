"""A sample service: `allocations` writes numbered events, `rewards` records each once.

python -m sample <role> <dsn> <nats url> <how many> [failpoint[:label] skip]
"""

import asyncio
import sys

from octant_chassis import failpoints
from octant_chassis.outbox import append
from octant_chassis.service import start
from octant_chassis.settings import ChassisSettings, Secret
from octant_contracts.events import ALLOCATIONS, UqScoreSet
from octant_contracts.values import Address, Decimal
from sqlalchemy import text


async def serve(role: str, settings: ChassisSettings, count: int) -> None:
    async with start(role, settings, "sample") as service:
        database = service.database

        async def write() -> None:
            async with database.reading() as connection:
                written = await connection.scalar(text("SELECT count(*) FROM effects"))
            for number in range(written, count):
                async with database.transaction("fact") as connection:
                    await connection.execute(
                        text("INSERT INTO effects (what) VALUES (:what)"), {"what": str(number)}
                    )
                    await append(
                        connection,
                        UqScoreSet(epoch=number, user=Address(b"\1" * 20), score=Decimal(1)),
                    )
            await asyncio.Event().wait()

        async def record(connection, event: UqScoreSet) -> None:
            await connection.execute(
                text("INSERT INTO effects (what) VALUES (:what)"), {"what": str(event.epoch)}
            )

        if role == "allocations":
            service.background("write", write)
        else:
            service.project(ALLOCATIONS, {UqScoreSet: record})
        await service.run()


if __name__ == "__main__":
    role, dsn, url, count, *armed = sys.argv[1:]
    if armed:
        name, _, label = armed[0].partition(":")
        failpoints.arm(name, label, int(armed[1]))
    asyncio.run(serve(role, ChassisSettings(db_uri=Secret(dsn), nats_url=url), int(count)))
