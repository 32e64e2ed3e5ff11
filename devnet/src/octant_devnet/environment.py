"""What each service of a devnet finds in its environment."""

import os

from octant_contracts.events import ALLOCATIONS, CHAIN_SYNC, GATEWAY, REWARDS, SERVICES

from octant_devnet import servers
from octant_devnet.ports import Ports
from octant_devnet.worldfile import ChainEntry


def service_environment(
    service: str,
    ports: Ports,
    chain: ChainEntry,
    *,
    development: bool,
    snapshots: str,
    confirm: bool,
    failpoints: bool,
) -> dict[str, str]:
    """`development`: the node is one that may be asked often; `snapshots`: auto or manual;
    `confirm`: merkle roots are put on chain by chain-sync, if it has the key."""
    environment = {
        "NATS_URL": f"nats://127.0.0.1:{ports.nats}",
        "CHAIN_ID": str(chain.chain_id),
        "CHAIN_NAME": chain.chain_name,
        "OPERATIONS_PORT": str(ports.operations[service]),
        "FAILPOINTS_ENABLED": str(failpoints).lower(),
    }
    if service in servers.STORING_SERVICES:
        environment["DB_URI"] = servers.service_dsn(ports.postgres, service)
    if service == CHAIN_SYNC:
        environment |= _chain_sync(chain, development, confirm)
    elif service == REWARDS:
        environment["SNAPSHOTS"] = snapshots
    elif service == GATEWAY:
        environment |= {
            "GATEWAY_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(ports.gateway),
            "FEED_HOST": "127.0.0.1",
            "FEED_PORT": str(ports.feed),
            "DEPLOYMENT_ID": "devnet",
            "OCTANT_ENV": "development",
            # Everybody comes from this machine.
            "RATE_LIMIT_READS": os.environ.get("RATE_LIMIT_READS", "0"),
            "RATE_LIMIT_WRITES": os.environ.get("RATE_LIMIT_WRITES", "0"),
            "COOL_DOWN_SECONDS": os.environ.get("COOL_DOWN_SECONDS", "0"),
        }
    elif service == ALLOCATIONS:
        environment["SCORE_REFRESH_PAUSE"] = os.environ.get("SCORE_REFRESH_PAUSE", "0")
    elif service not in SERVICES:
        raise ValueError(f"unknown service {service}; there are {', '.join(SERVICES)}")
    return environment


def _chain_sync(chain: ChainEntry, development: bool, confirm: bool) -> dict[str, str]:
    contracts, key = chain.contracts, chain.multisig_key
    environment = {
        f"{field.upper()}_CONTRACT_ADDRESS": address
        for field in contracts.__struct_fields__
        if (address := getattr(contracts, field)) is not None
    }
    environment |= {
        "ETH_RPC_PROVIDER_URL": chain.rpc_url,
        "START_BLOCK": str(chain.start_block or 0),
        "SCHEDULER_ENABLED": "true",
        "VAULT_CONFIRM_WITHDRAWALS_ENABLED": str(confirm and key is not None).lower(),
    }
    if chain.confirmations is not None:
        environment["CONFIRMATIONS"] = str(chain.confirmations)
    if key is not None:
        environment["TESTNET_MULTISIG_PRIVATE_KEY"] = key
    if development:
        environment |= {"POLL_INTERVAL": "0.1", "CONFIRM_INTERVAL": "1"}
    return environment
