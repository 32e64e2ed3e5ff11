"""Requests that are too long, too slow, or made by hand to break something."""

import asyncio
import socket
from pathlib import Path

import structlog
import structlog.testing
from octant_chassis import telemetry
from octant_contracts import calls
from octant_contracts.calls import CurrentEpoch, PatronMode
from octant_devnet.testkit import eventually
from octant_gateway import errors

from .user_cases import ALICE

CURRENT = "/epochs/current"
MODE = f"/user/{ALICE}/patron-mode"
POLL = "/socket.io/?EIO=4&transport=polling"
HEAD = b"GET /epochs/current HTTP/1.1\r\nHost: o\r\n"


def posted(path: str, framing: str, body: bytes = b"") -> bytes:
    return (
        f"PATCH {path} HTTP/1.1\r\nHost: o\r\nContent-Type: application/json\r\n"
        f"Connection: close\r\n{framing}\r\n\r\n".encode()
        + body
    )


async def test_head__longer_than_the_limits__is_refused_with_words(gateway_with) -> None:
    async with gateway_with(max_target_bytes=100, max_header_bytes=1000, max_header_lines=9) as w:
        w.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
        fits = CURRENT + "?" + "x" * (99 - len(CURRENT))
        w.client.headers.clear()  # the library's own

        async def ask(target: str, headers: dict[str, str]) -> tuple[int, str | None]:
            response = await w.get(target, headers=headers)
            assert response.headers["x-request-id"]
            assert response.headers["access-control-allow-origin"] == "*"
            return response.status_code, response.json().get("message")

        long_target = "The path with its query is longer than 100 bytes; ask for less at once."
        assert await ask(fits, {}) == (200, None)
        assert await ask(fits + "x", {}) == (414, long_target)
        assert await ask("/" + "x" * 100, {}) == (414, long_target)
        # `Host` with its value, and of each line the colon, a blank and the end.
        room = 1000 - len(f"host: 127.0.0.1:{w.port}\r\n") - len("x: \r\n")
        many = "The request has more than 1000 bytes of headers; send fewer or shorter ones."
        assert await ask(CURRENT, {"x": "y" * room}) == (200, None)
        assert await ask(CURRENT, {"x": "y" * (room + 1)}) == (431, many)
        lines = "The request has more than 9 lines of headers; send fewer or shorter ones."
        assert await ask(CURRENT, {f"x{n}": "" for n in range(8)}) == (200, None)
        assert await ask(CURRENT, {f"x{n}": "" for n in range(9)}) == (431, lines)


async def test_head__longer_than_the_server_reads__is_refused_without_words(world) -> None:
    """docs/limits.md says so."""
    for more, expected in (
        (b"x: " + b"y" * 2_000_000, 431),
        (b"\r\n".join(b"x%d: y" % n for n in range(101)), 431),
    ):
        status, answer = await world.raw(HEAD + more + b"\r\n\r\n")
        assert (status, answer.partition(b"\r\n\r\n")[2]) == (expected, b"")
    status, _ = await world.raw(b"GET /" + b"x" * 66_000 + b" HTTP/1.1\r\nHost: o\r\n\r\n")
    assert status == 414


async def test_body__a_byte_at_a_time__is_refused_in_the_end(gateway_with) -> None:
    async with gateway_with(body_seconds=0.3) as world:
        world.services.on(calls.SET_PATRON_MODE, PatronMode(True))
        quick = await world.client.patch(MODE, json={"signature": "0x"})
        assert quick.status_code == 200
        for path, method, expected in (
            (MODE, "PATCH", b"The request body did not arrive within 0.3 seconds; send it again."),
            (POLL, "POST", b"The message is too slow"),
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            head = f"{method} {path} HTTP/1.1\r\nHost: o\r\nX-Request-Id: mine\r\n"
            writer.write(head.encode() + b"Content-Length: 1000\r\n\r\n")

            async def drip(writer=writer) -> None:
                while True:
                    writer.write(b" ")
                    await asyncio.sleep(0.05)

            dripping = asyncio.create_task(drip())
            async with asyncio.timeout(4):
                answer = await reader.readuntil(b"\r\n\r\n")
                answer += await reader.readuntil(expected)
            dripping.cancel()
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"connection: close\r\n" in answer
            assert (b"x-request-id: mine\r\n" in answer) == (path == MODE)
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        assert len(world.services.asked) == 1


async def test_connection__without_a_whole_head__is_closed_also_between_requests(
    gateway_with,
) -> None:
    async with gateway_with(head_seconds=0.3) as world:
        world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
        for sent in (b"", b"GET /epochs/cur", HEAD, HEAD + b"\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
            writer.write(sent)
            async with asyncio.timeout(10):
                answer = await reader.read()
            assert (b"200 OK" in answer) == sent.endswith(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()


async def test_client__that_never_reads__is_cut_and_one_that_reads_late_is_not(
    gateway_with,
) -> None:
    async with gateway_with(stalled_seconds=0.5) as world:
        asked = b"GET /swagger-ui/swagger-ui-bundle.js HTTP/1.1\r\nHost: o\r\n\r\n"
        stuck = socket.socket()
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", world.port))
        stuck.setblocking(False)
        stuck.send(asked)

        ends = [f":{port:04X}" for port in (world.port, stuck.getsockname()[1])]

        def is_cut() -> bool:
            """At the server's end; the client, which has no room, is told nothing."""
            lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
            established = [line[1:3] for line in lines if line[3] == "01"]
            return not any(a.endswith(ends[0]) and b.endswith(ends[1]) for a, b in established)

        assert not is_cut()
        await eventually(is_cut)
        stuck.close()
        whole = await world.get("/swagger-ui/swagger-ui-bundle.js")
        assert len(whole.content) == int(whole.headers["content-length"]) > 1_000_000


async def test_requests__sent_one_after_the_other_unasked__are_answered_in_order(world) -> None:
    world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))
    unknown = b"GET /nope HTTP/1.1\r\nHost: o\r\n"
    _, answer = await world.raw(
        HEAD + b"\r\n" + unknown + b"\r\n" + HEAD + b"Connection: close\r\n\r\n"
    )
    statuses = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"404", b"200"]


