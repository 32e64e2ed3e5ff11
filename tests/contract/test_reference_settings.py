"""The reference backend's environment works for our services where a name means the same, and
docs/operations.md tells which names do."""

import importlib
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from octant_chassis.settings import ChassisSettings, InvalidSettings, Secret, load
from octant_contracts.events import SERVICES

TABLE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
ADDRESS = "0x" + "11" * 20
OTHER = "0x" + "22" * 20
KEY = "0x" + "33" * 32
NEEDED = {
    "ETH_RPC_PROVIDER_URL": "http://127.0.0.1:1",
    **{
        f"{name}_CONTRACT_ADDRESS": ADDRESS
        for name in ("DEPOSITS", "EPOCHS", "GLM", "VAULT", "WITHDRAWALS_TARGET")
    },
}
CONTRACTS = ("GLM", "EPOCHS", "AUTH", "DEPOSITS", "PROPOSALS", "VAULT", "WITHDRAWALS_TARGET")
STORING = ("chain-sync", "epochs", "rewards", "allocations")
OF_ALL = [
    ("CHAIN_ID", "31337", "chain_id", 31337),
    ("OCTANT_LOG_LEVEL", "DEBUG", "log_level", "DEBUG"),
]
OF_STORING = [
    ("DB_URI", "postgresql://me:word@host:5432/octant", "db_uri", None),
    ("SQLALCHEMY_CONNECTION_POOL_SIZE", "67", "db_pool_size", 67),
]
OF_ONE = [
    ("chain-sync", "CHAIN_NAME", "sepolia", "sepolia"),
    ("chain-sync", "ETH_RPC_PROVIDER_URL", "https://host/v3/token", None),
    *(("chain-sync", f"{name}_CONTRACT_ADDRESS", OTHER, OTHER) for name in CONTRACTS),
    ("chain-sync", "MAINNET_PROPOSAL_CIDS", "QmA, QmB", "QmA, QmB"),
    ("chain-sync", "EPOCH_2_STAKING_PROCEEDS_SURPLUS", "205", 205),
    ("chain-sync", "SCHEDULER_ENABLED", "true", True),
    ("chain-sync", "VAULT_CONFIRM_WITHDRAWALS_ENABLED", "true", True),
    ("chain-sync", "TESTNET_MULTISIG_PRIVATE_KEY", KEY, None),
    ("chain-sync", "GLM_CLAIM_ENABLED", "true", True),
    ("chain-sync", "GLM_WITHDRAWAL_AMOUNT", "12", 12),
    ("chain-sync", "GLM_SENDER_NONCE", "3", 3),
    ("chain-sync", "SABLIER_MAINNET_SUBGRAPH_URL", "http://one", None),
    ("chain-sync", "SABLIER_SEPOLIA_SUBGRAPH_URL", "http://two", None),
    ("chain-sync", "ENV_TYPE", "e2e", "e2e"),
    ("rewards", "TR_PERCENT", "0.6", Decimal("0.6")),
    ("rewards", "IRE_PERCENT", "0.3", Decimal("0.3")),
    ("rewards", "MATCHED_REWARDS_PERCENT", "0.2", Decimal("0.2")),
    ("allocations", "MAX_UQ_SCORE", "0.9", "0.9"),
    ("allocations", "LOW_UQ_SCORE", "0.2", "0.2"),
    ("allocations", "NULL_UQ_SCORE", "0.1", "0.1"),
    ("allocations", "DELEGATION_SALT", "grain", None),
    ("allocations", "DELEGATION_SALT_PRIMARY", "corn", None),
    ("gateway", "CHAIN_NAME", "sepolia", "sepolia"),
    ("gateway", "DEPLOYMENT_ID", "uat-7", "uat-7"),
    ("gateway", "OCTANT_ENV", "production", "production"),
    ("gateway", "X_REAL_IP_REQUIRED", "false", False),
    ("gateway", "SOCKETIO_MANAGER_TYPE", "redis", "redis"),
    ("gateway", "SOCKETIO_REDIS_HOST", "redis.local", "redis.local"),
    ("gateway", "SOCKETIO_REDIS_PORT", "6380", 6380),
    ("gateway", "SOCKETIO_REDIS_PASSWORD", "pepper", None),
    ("gateway", "SOCKETIO_REDIS_DB", "2", 2),
]
READ = [
    *((service, *row) for service in SERVICES for row in OF_ALL),
    *((service, *row) for service in STORING for row in OF_STORING),
    *((service, name, text, name.lower(), value) for service, name, text, value in OF_ONE),
]


