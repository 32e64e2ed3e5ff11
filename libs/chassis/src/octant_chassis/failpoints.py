"""Named points where a test can kill the process as a power cut would.

Armed through the operator's side port when FAILPOINTS_ENABLED is set; otherwise one
dictionary look-up.
"""

import os
import signal

_armed: dict[str, int] = {}

NAMES = ("before_commit", "after_commit", "after_publish")


def arm(name: str, label: str = "", skip: int = 0) -> None:
    """Kill at the (skip + 1)th pass of `name`; `label` narrows it to one transaction."""
    if name not in NAMES:
        raise ValueError(f"unknown failpoint {name}; there are {', '.join(NAMES)}")
    _armed[f"{name}:{label}" if label else name] = skip


def failpoint(name: str, label: str = "") -> None:
    """Dies here with SIGKILL if armed."""
    if not _armed:
        return
    for key in (name, f"{name}:{label}"):
        if key in _armed:
            if _armed[key] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            _armed[key] -= 1
