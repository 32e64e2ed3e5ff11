"""granian in the running loop: the chassis owns signals, requests in flight are finished."""

import asyncio
import logging
import socket
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.embed import Server
from octant_chassis.telemetry import log

REQUESTS = 4096  # connections for HTTP, idle ones included; granian lets the next ones wait
BACKLOG = 1024
HEAD_BUFFER = 65_536  # a longer head is a bare 431; `limits.heads` refuses before, with words
DRAIN_SECONDS = 20.0  # for requests in flight at the end; orchestrators kill after 30


class HttpServer:
    """Serves an ASGI app until `stop`, which lets requests in flight finish.

    `lasting`: how many connections may last as long as they like, besides those for HTTP.
    `head_seconds`: for the head of a request, and between requests. `stalled_seconds`: for a
    client that takes nothing of its answer.
    """

    def __init__(
        self,
        app: Any,
        host: str,
        port: int,
        *,
        lasting: int = 0,
        head_seconds: float = 65.0,
        stalled_seconds: float = 30.0,
    ) -> None:
        self._host = host
        self._port = port
        self._stalled_seconds = stalled_seconds
        # Its notice that embedding is experimental is none of the operator's business.
        logging.getLogger("_granian").setLevel(logging.ERROR)
        self._server = Server(
            app,
            host,
            port,
            interface=Interfaces.ASGINL,
            # It waits for ever for the first byte of a connection whose version it is to guess.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=int(head_seconds * 1000), max_buffer_size=HEAD_BUFFER
            ),
            backlog=BACKLOG,
            backpressure=REQUESTS + lasting,
            log_enabled=False,
        )
        self._server._init_shared_socket = self._listen  # type: ignore[method-assign]
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Returns after `stop`. OSError when the port is taken."""
        try:
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

    def _listen(self) -> None:
        """In granian's place, which would share a taken port without a word (SO_REUSEPORT) and
        lets no options be set."""
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listening = socket.create_server((self._host, self._port), family=family, backlog=BACKLOG)
        listening.setblocking(False)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; connections inherit it
            timeout = int(self._stalled_seconds * 1000)
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout)
        self._server._ssp = None
        holder: Any = SocketHolder
        self._server._shd = holder(listening.detach(), False, BACKLOG)
        log.info("public API listens", host=self._host, port=self._port)
