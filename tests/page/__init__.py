"""The page at /status, as people see it."""
