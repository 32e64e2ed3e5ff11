"""The world of all tests in this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from laws.window.house import House, Window, house_in


@pytest.fixture(scope="package")
def house(run_folder: Path) -> Iterator[House]:
    with house_in(run_folder / "window") as house:
        yield house


@pytest.fixture
def window(house: House) -> Window:
    """Open, and nobody has allocated yet."""
    return house.open_window()
