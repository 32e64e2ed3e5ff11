"""A kept response: its bytes for every encoding, made once."""

import asyncio
import gzip
from hashlib import blake2b
from typing import Any

import zstandard

from octant_gateway.cache.hits import Count
from octant_gateway.edge import CORS

SMALL = 512  # bytes that are not worth compressing
QUICK = 32_768  # bytes that are compressed without a thread
OVERHEAD = 2_000  # bytes of memory besides the body
FOREVER = b"public, max-age=%d, immutable"
ASK_AGAIN = b"no-cache"  # keep it, but ask with If-None-Match

Header = tuple[bytes, bytes]


class Variant:
    """The body in one encoding, with its headers."""

    __slots__ = ("body", "headers")

    def __init__(self, body: bytes, headers: list[Header]) -> None:
        self.body = {"type": "http.response.body", "body": body, "more_body": False}
        self.headers = [*headers, (b"content-length", b"%d" % len(body))]


class Entry:
    """`path`: the operation's template; `final`: no event changes it any more."""

    __slots__ = (
        "_base",
        "_making",
        "body",
        "count",
        "etag",
        "final",
        "gzip",
        "key",
        "not_modified",
        "path",
        "plain",
        "services",
        "size",
        "tags",
        "zstd",
    )

    def __init__(
        self,
        key: Any,
        count: Count,
        body: bytes,
        tags: frozenset[Any],
        *,
        final: bool,
        max_age: int,
    ) -> None:
        self.key = key
        self.count = count
        self.path = count.path
        self.body = body
        self.tags = tags
        self.final = final
        self.services = frozenset(tag[1] for tag in tags if tag[0] == "service")
        self.etag = b'W/"%s"' % blake2b(body, digest_size=12).hexdigest().encode()
        cache_control = FOREVER % max_age if final else ASK_AGAIN
        self._base: list[Header] = [
            *CORS,
            (b"etag", self.etag),
            (b"cache-control", cache_control),
            (b"vary", b"Accept-Encoding"),
        ]
        self.not_modified = self._base
        self._base = [(b"content-type", b"application/json"), *self._base]
        self.plain = Variant(body, self._base)
        self.zstd: Variant | None = None
        self.gzip: Variant | None = None
        self._making: dict[bytes, asyncio.Future[Variant]] = {}
        self.size = len(body) + OVERHEAD

    async def compressed(self, encoding: bytes) -> Variant:
        """Made at most once, however many ask."""
        if len(self.body) < SMALL:
            self.zstd = self.gzip = self.plain
            return self.plain
        making = self._making.get(encoding)
        if making is None:
            making = self._making[encoding] = asyncio.ensure_future(self._make(encoding))
        return await asyncio.shield(making)

    async def _make(self, encoding: bytes) -> Variant:
        compress = _zstd if encoding == b"zstd" else _gzip
        if len(self.body) < QUICK:
            body = compress(self.body)
        else:
            body = await asyncio.to_thread(compress, self.body)
        variant = Variant(body, [*self._base, (b"content-encoding", encoding)])
        if encoding == b"zstd":
            self.zstd = variant
        else:
            self.gzip = variant
        return variant


def _zstd(body: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(body)


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)
