"""Time travel in the units people think in: epochs and decision windows.

Every jump names its exact second, so that a seeded run mines the same blocks every time.
"""

from octant_devnet import contracts
from octant_devnet.chain import Chain
from octant_devnet.deploy import Deployment


def to_next_epoch(chain: Chain, deployment: Deployment, *, seconds_in: int = 0) -> int:
    """Travel to the next epoch, `seconds_in` after its first second, and return its number."""
    end = contracts.current_epoch_end(chain, deployment.epochs)
    chain.travel_to(end + seconds_in)
    return contracts.current_epoch(chain, deployment.epochs)


def to_epoch(chain: Chain, deployment: Deployment, epoch: int, *, seconds_in: int = 0) -> None:
    """Travel epoch by epoch, so that every epoch has a block; no-op when already there."""
    current = contracts.current_epoch(chain, deployment.epochs)
    if current > epoch:
        raise ValueError(f"epoch {epoch} is over, the current one is {current}")
    while current < epoch:
        current = to_next_epoch(chain, deployment, seconds_in=seconds_in)


def window_open(chain: Chain, deployment: Deployment) -> bool:
    return contracts.decision_window_open(chain, deployment.epochs)


def close_window(chain: Chain, deployment: Deployment) -> int:
    """Travel to the first second after the current decision window; the chain's time then.

    No-op when it is closed already; ValueError when it lasts as long as the epoch.
    """
    if not window_open(chain, deployment):
        return chain.now()
    props = contracts.current_epoch_props(chain, deployment.epochs)
    if props.decision_window + 1 >= props.duration:
        raise ValueError("this decision window lasts until the end of its epoch")
    end = contracts.current_epoch_end(chain, deployment.epochs)
    first_closed = end - props.duration + props.decision_window + 1
    chain.travel_to(first_closed)
    return first_closed
