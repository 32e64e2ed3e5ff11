"""What operators watch of the indexer."""

from prometheus_client import Counter, Gauge

indexed_height = Gauge("octant_indexed_height", "The last indexed block")
deep_reorgs = Counter("octant_deep_reorgs_total", "Reorganisations below a sealed block")
