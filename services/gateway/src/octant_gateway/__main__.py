"""`python -m octant_gateway serve | migrate | check`."""

import asyncio
import os
import sys

from octant_chassis.bus import Bus
from octant_chassis.settings import InvalidSettings, load, redacted
from octant_contracts.events import GATEWAY

from octant_gateway import app
from octant_gateway.settings import GatewaySettings

USAGE = "usage: python -m octant_gateway serve | migrate | check"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in ("serve", "migrate", "check"):
        print(USAGE, file=sys.stderr)  # noqa: T201
        return 2
    try:
        settings = load(GatewaySettings, os.environ)
    except InvalidSettings as error:
        print(f"settings: {error}", file=sys.stderr)  # noqa: T201
        return 2
    if arguments[0] == "serve":
        asyncio.run(app.serve(settings))
    elif arguments[0] == "migrate":
        print("the gateway stores nothing: no migrations")  # noqa: T201
    else:
        return asyncio.run(check(settings))
    return 0


async def check(settings: GatewaySettings, patience: float = 5.0) -> int:
    """Prints the settings and asks the bus; 1 when it does not answer within `patience` s."""
    for name, value in redacted(settings).items():
        print(f"{name.upper()}={value}")  # noqa: T201
    bus = Bus(settings.nats_url, GATEWAY)
    try:
        await asyncio.wait_for(bus.connect(), patience)
    except Exception as error:  # the client wraps connection errors in several of its own
        print(f"bus: {settings.nats_url} does not answer ({type(error).__name__})", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        await bus.close()
    print("bus: answers")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