def kind_of(service: str) -> type[ChassisSettings]:
    module = importlib.import_module(f"octant_{service.replace('-', '_')}.settings")
    name = "GatewaySettings" if service == "gateway" else "Settings"
    kind: type[ChassisSettings] = getattr(module, name)
    return kind


def read(service: str, environ: dict[str, str]) -> ChassisSettings:
    return load(kind_of(service), NEEDED | environ)


@pytest.mark.parametrize(
    ("service", "name", "text", "field", "value"), READ, ids=[f"{r[0]} {r[1]}" for r in READ]
)
def test_name__of_the_reference__is_read_by_the_service(
    service: str, name: str, text: str, field: str, value: Any
) -> None:
    before = getattr(read(service, {}), field)
    found = getattr(read(service, {name: text}), field)
    if value is None:  # a secret
        assert isinstance(found, Secret)
        assert (found.reveal(), repr(found)) == (text, "***")
        assert before.reveal() != text
    else:
        assert found == value != before


@pytest.mark.parametrize("word", ["true", "True", "1", "yes", "YES", "false", "0", "no", "No"])
def test_boolean__in_any_usual_word__is_read(word: str) -> None:
    expected = word.lower() in ("true", "1", "yes")
    settings = read("chain-sync", {"SCHEDULER_ENABLED": word})
    assert settings.scheduler_enabled is expected  # type: ignore[attr-defined]


@pytest.mark.parametrize("word", ["maybe", "", "2"])
def test_boolean__in_another_word__is_refused_by_name(word: str) -> None:
    with pytest.raises(InvalidSettings, match="scheduler_enabled"):
        read("chain-sync", {"SCHEDULER_ENABLED": word})


def test_text__that_looks_like_a_boolean__stays_text() -> None:
    assert read("gateway", {"DEPLOYMENT_ID": "yes"}).deployment_id == "yes"  # type: ignore[attr-defined]


def test_names__of_ours_and_the_references__ours_wins() -> None:
    settings = read("epochs", {"OCTANT_LOG_LEVEL": "DEBUG", "LOG_LEVEL": "ERROR"})
    assert settings.log_level == "ERROR"
    sizes = {"SQLALCHEMY_CONNECTION_POOL_SIZE": "67", "DB_POOL_SIZE": "5"}
    assert read("epochs", sizes).db_pool_size == 5


def rows() -> dict[str, tuple[str, str]]:
    """Of the table in the documentation: name → services, what it means here."""
    found = re.findall(r"^\| `([A-Z0-9_]+)` \| ([^|]+) \| ([^|]+) \|$", TABLE, re.MULTILINE)
    assert len(found) == len({name for name, _, _ in found}) > 50
    return {name: (services, here) for name, services, here in found}


def test_table__of_names__tells_what_each_service_reads() -> None:
    told = {
        (service, name)
        for name, (services, here) in rows().items()
        if not here.startswith("ignored")
        for service in {"all": SERVICES, "all but the gateway": STORING}.get(
            services, services.split(", ")
        )
    }
    assert told == {(service, name) for service, name, *_ in READ}


@pytest.mark.parametrize("service", SERVICES)
def test_name__told_to_be_ignored__changes_nothing(service: str) -> None:
    ignored = [name for name, (_, here) in rows().items() if here.startswith("ignored")]
    assert "SUBGRAPH_ENDPOINT" in ignored
    assert not {name.lower() for name in ignored} & set(kind_of(service).__struct_fields__)
    as_it_is = str(load(kind_of(service), NEEDED))
    assert str(read(service, dict.fromkeys(ignored, "http://somewhere"))) == as_it_is
