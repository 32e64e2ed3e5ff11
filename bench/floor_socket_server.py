"""The floor of socket_connections: the same frames, prepared, without Socket.IO.

python floor_socket_server.py PORT FRAMES.json: sends the frames to everybody who connects; a
message of anybody is sent to all.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.server.embed import Server

PORT, FRAMES = int(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
clients: set[Any] = set()


async def app(_: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    for frame in FRAMES:
        await send({"type": "websocket.send", "text": frame, "bytes": None})
    clients.add(send)
    while (message := await receive())["type"] == "websocket.receive":
        news = {"type": "websocket.send", "text": message["text"], "bytes": None}
        for client in list(clients):
            await client(news)
    clients.discard(send)


asyncio.run(
    Server(
        app, "127.0.0.1", PORT, interface=Interfaces.ASGINL, backpressure=8192, log_enabled=False
    ).serve()
)
