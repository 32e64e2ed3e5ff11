"""Structured logs with correlation ids, and the metrics every service shares."""

import logging
import sys
from contextvars import ContextVar
from typing import Any
from uuid import uuid4

import structlog
from prometheus_client import Counter, Gauge, Histogram

correlation_id: ContextVar[str] = ContextVar("correlation_id", default="")

calls_seconds = Histogram(
    "octant_call_seconds",
    "Time to answer a call",
    ["operation", "outcome"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
calls_in_flight = Gauge("octant_calls_in_flight", "Calls being answered now")
events_published = Counter("octant_events_published_total", "Events the relay published")
outbox_pending = Gauge("octant_outbox_pending", "Events not yet on the bus")
events_applied = Counter("octant_events_applied_total", "Events applied", ["stream", "event"])
projection_lag = Gauge("octant_projection_lag", "Events not yet applied", ["stream"])
projection_stuck = Gauge(
    "octant_projection_stuck", "1 while an event cannot be applied; money is waiting", ["stream"]
)


def new_correlation_id() -> str:
    return uuid4().hex[:16]


def configure_logging(service: str, level: str) -> None:
    """JSON lines on standard output: event, level, time, service, correlation id, values."""
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _add_context(service),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=structlog.WriteLoggerFactory(sys.stdout),
    )
    # Libraries speak only when something is wrong.
    logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")


def _add_context(service: str) -> Any:
    def add(_: Any, __: str, fields: dict[str, Any]) -> dict[str, Any]:
        fields["service"] = service
        if current := correlation_id.get():
            fields["correlation_id"] = current
        return fields

    return add


log = structlog.get_logger()
