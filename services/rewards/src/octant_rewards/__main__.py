"""`python -m octant_rewards serve | migrate | check`"""

import sys

from octant_chassis.command_line import Commands

from octant_rewards import app
from octant_rewards.settings import Settings

COMMANDS = Commands(name="rewards", settings=Settings, serve=app.serve, package=app.PACKAGE)

if __name__ == "__main__":
    sys.exit(COMMANDS.run(sys.argv[1:]))
