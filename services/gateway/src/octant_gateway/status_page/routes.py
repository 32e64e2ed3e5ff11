"""The page at /status: three files of this package, shown to people, updated by the live feed."""

from hashlib import blake2b
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from octant_gateway.operations.config import feed_url
from octant_gateway.settings import GatewaySettings

FILES = {
    "/status": ("page.html", "text/html"),
    "/status.css": ("page.css", "text/css"),
    "/status.js": ("page.js", "text/javascript"),
}


def routes(settings: GatewaySettings) -> list[HTTPRouteHandler]:
    policy = _policy(feed_url(settings))
    return [_file(path, name, kind, policy) for path, (name, kind) in FILES.items()]


def _policy(feed: str) -> str:
    """Only our own script, style and answers, the icon in the page, and the feed."""
    address = urlsplit(feed)
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src data:",
            f"connect-src 'self' {address.scheme}://{address.netloc}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


def _file(path: str, name: str, media_type: str, policy: str) -> HTTPRouteHandler:
    content = files(__package__).joinpath(name).read_bytes()
    etag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    headers = {
        "ETag": etag,
        "Cache-Control": "no-cache",  # keep it, but ask with If-None-Match
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }

    async def handle(request: Request[Any, Any, Any]) -> ASGIResponse:
        if etag in request.headers.get("if-none-match", ""):
            return ASGIResponse(status_code=304, headers=headers, body=b"")
        return ASGIResponse(body=content, media_type=media_type, headers=headers)

    return HTTPRouteHandler(path, http_method="GET", name=f"GET {path}")(handle)
