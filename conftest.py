"""For all tests: real servers as fixtures, and the longest tests first."""

import pytest

pytest_plugins = ["octant_devnet.testkit", "parity.plugin"]

# Started last they would run alone, while the other worker has nothing left to do.
LONGEST = (
    "tests/e2e/",
    "tests/laws/",
    "tests/faults/",
    "tests/realtime/",
    "tests/journeys/",
    "tests/feed/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next((i for i, part in enumerate(LONGEST) if part in item.nodeid), len(LONGEST))

    items.sort(key=rank)
    for item in items:
        # Whole worlds start in them, on machines that may have other things to do.
        if rank(item) < len(LONGEST) and not any(map(item.get_closest_marker, ("timeout", "slow"))):
            item.add_marker(pytest.mark.timeout(300))
