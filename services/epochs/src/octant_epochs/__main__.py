"""`python -m octant_epochs serve | migrate | check`"""

import sys

from octant_chassis.command_line import Commands

from octant_epochs import app
from octant_epochs.settings import Settings

COMMANDS = Commands(name="epochs", settings=Settings, serve=app.serve, package=app.PACKAGE)

if __name__ == "__main__":
    sys.exit(COMMANDS.run(sys.argv[1:]))
