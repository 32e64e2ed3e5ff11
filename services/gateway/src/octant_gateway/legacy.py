"""The older API's prefix, still called by scripts: `/flask/<known path>` is `<known path>`."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from octant_gateway.edge import App, Message, Receive, Send
from octant_gateway.operation import Operation

PREFIX = "/flask"


def with_legacy_paths(app: App, catalogue: Sequence[Operation]) -> App:
    """`app`, which also finds its operations under the prefix; all else there is unknown to it."""
    templates = {re.sub(r"{\w+}", "[^/]+", operation.path) for operation in catalogue}
    known = re.compile(f"(?:{'|'.join(templates)})/?")

    async def respond(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX + "/"):
            # `glm` became `glms`.
            path = re.sub("^/glm/", "/glms/", scope["path"].removeprefix(PREFIX))
            if known.fullmatch(path):
                # In place: who is around us reads from it which route was found.
                scope["path"] = path
                scope["raw_path"] = quote(path).encode()
        await app(scope, receive, send)

    return respond
