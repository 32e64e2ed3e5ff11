"""The live feed as clients use it."""
