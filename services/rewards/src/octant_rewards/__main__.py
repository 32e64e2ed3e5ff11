"""python -m octant_rewards serve | migrate | check"""

from octant_chassis.command_line import main

from octant_rewards import app
from octant_rewards.settings import Settings

if __name__ == "__main__":
    main("rewards", Settings, app.serve, app.PACKAGE)
