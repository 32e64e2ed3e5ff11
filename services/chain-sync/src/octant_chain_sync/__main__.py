"""`python -m octant_chain_sync serve | migrate | check`"""

import sys
from collections.abc import Mapping
from functools import partial

from octant_chassis.command_line import Commands, Probe
from octant_contracts.events import CHAIN_SYNC

from octant_chain_sync import app, rpc
from octant_chain_sync.node import Node
from octant_chain_sync.settings import Settings, contracts_of, validate


async def ping_chain(settings: Settings) -> None:
    async with rpc.connect(settings.eth_rpc_provider_url.reveal()) as client:
        await Node(client, contracts_of(settings), settings.chain_id).latest(timeout=3)


def probes(settings: Settings) -> Mapping[str, Probe]:
    return {"chain": partial(ping_chain, settings)}


COMMANDS = Commands(
    name=CHAIN_SYNC,
    settings=Settings,
    serve=app.serve,
    package=app.PACKAGE,
    validate=validate,
    probes=probes,
)

if __name__ == "__main__":
    sys.exit(COMMANDS.run(sys.argv[1:]))
