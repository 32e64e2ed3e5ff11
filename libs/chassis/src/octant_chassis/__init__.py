"""How every service runs: settings, database, bus, outbox, projections, calls, health.

Plain functions and small classes that a service's `app.py` calls explicitly; start reading
at `service.py`.
"""
