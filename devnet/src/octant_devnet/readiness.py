"""Asks services whether they are ready, and says why not in words."""

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen


def reason_not_ready(operations_url: str, timeout: float = 1.0) -> str | None:
    """None when /readyz says 200."""
    try:
        with urlopen(f"{operations_url}/readyz", timeout=timeout):
            return None
    except HTTPError as error:
        return _waiting(error.read()) or f"/readyz answers {error.code}"
    except OSError:
        return f"does not answer at {operations_url}"


def last_line(log: Path, size: int = 4000) -> str:
    """The last thing a process wrote; empty when it wrote nothing."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - size))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    written = [line.strip() for line in lines if line.strip()]
    return written[-1][:300] if written else ""


def _waiting(body: bytes) -> str:
    try:
        waiting: dict[str, str] = json.loads(body)["waiting"]
        return "; ".join(f"{name}: {reason}" for name, reason in waiting.items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
