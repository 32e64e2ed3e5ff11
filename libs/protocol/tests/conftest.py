"""Hypothesis without deadlines: a busy machine is no failure. Found examples are printed."""

from hypothesis import settings

settings.register_profile("protocol", deadline=None, print_blob=True, database=None)
settings.load_profile("protocol")
