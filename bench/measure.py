"""Small helpers: time a thing many times, print floor, ours and their ratio."""

import statistics
import time
from collections.abc import Awaitable, Callable


def report(metric: str, floor: float, ours: float, unit: str = "µs") -> None:
    """Lower is better; the ratio is ours / floor."""
    print(f"{metric:<46} floor {floor:9.1f} {unit}   ours {ours:9.1f} {unit}   {ours / floor:.2f}×")


def microseconds(work: Callable[[], object], times: int, rounds: int = 5) -> float:
    """The best of some rounds: what the work costs, not what else the machine did."""
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        for _ in range(times):
            work()
        best = min(best, (time.perf_counter() - started) / times)
    return best * 1e6


async def latency(work: Callable[[], Awaitable[object]], times: int) -> tuple[float, float]:
    """Median and 99th percentile of one after the other, µs."""
    took: list[float] = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        took.append((time.perf_counter() - started) * 1e6)
    return statistics.median(took), statistics.quantiles(took, n=100)[98]
