"""python -m octant_allocations serve | migrate | check"""

import sys

from octant_chassis.command_line import main

from octant_allocations import app
from octant_allocations.settings import Settings

if __name__ == "__main__":
    sys.exit(main(app.NAME, Settings, app.serve, app.PACKAGE, sys.argv[1:]))
