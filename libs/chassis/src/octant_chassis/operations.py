"""The side port: /livez /readyz /metrics /docs, and a service's admin actions behind a token."""

import asyncio
import hmac
import socket
from collections.abc import Callable
from typing import Annotated

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from octant_chassis import failpoints
from octant_chassis.database import AsyncConnection
from octant_chassis.settings import ChassisSettings
from octant_chassis.tables import operator_actions


class Readiness:
    """Named checks; each tells why the service is not ready, or None."""

    def __init__(self) -> None:
        self._checks: dict[str, Callable[[], str | None]] = {}

    def check(self, name: str, reason: Callable[[], str | None]) -> None:
        self._checks[name] = reason

    def waiting(self) -> dict[str, str]:
        """What is not ready, by name; empty when the service is current."""
        return {n: reason for n, check in self._checks.items() if (reason := check()) is not None}


class Failpoint(BaseModel):
    name: str
    label: str = ""
    skip: int = 0


def create_app(service: str, settings: ChassisSettings, readiness: Readiness) -> FastAPI:
    """The operator's app; services add their routers before it serves."""
    app = FastAPI(title=f"Octant {service}: operations", version="1")

    @app.get("/livez")
    async def live() -> dict[str, bool]:
        return {"alive": True}

    @app.get("/readyz")
    async def ready() -> JSONResponse:
        waiting = readiness.waiting()
        return JSONResponse(
            {"ready": not waiting, "waiting": waiting}, status_code=503 if waiting else 200
        )

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    if settings.failpoints_enabled:

        @app.post("/failpoints", status_code=204)
        async def arm(failpoint: Failpoint) -> None:
            failpoints.arm(failpoint.name, failpoint.label, failpoint.skip)

    return app


def operator_router(settings: ChassisSettings) -> APIRouter:
    """A router whose actions need `Authorization: Bearer <OPERATOR_TOKEN>` when one is set."""
    token = settings.operator_token

    async def authorise(authorization: Annotated[str, Header()] = "") -> None:
        if token and not hmac.compare_digest(authorization, f"Bearer {token.reveal()}"):
            raise HTTPException(401, "Send the operator token: Authorization: Bearer <token>")

    return APIRouter(dependencies=[Depends(authorise)])


async def record_action(
    connection: AsyncConnection, *, who: str, why: str, action: str, details: str
) -> None:
    """Who did what and why, in the same transaction as the effect."""
    await connection.execute(
        operator_actions.insert().values(who=who, why=why, action=action, details=details)
    )


class SidePort:
    """Serves the operator's app in the running loop."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._socket = socket.create_server((host, port), reuse_port=False)
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        # Not `serve`: it would take SIGTERM away from the service's own graceful stop.
        self._task = asyncio.create_task(self._server._serve([self._socket]))

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=5)
