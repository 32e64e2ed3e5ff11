"""`python -m octant_allocations serve | migrate | check`"""

import sys

from octant_chassis.command_line import Commands

from octant_allocations import app
from octant_allocations.settings import Settings, validate

COMMANDS = Commands(
    name="allocations",
    settings=Settings,
    serve=app.serve,
    package=app.PACKAGE,
    validate=validate,
)

if __name__ == "__main__":
    sys.exit(COMMANDS.run(sys.argv[1:]))
