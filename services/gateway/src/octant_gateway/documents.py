"""The published form of the public surface: `docs/openapi.json`, `docs/feed-api.json`.

`python -m octant_gateway.documents FOLDER` writes them; tests compare the committed copies, so
that a change of the surface is always seen in a review.
"""

import json
import sys
from pathlib import Path

from octant_gateway.catalogue import CATALOGUE
from octant_gateway.feed import documents as feed
from octant_gateway.openapi import document

NAME = "openapi.json"
FEED_NAME = "feed-api.json"


def openapi_text() -> str:
    return json.dumps(document(CATALOGUE), indent=1, ensure_ascii=False) + "\n"


def feed_text() -> str:
    return json.dumps(feed.document(), indent=1, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    (folder / NAME).write_text(openapi_text())
    (folder / FEED_NAME).write_text(feed_text())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
