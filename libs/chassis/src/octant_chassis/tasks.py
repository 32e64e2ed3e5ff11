"""Ending tasks for sure."""

import asyncio
from collections.abc import Iterable
from typing import Any


async def end(tasks: Iterable["asyncio.Task[Any]"], limit: float = 10.0) -> None:
    """Cancels until all have ended, for `limit` seconds.

    Once is not enough: on Python 3.11 `asyncio.wait_for`, which libraries use, can lose a
    cancellation that arrives together with its result.
    """
    deadline = asyncio.get_running_loop().time() + limit
    pending = {task for task in tasks if not task.done()}
    while pending and asyncio.get_running_loop().time() < deadline:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.2)
