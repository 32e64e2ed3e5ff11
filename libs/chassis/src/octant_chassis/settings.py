"""Settings: one frozen struct per service, read once from the environment.

A field `db_uri` is read from `DB_URI`, or from the file named in `DB_URI_FILE`. Values typed
`Secret` never show in logs.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)
# What the reference backend calls the same; our own name wins.
_ALSO = {"LOG_LEVEL": "OCTANT_LOG_LEVEL", "DB_POOL_SIZE": "SQLALCHEMY_CONNECTION_POOL_SIZE"}
_WORDS = {"yes": "true", "no": "false"}


class Secret:
    """Text that prints as `***`; `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __repr__(self) -> str:
        return "***" if self._text else "(empty)"


class ChassisSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What every service needs. Services extend it with their own knobs."""

    db_uri: Secret = Secret("")
    """PostgreSQL DSN; the service's schema is its search_path."""
    nats_url: str = "nats://127.0.0.1:4222"
    chain_id: int = 11155111
    log_level: str = "INFO"
    operations_host: str = "127.0.0.1"
    operations_port: int = 0
    """Side port of /livez /readyz /metrics /docs and the admin actions; 0 picks one."""
    operator_token: Secret = Secret("")
    """Bearer token of the admin actions; empty: open, refused on chain id 1."""
    db_pool_size: int = 10
    call_concurrency: int = 64
    failpoints_enabled: bool = False
    """Lets tests arm failpoints through the side port; refused on chain id 1."""


class InvalidSettings(Exception):
    """The environment does not make sense; the text says which variable and why."""


def load(kind: type[S], environ: Mapping[str, str]) -> S:
    """The settings struct filled from the environment; InvalidSettings otherwise."""
    raw: dict[str, str] = {}
    also = {ours: environ[theirs] for ours, theirs in _ALSO.items() if theirs in environ}
    environ = {**also, **environ}
    for field in msgspec.structs.fields(kind):
        name = field.name.upper()
        if name in environ:
            text = environ[name]
            raw[field.name] = _WORDS.get(text.lower(), text) if field.type is bool else text
        elif name + "_FILE" in environ:
            try:
                raw[field.name] = Path(environ[name + "_FILE"]).read_text().strip()
            except OSError as error:
                raise InvalidSettings(f"{name}_FILE cannot be read: {error}") from None
    try:
        settings = msgspec.convert(raw, kind, strict=False, dec_hook=lambda to, text: to(text))
    except msgspec.ValidationError as error:
        raise InvalidSettings(str(error)) from None
    if isinstance(settings, ChassisSettings) and settings.chain_id == 1:
        _guard_mainnet(settings)
    return settings


def redacted(settings: msgspec.Struct) -> dict[str, Any]:
    """All values for the start-up log, secrets as `***`."""
    return {
        f.name: repr(v) if isinstance(v := getattr(settings, f.name), Secret) else v
        for f in msgspec.structs.fields(settings)
    }


def _guard_mainnet(settings: ChassisSettings) -> None:
    if not settings.operator_token:
        raise InvalidSettings("OPERATOR_TOKEN must be set on chain id 1")
    if settings.failpoints_enabled:
        raise InvalidSettings("FAILPOINTS_ENABLED is not allowed on chain id 1")
