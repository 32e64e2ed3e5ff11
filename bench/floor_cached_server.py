"""The floor of cached_reads: gives every request the answer that it was given, and nothing else.

python floor_cached_server.py PORT ANSWER
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

PORT = int(sys.argv[1])
HEAD, _, BODY = Path(sys.argv[2]).read_bytes().partition(b"\r\n\r\n")
STATUS, *LINES = HEAD.split(b"\r\n")
HEADERS = [(name, value) for name, value in (line.split(b": ", 1) for line in LINES)]
HEADERS = [header for header in HEADERS if header[0] not in (b"date", b"server")]  # granian's own
START = {"type": "http.response.start", "status": int(STATUS.split()[1]), "headers": HEADERS}
END = {"type": "http.response.body", "body": BODY, "more_body": False}


async def app(_: Any, __: Any, send: Any) -> None:
    await send(START)
    await send(END)


server = Server(
    app,
    "127.0.0.1",
    PORT,
    interface=Interfaces.ASGINL,
    http=HTTPModes.http1,
    backpressure=4096,
    log_enabled=False,
)
asyncio.run(server.serve())
