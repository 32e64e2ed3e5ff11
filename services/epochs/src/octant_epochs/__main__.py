"""`python -m octant_epochs serve | migrate | check`"""

import sys

from octant_chassis.command_line import main

from octant_epochs import app
from octant_epochs.settings import Settings

if __name__ == "__main__":
    sys.exit(main("epochs", Settings, app.serve, app.PACKAGE, sys.argv[1:]))
