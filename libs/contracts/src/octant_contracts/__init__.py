"""What crosses a process border: values, events, calls, subjects, streams, errors.

Nothing here knows HTTP, NATS or SQL. Adding an optional field is fine; any other change
is a new version of the event or call.
"""
