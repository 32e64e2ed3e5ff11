"""`/openapi.json`, and Swagger UI at `/` from files of our own host."""

import json
from pathlib import Path
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from swagger_ui_bundle import swagger_ui_path  # type: ignore[import-untyped]

# The bundled Swagger UI knows OpenAPI 3.0 only and refuses to look at another version; it shows
# the little that differs well enough when it is told so.
PAGE = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Octant API</title>
<link rel="icon" type="image/png" href="/swagger-ui/favicon-32x32.png">
<link rel="stylesheet" href="/swagger-ui/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/swagger-ui/swagger-ui-bundle.js"></script>
<script>
fetch("/openapi.json").then((answer) => answer.json()).then((document) => {
  SwaggerUIBundle({ spec: { ...document, openapi: "3.0.3" }, dom_id: "#swagger-ui" });
});
</script>
</body>
</html>
"""
FILES = {
    "favicon-32x32.png": "image/png",
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
}


def routes(document: dict[str, Any]) -> list[HTTPRouteHandler]:
    described = json.dumps(document, separators=(",", ":")).encode()
    return [
        fixed("/", PAGE, "text/html"),
        fixed("/openapi.json", described, "application/json"),
        *(
            fixed(f"/swagger-ui/{name}", (Path(swagger_ui_path) / name).read_bytes(), media_type)
            for name, media_type in FILES.items()
        ),
    ]


def fixed(
    path: str, content: bytes, media_type: str, headers: dict[str, str] | None = None
) -> HTTPRouteHandler:
    """A page that never changes while the process runs."""

    async def handle(request: Request[Any, Any, Any]) -> ASGIResponse:
        return ASGIResponse(body=content, media_type=media_type, headers=headers)

    return HTTPRouteHandler(path, http_method="GET", name=f"GET {path}")(handle)
