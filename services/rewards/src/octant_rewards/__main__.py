"""`python -m octant_rewards serve | migrate | check`"""

import sys

from octant_chassis.command_line import main

from octant_rewards import app
from octant_rewards.settings import Settings

if __name__ == "__main__":
    sys.exit(main("rewards", Settings, app.serve, app.PACKAGE, sys.argv[1:]))
