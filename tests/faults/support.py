"""What the tests of trouble share: worlds, waiting for conditions, and looking from outside."""

import asyncio
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import asyncpg
import httpx
from e2e.client import Gateway
from octant_devnet import travel
from octant_devnet.world import World

PROMPT = 3.0
"""Seconds within which a refusal must be told, on a busy machine."""
OWN_BUSINESS = ("inbox", "positions", "relay_state")


def open_window(world: World, gateway: Gateway) -> None:
    """Travel into the window of epoch 1, until its budgets have come to whoever needs them."""
    travel.to_next_epoch(world.chain, world.deployment, seconds_in=10)
    gateway.wait_for("budgets", lambda: stored(world)["allocations.snapshots"])
    gateway.wait_synced(world.chain.height())


def until(condition: Callable[[], Any], what: str, timeout: float = 30.0) -> None:
    """Returns when the condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def readiness(operations_url: str) -> tuple[int, dict[str, str]] | None:
    """Status and reasons of /readyz; None when nobody listens."""
    try:
        response = httpx.get(f"{operations_url}/readyz", timeout=5)
    except httpx.TransportError:
        return None
    return response.status_code, response.json()["waiting"]


def waits_for(operations_url: str, what: str) -> bool:
    """Whether /readyz is 503 and names `what`."""
    found = readiness(operations_url)
    return found is not None and found[0] == 503 and what in str(found[1])


def everything_ready(world: World) -> bool:
    return all(
        readiness(world.operations_url(service)) == (200, {}) for service in world.options.services
    )


_never_asked_before = count()


def assert_unavailable(gateway: Gateway, path: str) -> None:
    """A 503 that says when to try again, at once; what is kept of earlier answers goes on."""
    kept = gateway.http.get(path)
    assert kept.status_code == 503 or "etag" in kept.headers
    started = time.monotonic()
    response = gateway.http.get(f"{path}?n={next(_never_asked_before)}")
    took = time.monotonic() - started
    assert response.status_code == 503, f"{path}: {response.status_code} {response.text}"
    assert int(response.headers["Retry-After"]) >= 1
    assert "try again" in response.json()["message"]
    assert took < PROMPT, f"{path} took {took:.1f} s"


def pids(world: World) -> dict[str, int]:
    return {service: world.pid(service) for service in world.options.services}


def answers(gateway: Gateway, paths: tuple[str, ...]) -> dict[str, Any]:
    return {path: gateway.get(path) for path in paths}


def stored(world: World) -> dict[str, list[str]]:
    """Every row of every service, by table; of outboxes what they hold, not what was sent."""
    return asyncio.run(_rows(world.postgres_dsn))


async def _rows(dsn: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"
        )
        return {
            f"{t['schemaname']}.{t['tablename']}": [
                r[0]
                for r in await connection.fetch(
                    f"SELECT {'(id, payload)' if t['tablename'] == 'outbox' else 't'}::text "
                    f'FROM "{t["schemaname"]}"."{t["tablename"]}" t ORDER BY 1'
                )
            ]
            for t in tables
            if t["tablename"] not in OWN_BUSINESS
        }
    finally:
        await connection.close()


def metric(operations_url: str, name: str, labels: Mapping[str, str] = {}) -> float:
    """The sum of a metric's samples that have these labels."""
    text = httpx.get(f"{operations_url}/metrics", timeout=5).text
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(
        float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line.startswith((f"{name}{{", f"{name} ")) and all(label in line for label in wanted)
    )
