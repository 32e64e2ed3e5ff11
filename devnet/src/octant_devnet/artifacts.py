"""The compiled contracts, as committed in devnet/artifacts (written by devnet/build.mjs)."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DEVNET_FOLDER = Path(__file__).resolve().parents[2]
ARTIFACT_FOLDER = DEVNET_FOLDER / "artifacts"


@dataclass(frozen=True, slots=True)
class Artifact:
    name: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    deployed_bytecode: bytes


@cache
def load(name: str) -> Artifact:
    """The artefact of a contract; immutables are zero in its deployed bytecode."""
    path = ARTIFACT_FOLDER / f"{name}.json"
    if not path.is_file():
        raise FileNotFoundError(f"no artefact {path}: run `node devnet/build.mjs`")
    content = json.loads(path.read_text())
    return Artifact(
        name=name,
        abi=content["abi"],
        bytecode=bytes.fromhex(content["bytecode"][2:]),
        deployed_bytecode=bytes.fromhex(content["deployedBytecode"][2:]),
    )
