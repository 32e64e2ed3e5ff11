"""What every answer has around it: ids, CORS, redirects, 404, 405, 413."""

import asyncio
import json

import structlog
import structlog.testing
from litestar import Litestar, get
from octant_contracts import calls
from octant_contracts.calls import CurrentEpoch, EpochAllocations, PatronMode
from octant_gateway import errors
from octant_gateway.edge import edge
from octant_gateway.errors import HANDLERS

ALICE = "0xB32398833CF0A132a22104D8746a027A34A47269"


async def test_answer__of_every_status__carries_cors_and_a_request_id(world) -> None:
    world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
    world.services.on(calls.INDEXED_EPOCH, RuntimeError())
    await world.services.stop("rewards")
    statuses = {}
    for path in ("/epochs/current", "/epochs/info/x", "/nope", "/epochs/indexed"):
        statuses[path] = await world.get(path)
    statuses["503"] = await world.get("/rewards/leverage/1")
    statuses["405"] = await world.client.post("/epochs/current")
    statuses["307"] = await world.get("/epochs/current/")
    assert sorted(r.status_code for r in statuses.values()) == [200, 307, 404, 405, 422, 500, 503]
    for response in statuses.values():
        assert response.headers["access-control-allow-origin"] == "*"
        assert "X-Request-Id" in response.headers["access-control-expose-headers"]
        assert "Retry-After" in response.headers["access-control-expose-headers"]
        assert response.headers["x-request-id"]
    assert len({r.headers["x-request-id"] for r in statuses.values()}) == len(statuses)


async def test_request_id__given_by_the_client__is_kept_when_it_is_a_plain_word(world) -> None:
    world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
    kept = await world.get("/epochs/current", headers={"X-Request-Id": "a-1.b_2"})
    assert kept.headers["x-request-id"] == "a-1.b_2"
    for odd in ("", "a b", "x" * 65, "ä"):
        made = await world.get("/epochs/current", headers={b"X-Request-Id": odd.encode("latin-1")})
        assert made.headers["x-request-id"] not in (odd, "")
    assert world.services.asked[0].correlation == "a-1.b_2"


async def test_preflight__from_any_origin__is_allowed(world) -> None:
    for path in ("/epochs/current", f"/user/{ALICE}/patron-mode", "/nope"):
        response = await world.client.options(
            path,
            headers={
                "Origin": "https://dapp.example",
                "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": "content-type",
            },
        )
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["access-control-allow-origin"] == "*"
        allowed = response.headers["access-control-allow-methods"]
        assert allowed == "GET, POST, PUT, PATCH, OPTIONS"
        assert "Content-Type" in response.headers["access-control-allow-headers"]
        assert response.headers["access-control-max-age"] == "86400"


async def test_trailing_slash__of_a_known_path__redirects_to_the_path_without(world) -> None:
    answer = EpochAllocations(allocations=[], next_cursor=None, as_of=0)
    world.services.on(calls.EPOCH_ALLOCATIONS, answer)
    response = await world.get("/allocations/epoch/1/?includeZeroAllocations=yes")
    assert response.status_code == 307
    assert response.headers["location"] == "/allocations/epoch/1?includeZeroAllocations=yes"
    followed = await world.get(
        "/allocations/epoch/1/?includeZeroAllocations=yes", follow_redirects=True
    )
    assert followed.json() == {"allocations": []}
    assert (await world.client.post("/allocations/allocate/", json={})).status_code == 307
    assert (await world.get("/epochs/info/")).status_code == 404


async def test_doubled_slashes__never_lead_to_another_host(world) -> None:
    for target in ("//evil.example/", "//epochs/current/", "/epochs//current", "/%2F/epochs/"):
        status, answer = await world.raw(
            f"GET {target} HTTP/1.1\r\nHost: octant\r\nConnection: close\r\n\r\n".encode()
        )
        assert status == 404, target
        assert b"location" not in answer.lower()


async def test_unknown_path__is_404(world) -> None:
    for path in ("/nope", "/epochs", "/allocations/users/sum", "/docs", "/epochs/current/more"):
        response = await world.get(path)
        assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


async def test_unknown_method__is_405_with_what_is_allowed(world) -> None:
    for method, path, allowed in (
        ("POST", "/epochs/current", "GET"),
        ("HEAD", "/epochs/current", "GET"),
        ("OPTIONS", "/epochs/current", "GET"),
        ("GET", "/allocations/allocate", "POST"),
        ("DELETE", f"/user/{ALICE}/patron-mode", "GET, PATCH"),
        ("OPTIONS", f"/user/{ALICE}/patron-mode", "GET, PATCH"),
    ):
        response = await world.client.request(method, path)
        assert response.status_code == 405, (method, path)
        assert response.headers["allow"] == allowed
        if method != "HEAD":
            assert response.json() == {"detail": "Method Not Allowed"}


async def test_body__over_the_limit__is_refused_announced_or_not(world) -> None:
    expected = {"message": "The request body is larger than 1000000 bytes; send less."}
    path = f"/user/{ALICE}/patron-mode"

    async def unannounced():
        for _ in range(20):
            yield b" " * 100_000

    for content in (b" " * 1_000_001, unannounced()):
        response = await world.client.patch(path, content=content)
        assert (response.status_code, response.json()) == (413, expected)
        assert response.headers["connection"] == "close"
    world.services.on(calls.SET_PATRON_MODE, PatronMode(True))
    fits = json.dumps({"signature": "0x"}).encode().ljust(1_000_000)
    assert (await world.client.patch(path, content=fits)).status_code == 200


async def test_client__that_leaves_in_the_middle_of_its_body__disturbs_nobody(world) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(b"POST /allocations/allocate HTTP/1.1\r\nHost: o\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
    assert (await world.get("/epochs/current")).status_code == 200


async def test_unexpected_exception__is_a_bare_500_with_an_id_and_a_log_line(monkeypatch) -> None:
    logged = structlog.testing.LogCapture()
    monkeypatch.setattr(errors, "log", structlog.wrap_logger(None, processors=[logged]))

    @get("/", name="broken")
    async def broken() -> None:
        raise RuntimeError("a secret")

    app = edge(
        Litestar([broken], exception_handlers=HANDLERS, openapi_config=None, logging_config=None)
    )
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b""}
    await app(
        {**scope, "headers": [(b"host", b"o")], "server": None, "scheme": "http"}, receive, send
    )
    start, body = sent[0], b"".join(m.get("body", b"") for m in sent[1:])
    assert start["status"] == 500
    assert json.loads(body) == {"message": "Internal server error"}
    assert dict(start["headers"])[b"x-request-id"]
    assert [entry["event"] for entry in logged.entries] == ["request failed"]
    assert logged.entries[0]["exc_info"]


async def test_hundreds_of_idle_connections__leave_room_for_the_next(world) -> None:
    world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
    request = b"GET /epochs/current HTTP/1.1\r\nHost: o\r\n\r\n"
    idle = []
    for _ in range(300):
        reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
        writer.write(request)
        idle.append((reader, writer))
    for reader, _ in idle:
        line = await asyncio.wait_for(reader.readline(), 5)
        assert line == b"HTTP/1.1 200 OK\r\n"
    assert (await world.get("/epochs/current", timeout=5)).status_code == 200
    for _, writer in idle:
        writer.close()
        await writer.wait_closed()
