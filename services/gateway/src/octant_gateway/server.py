"""granian in the running loop: the chassis owns signals, requests in flight are finished."""

import asyncio
import logging
import socket
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server
from octant_chassis.telemetry import log

REQUESTS = 4096  # connections for HTTP, idle ones included; granian lets the next ones wait
DRAIN_SECONDS = 20.0  # for requests in flight at the end; orchestrators kill after 30


class HttpServer:
    """Serves an ASGI app until `stop`, which lets requests in flight finish.

    `lasting`: how many connections may last as long as they like, besides those for HTTP.
    """

    def __init__(self, app: Any, host: str, port: int, lasting: int = 0) -> None:
        self._host = host
        self._port = port
        # Its notice that embedding is experimental is none of the operator's business.
        logging.getLogger("_granian").setLevel(logging.ERROR)
        self._server = Server(
            app,
            host,
            port,
            interface=Interfaces.ASGINL,
            backlog=1024,
            backpressure=REQUESTS + lasting,
            log_enabled=False,
        )
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Returns after `stop`. OSError when the port is taken."""
        try:
            # granian binds with SO_REUSEPORT and would share a taken port without a word.
            socket.create_server((self._host, self._port), reuse_port=False).close()
            log.info("public API listens", host=self._host, port=self._port)
            await self._server.serve()
        finally:
            self._stopped.set()

    async def stop(self) -> None:
        """Takes no more connections and waits for the requests in flight."""
        self._server.stop()  # type: ignore[no-untyped-call]
        try:
            await asyncio.wait_for(self._stopped.wait(), DRAIN_SECONDS)
        except TimeoutError:
            log.warning("requests cut off", seconds=DRAIN_SECONDS)
