"""`python -m octant_gateway serve | migrate | check`"""

import sys

from octant_chassis.command_line import Commands
from octant_contracts.events import GATEWAY

from octant_gateway import app
from octant_gateway.realtime import redis
from octant_gateway.settings import GatewaySettings

COMMANDS = Commands(
    name=GATEWAY,
    settings=GatewaySettings,
    serve=app.serve,
    package="octant_gateway",
    stores=False,
    validate=redis.validate,
    probes=redis.probes,
)

if __name__ == "__main__":
    sys.exit(COMMANDS.run(sys.argv[1:]))
