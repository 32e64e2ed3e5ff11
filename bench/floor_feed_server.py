"""The floor of the feed: a `websockets` server that writes the same bytes to everybody.

python floor_feed_server.py PORT: sends a snapshot to who connects; a text of anybody that is no
subscription is written to all.
"""

import asyncio
import resource
import sys
from contextlib import suppress

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError
from websockets.frames import Frame, Opcode

clients: set[ServerConnection] = set()


async def attend(connection: ServerConnection) -> None:
    clients.add(connection)
    with suppress(ConnectionClosedError):
        async for message in connection:
            if "subscribe" in str(message):
                await connection.send('{"snapshot":true}')
                continue
            frame = Frame(Opcode.TEXT, str(message).encode()).serialize(mask=False)
            for client in tuple(clients):
                client.transport.write(frame)
    clients.discard(connection)


async def main() -> None:
    async with serve(attend, "127.0.0.1", int(sys.argv[1]), compression=None, backlog=1024):
        await asyncio.get_running_loop().create_future()


resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
asyncio.run(main())