async def test_body__in_chunks__is_read_and_a_broken_one_reaches_nobody(world) -> None:
    world.services.on(calls.SET_PATRON_MODE, PatronMode(True))
    body = b'{"signature":"0x"}'
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:5], body[5:]))
    chunked = "Transfer-Encoding: chunked"
    status, _ = await world.raw(posted(MODE, chunked, chunks + b"0\r\n\r\n"))
    assert status == 200
    for framing, sent in (
        (chunked, b"zz\r\n" + body + b"\r\n0\r\n\r\n"),
        (chunked, b"ffffffffffffffffff\r\n" + body),
        (chunked, b"5;" + b"x" * 100_000 + b"\r\n" + body),
        (chunked, chunks + b"0\r\n" + b"x: y\r\n" * 5000 + b"\r\n"),
        ("Content-Length: 18\r\nContent-Length: 17", body),
        ("Content-Length: -1", body),
    ):
        status, _ = await world.raw(posted(MODE, framing, sent))
        assert status in (400, 431), framing
    assert len(world.services.asked) == 1
    # Both lengths at once: the chunks count, and nothing is left over for a second request.
    both = f"Content-Length: 4\r\n{chunked}"
    status, answer = await world.raw(posted(MODE, both, chunks + b"0\r\n\r\n"))
    assert (status, answer.count(b"HTTP/1.1 ")) == (200, 1)


async def test_request_id__given_by_the_client__is_on_every_refusal(gateway_with) -> None:
    async with gateway_with(
        rate_limit_reads=1, max_target_bytes=100, max_header_bytes=2000
    ) as world:
        world.services.on(calls.CURRENT_EPOCH, CurrentEpoch(current_epoch=1))

        preflight = {"Access-Control-Request-Method": "GET", "Origin": "https://a"}
        answers = [
            await world.client.request(method, path, headers=headers | {"X-Request-Id": "mine"},
                                       content=content)
            for method, path, headers, content in (
                ("GET", CURRENT, {}, None),
                ("GET", CURRENT, {}, None),
                ("GET", "/" + "x" * 200, {}, None),
                ("GET", CURRENT, {"x": "y" * 2000}, None),
                ("PATCH", MODE, {}, b" " * 1_000_001),
                ("OPTIONS", CURRENT, preflight, None),
                ("GET", "/socket.io", {}, None),
            )
        ]  # fmt: skip
        assert [a.status_code for a in answers] == [200, 429, 414, 431, 413, 204, 307]
        assert [a.headers.get("x-request-id") for a in answers[:-1]] == ["mine"] * 6


async def test_request_id__of_a_failing_request__is_in_its_log_line(world, monkeypatch) -> None:
    logged = structlog.testing.LogCapture()
    processors = [telemetry._add_context("gateway"), logged]
    monkeypatch.setattr(errors, "log", structlog.wrap_logger(None, processors=processors))

    async def broken(*_: object) -> bytes:
        raise RuntimeError

    monkeypatch.setattr(world.gateway, "raw", broken)
    response = await world.get(CURRENT, headers={"X-Request-Id": "mine"})
    assert (response.status_code, response.headers["x-request-id"]) == (500, "mine")
    assert [entry["correlation_id"] for entry in logged.entries] == ["mine"]
