"""The base of all events, and the names of the services that announce them."""

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events; carries nothing itself."""


CHAIN_SYNC = "chain-sync"
EPOCHS = "epochs"
REWARDS = "rewards"
ALLOCATIONS = "allocations"
GATEWAY = "gateway"
SERVICES = (CHAIN_SYNC, EPOCHS, REWARDS, ALLOCATIONS, GATEWAY)
