"""How often kept answers went out, counted in plain numbers: a metric's lock would cost as much as
the answer."""

from collections.abc import Iterator

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class Count:
    """Of one operation."""

    __slots__ = ("not_modified", "path", "whole")

    def __init__(self, path: str) -> None:
        self.path = path
        self.whole = 0
        self.not_modified = 0


class Hits(Collector):
    def __init__(self) -> None:
        self._counts: dict[str, Count] = {}

    def of(self, path: str) -> Count:
        return self._counts.setdefault(path, Count(path))

    def total(self) -> int:
        return sum(count.whole + count.not_modified for count in self._counts.values())

    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "octant_cache_hits", "Kept answers that went out", labels=("path", "status")
        )
        for count in self._counts.values():
            family.add_metric((count.path, "200"), count.whole)
            family.add_metric((count.path, "304"), count.not_modified)
        yield family


hits = Hits()
REGISTRY.register(hits)
