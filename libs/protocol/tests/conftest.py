"""Hypothesis without deadlines: a busy machine is no failure. Found examples are printed."""

import sys
from pathlib import Path

from hypothesis import Phase, settings

settings.register_profile("protocol", deadline=None, print_blob=True, database=None)
# For `make mutation`: whether a test fails is all it asks, so nothing is made smaller.
settings.register_profile(
    "mutation", settings.get_profile("protocol"), phases=[Phase.explicit, Phase.generate]
)
settings.load_profile("protocol")

sys.path.insert(0, str(Path(__file__).parent))  # the tests share naive_octant
