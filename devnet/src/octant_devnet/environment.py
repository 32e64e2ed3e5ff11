"""What each service of a devnet finds in its environment."""

from octant_contracts.events import CHAIN_SYNC, GATEWAY, REWARDS, SERVICES

from octant_devnet import servers
from octant_devnet.anvil import CHAIN_ID
from octant_devnet.deploy import Deployment
from octant_devnet.ports import Ports

CHAIN_NAME = "localhost"


def service_environment(
    service: str,
    ports: Ports,
    deployment: Deployment,
    *,
    snapshots: str,
    confirm: bool,
    failpoints: bool,
) -> dict[str, str]:
    """`snapshots`: auto or manual; `confirm`: merkle roots are put on chain by chain-sync."""
    environment = {
        "NATS_URL": f"nats://127.0.0.1:{ports.nats}",
        "CHAIN_ID": str(CHAIN_ID),
        "CHAIN_NAME": CHAIN_NAME,
        "OPERATIONS_PORT": str(ports.operations[service]),
        "LOG_LEVEL": "INFO",
        "FAILPOINTS_ENABLED": str(failpoints).lower(),
    }
    if service in servers.STORING_SERVICES:
        environment["DB_URI"] = servers.service_dsn(ports.postgres, service)
    if service == CHAIN_SYNC:
        environment |= _chain_sync(ports, deployment, confirm)
    elif service == REWARDS:
        environment["SNAPSHOTS"] = snapshots
    elif service == GATEWAY:
        environment |= {
            "GATEWAY_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(ports.gateway),
            "DEPLOYMENT_ID": "devnet",
            "OCTANT_ENV": "development",
        }
    elif service not in SERVICES:
        raise ValueError(f"unknown service {service}; there are {', '.join(SERVICES)}")
    return environment


def _chain_sync(ports: Ports, deployment: Deployment, confirm: bool) -> dict[str, str]:
    addresses = {
        "AUTH": deployment.auth,
        "DEPOSITS": deployment.deposits,
        "EPOCHS": deployment.epochs,
        "GLM": deployment.glm,
        "PROPOSALS": deployment.proposals,
        "VAULT": deployment.vault,
        "WITHDRAWALS_TARGET": deployment.withdrawals_target,
    }
    return {f"{name}_CONTRACT_ADDRESS": address for name, address in addresses.items()} | {
        "ETH_RPC_PROVIDER_URL": f"http://127.0.0.1:{ports.anvil}",
        "START_BLOCK": str(deployment.start_block),
        "CONFIRMATIONS": "0",  # time travel never makes a block final
        "POLL_INTERVAL": "0.1",
        "SCHEDULER_ENABLED": "true",
        "VAULT_CONFIRM_WITHDRAWALS_ENABLED": str(confirm).lower(),
        "TESTNET_MULTISIG_PRIVATE_KEY": deployment.multisig_key,
        "CONFIRM_INTERVAL": "1",
    }
