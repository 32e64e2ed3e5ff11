"""The examples of clients/README.md do what they say."""

import sys
from pathlib import Path
from typing import Any

import pytest

from clients.conftest import AMOUNTS
from clients.played import played
from clients.typescript import Project, Running, example, start

pytestmark = pytest.mark.xdist_group("clients")


@pytest.mark.parametrize("language", ["python", "typescript"])
async def test_example__of_the_readme__reads_and_listens(
    world: Any, project: Project, language: str, tmp_path: Path
) -> None:
    async with played() as feed:
        replaced = (
            ("http://127.0.0.1:5000", f"http://127.0.0.1:{world.port}"),
            ("ws://127.0.0.1:5001/feed", feed.url),
        )
        async with await start_example(language, project, replaced, tmp_path) as program:
            assert await program.line() == f"{sum(AMOUNTS)} wei"
            peer = await feed.accepted()
            assert (await peer.heard())["topics"] == ["epoch"]
            await peer.tell("epoch", 1, 5, snapshot=True)
            await peer.tell("epoch", 2, None)
            assert await program.line() == "epoch is 5"
            assert await program.line() == "epoch becomes null"


async def start_example(
    language: str, project: Project, replaced: tuple[tuple[str, str], ...], folder: Path
) -> Running:
    if language == "typescript":
        return await project.start_example(*replaced)
    code = example("python")
    for old, new in replaced:
        code = code.replace(old, new)
    return await start(sys.executable, "-c", code, folder=folder)
