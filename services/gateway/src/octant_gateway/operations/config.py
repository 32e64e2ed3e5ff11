"""/config.json: what a client has to know of this deployment before anything else."""

from octant_contracts.calls import CHAIN_INFO, Nothing
from octant_contracts.values import encode

from octant_gateway.answers import Config
from octant_gateway.gateway import Gateway
from octant_gateway.operation import Operation
from octant_gateway.parameters import NoParameters
from octant_gateway.settings import GatewaySettings


async def config(gateway: Gateway, _: NoParameters) -> bytes:
    settings = gateway.settings
    chain = await gateway.ask(CHAIN_INFO, Nothing())
    return encode(
        Config(
            chain_id=chain.chain_id,
            chain_name=chain.chain_name,
            contracts={contract.name: contract.address for contract in chain.smart_contracts},
            socket_url=settings.socket_url or _own(settings),
            feed_url=feed_url(settings),
            graphql_url=settings.graphql_url or None,
            version=settings.deployment_id,
        )
    )


def _own(settings: GatewaySettings) -> str:
    return f"http://{settings.gateway_host}:{settings.gateway_port}"


def feed_url(settings: GatewaySettings) -> str:
    """Where clients reach the live feed."""
    return settings.feed_url or f"ws://{settings.feed_host}:{settings.feed_port}/feed"


OPERATIONS = (
    Operation(
        method="GET",
        path="/config.json",
        summary="Chain, contracts and the other addresses of this deployment",
        tag="info",
        handler=config,
        answers={200: Config},
    ),
)
