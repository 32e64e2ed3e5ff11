"""The floor of `allocation_post`: recover one signature, commit the same rows, nothing else."""

import json
import os

import asyncpg
from octant_protocol.address import parse_address
from octant_protocol.signatures import allocation_digest, recover

ROWS = """
CREATE TABLE IF NOT EXISTS requests (
    id bigserial PRIMARY KEY, who bytea, nonce bigint, signature text
);
CREATE TABLE IF NOT EXISTS allocations (
    id bigserial PRIMARY KEY, who bytea, project bytea, amount numeric(78,0)
);
CREATE TABLE IF NOT EXISTS outbox (id bigserial PRIMARY KEY, payload bytea);
"""
pool: asyncpg.Pool


async def app(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    global pool
    if scope["type"] == "lifespan":
        await receive()
        pool = await asyncpg.create_pool(os.environ["FLOOR_DSN"], min_size=4, max_size=16)
        await pool.execute(ROWS)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = (await receive())["body"]
    request = json.loads(body)
    items = [
        (parse_address(a["proposalAddress"]), int(a["amount"]))
        for a in request["payload"]["allocations"]
    ]
    nonce = request["payload"]["nonce"]
    user = parse_address(request["userAddress"])
    assert recover(allocation_digest(1337, items, nonce), request["signature"]) == user
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO requests (who, nonce, signature) VALUES ($1, $2, $3)",
            user, nonce, request["signature"],
        )  # fmt: skip
        await connection.execute(
            "INSERT INTO allocations (who, project, amount) "
            "SELECT $1, p, a FROM unnest($2::bytea[], $3::numeric[]) AS t(p, a)",
            user, [p for p, _ in items], [a for _, a in items],
        )  # fmt: skip
        await connection.execute("INSERT INTO outbox (payload) VALUES ($1)", body)
    await send({"type": "http.response.start", "status": 201,
                "headers": [(b"content-type", b"application/json")]})  # fmt: skip
    await send({"type": "http.response.body", "body": b"null"})
