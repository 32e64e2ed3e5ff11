"""The shape of the code, where a linter has no rule for it. Arrows are import-linter's."""

from pathlib import Path

import pytest
from octant_contracts.events import SERVICES

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("libs", "services", "devnet")
    for path in (ROOT / folder).rglob("src/**/*.py")
    if "node_modules" not in path.parts
)


def lines_of(path: Path) -> int:
    return sum(1 for line in path.read_text().splitlines() if line.strip())


def test_chassis__as_a_whole__stays_under_1500_lines() -> None:
    chassis = [path for path in SOURCES if "octant_chassis" in path.parts]
    assert chassis
    assert sum(map(lines_of, chassis)) < 1500


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_source_file__of_any_package__is_short_and_says_its_purpose(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 300 or path.parent.name == "versions"  # a migration is DDL
    if text.strip() and path.name != "env.py":  # alembic's hook is two lines
        assert text.startswith('"""')


@pytest.mark.parametrize("service", SERVICES)
def test_service__of_any_name__has_the_anatomy_of_all(service: str) -> None:
    folder = ROOT / "services" / service
    package = folder / "src" / f"octant_{service.replace('-', '_')}"
    for path in (folder / "README.md", folder / "pyproject.toml", folder / "tests"):
        assert path.exists(), path
    for name in ("__main__.py", "app.py", "settings.py", "py.typed"):
        assert (package / name).exists(), name
    if service != "gateway":
        assert (package / "tables.py").exists()
        assert (package / "migrations" / "env.py").exists()
